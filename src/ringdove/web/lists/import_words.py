"""What imports are called on pages: their states, columns, outcomes and reasons."""

from collections.abc import Mapping

from ringdove.records.lists.imports import Import
from ringdove.web.menu import N_
from ringdove.web.speech import Speech

STATES: Mapping[str, tuple[str, str]] = {  # words, tone
    "mapping": (N_("waits for you to say what is what"), "wait"),
    "checking": (N_("being counted"), "info"),
    "checked": (N_("counted, waits for your yes"), "wait"),
    "running": (N_("running"), "info"),
    "paused": (N_("paused"), "wait"),
    "done": (N_("done"), "ok"),
    "cancelled": (N_("stopped midway"), "wait"),
    "undoing": (N_("being undone"), "info"),
    "undone": (N_("undone"), ""),
    "failed": (N_("failed"), "bad"),
}
REJECTED: Mapping[str, str] = {
    "no_key": N_("neither phone, e-mail nor account"),
    "phone_unreadable": N_("the phone cannot be read"),
    "email_unreadable": N_("the e-mail is none, and there is no phone"),
}
OUTCOMES: tuple[tuple[str, str], ...] = (
    ("new", N_("New people")),
    ("updated", N_("Known people who are filled in")),
    ("same", N_("Known people to whom nothing is new")),
    ("again", N_("Rows about somebody who stands in the file before")),
    ("rejected", N_("Rows that are not taken")),
)
SAID: tuple[tuple[str, str], ...] = (
    ("said.allowed", N_("will get offers: their yes goes into the ledger")),
    ("said.known", N_("had said yes already")),
    ("said.stopped", N_("have refused before and stay refused, whatever the file says")),
    ("said.refused", N_("refuse in the file: they get no offers")),
    ("doubt", N_("phones are kept for somebody to settle")),
)
NOTES: Mapping[str, str] = {
    "email": N_("an e-mail that is none was left out"),
    "consent": N_("the consent is neither yes nor no: taken as no answer"),
    "consent_date": N_("the date of consent cannot be read: no offers"),
    "topics": N_("a topic that the store does not have was left out"),
    "birthday": N_("a birthday that is no date was left out"),
    "children": N_("birth dates of children that are none were left out"),
    "language": N_("a language that is unknown was left out"),
    "country": N_("a country that is unknown was left out"),
    "sex": N_("a sex that is neither was left out"),
}

# What rules/lists/people_files.py, kit/sheets.py and web/lists/import_files.py say of a file, for
# translators.
FILE_WRONG = (
    N_("This is an old spreadsheet (.xls): save it as .xlsx or CSV."),
    N_("This is no list: bring a CSV or XLSX file."),
    N_("This is no list of text: bring a CSV or XLSX file."),
    N_("The file is empty."),
    N_("The file is kept no longer: bring it again."),
    N_("This spreadsheet is too large for this machine: save it as CSV."),
    N_("This spreadsheet is too large: save it as CSV."),
    N_("This spreadsheet is locked with a password: save it without one."),
    N_("This spreadsheet cannot be read: save it anew as .xlsx, or as CSV."),
    N_("There is nothing in this spreadsheet."),
)


def target_names(say: Speech) -> dict[str, str]:
    """What a column can be."""
    _ = say.gettext
    return {
        "phone": _("Phone"),
        "email": _("E-mail"),
        "account": _("Account number in the shop"),
        "name": _("Name"),
        "first_name": _("First name"),
        "last_name": _("Last name"),
        "language": _("Language"),
        "country": _("Country"),
        "region": _("Region"),
        "city": _("City"),
        "sex": _("Sex"),
        "birthday": _("Birthday"),
        "children": _("Children's birth dates"),
        "consent": _("Consent to offers by text (yes, no)"),
        "consent_date": _("Date of consent"),
        "topics": _("Topics they agreed to"),
    }


def state(say: Speech, one: Import) -> tuple[str, str]:
    """In which state it is, and the tone."""
    words, tone = STATES[one.state]
    return say.gettext(words), tone


def lines(say: Speech, one: Import) -> dict[str, list[tuple[str, int]]]:
    """The numbers of an import in words: outcomes, permission, reasons, what was left out."""
    _ = say.gettext
    counts = one.forecast if one.state in ("checked",) else one.counts
    notes = []
    for key, n in counts.items():
        name = key.removeprefix("note.")
        if name != key:
            words = NOTES.get(name, N_("a value of your own field that does not fit was left out"))
            notes.append((_(words), n))
    return {
        "outcomes": [(_(words), counts.get(key, 0)) for key, words in OUTCOMES],
        "said": [(_(words), counts[key]) for key, words in SAID if counts.get(key)],
        "reasons": [
            (_(words), counts[f"reason.{key}"])
            for key, words in REJECTED.items()
            if counts.get(f"reason.{key}")
        ],
        "notes": notes,
    }


def left(say: Speech, seconds: float | None) -> str:
    """How long it still takes."""
    if seconds is None:
        return ""
    if seconds < 60:
        return say.gettext("less than a minute left")
    minutes = round(seconds / 60)
    return say.ngettext("about %(num)s minute left", "about %(num)s minutes left", minutes)
