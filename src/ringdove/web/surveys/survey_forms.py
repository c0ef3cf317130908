"""A survey as it is typed on its page, and what is wrong with it in the reader's words.

Words are typed by language; a further question and a reason of the store's own keep their keys, so
that answers of the past stay theirs when a name is changed.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from pydantic import ValidationError
from starlette.datastructures import FormData

from ringdove.rules.surveys import surveys
from ringdove.rules.surveys.surveys import DAY, FURTHER_MAX, READY, REASONS, REASONS_MAX, Survey
from ringdove.web.forms import Form
from ringdove.web.menu import N_
from ringdove.web.speech import Speech

SAID: Final = ("question", "low", "high", "why", "thanks")
SCALES: Final = ((1, 5), (1, 6), (1, 10), (0, 10))
SWITCHES: Final = ("asks_why", "re_asks", "says_thanks", "publishes")
KINDS: Final = ("scale", "choice", "text")
TEXT_MAX = 20_000

WRONG: Mapping[str, str] = {
    "name": N_("Give it a name of at most 120 letters."),
    "scale": N_("Choose one of the list."),
    "low_until": N_(
        "This does not fit the scale: low scores begin at its lowest, good ones end at its highest,"
        " and between them the low come before the good."
    ),
    "within": N_("Days from 1 to 90, please."),
    "reasons": N_("At most %(most)s reasons, each with a name of at most 80 letters."),
    "further": N_(
        "At most %(most)s questions, each with words in one language at least; one to choose from"
        " needs two answers or more, a line each."
    ),
    "words": N_("This is too long."),
}


def values_of(survey: Survey, offered: Sequence[str]) -> dict[str, Any]:
    """A survey as its form shows it."""
    told: dict[str, Any] = {
        "name": survey.name, "about": survey.about, "scale": f"{survey.low}-{survey.high}",
        "low_until": survey.low_until, "good_from": survey.good_from, "measure": survey.measure,
        "within": f"{Decimal(survey.within) / DAY:f}", "reward": survey.reward,
        "reason": [one.key for one in survey.reasons if one.key in REASONS],
        "own_reasons": [
            {"key": one.key, "names": dict(one.names)}
            for one in survey.reasons
            if one.key not in REASONS
        ],
        "further": [
            {
                "id": one.id, "kind": one.kind, "scale": f"{one.low}-{one.high}",
                "names": dict(one.names), "keys": [choice.key for choice in one.choices],
                "choices": {
                    code: "\n".join(choice.names.get(code, "") for choice in one.choices).rstrip()
                    for code in offered
                },
            }
            for one in survey.further
        ],
    }  # fmt: skip
    told |= {name: "yes" if getattr(survey, name) else "" for name in SWITCHES}
    for code in offered:
        words = survey.words.get(code)
        told |= {f"{name}_{code}": getattr(words, name) if words else "" for name in SAID}
    return told


def understand(
    say: Speech, given: FormData, known: Survey, offered: Sequence[str]
) -> tuple[Survey | None, Form[Any]]:
    """The survey that was typed; None: something in it is wrong. What the form does not show (words
    in languages that the store does not offer any more) stays as it was."""
    told, values = _typed(given, known, offered)
    if not known.name and known.key not in READY and not told["name"]:
        why = WRONG["name"]
        return None, Form(values, {"name": say.gettext(why)})
    try:
        return Survey.model_validate(told), Form(values)
    except ValidationError as error:
        errors: dict[str, str] = {}
        for one in error.errors():
            name, which = _place(one["loc"])
            most = {"reasons": REASONS_MAX, "further": FURTHER_MAX}.get(which, 0)
            errors.setdefault(name, say.gettext(WRONG[which], most=most))
        return None, Form(values, errors)


def _place(loc: tuple[int | str, ...]) -> tuple[str, str]:
    """The field of the form that an error is about, and which of WRONG says it."""
    first = str(loc[0]) if loc else ""
    if first == "words" and len(loc) > 2:
        return f"{loc[2]}_{loc[1]}", "words"
    if first in ("reasons", "further", "within", "name"):
        return first, first
    if first in ("low", "high"):
        return "scale", "scale"
    return "low_until", "low_until"


def _typed(
    given: FormData, known: Survey, offered: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """As Survey reads it, and as the form shows it again."""

    def one(name: str) -> str:
        return str(given.get(name, ""))[:TEXT_MAX].replace("\x00", "").replace("\r\n", "\n").strip()

    low, high = _ends(one("scale"), known)
    own = [
        {"key": one(f"own{n}_key"), "names": _names(one, f"own{n}", offered)}
        for n in range(REASONS_MAX + 1)
    ]
    own = [row for row in own if row["names"]]
    _give_keys(own, "key", "own")
    asked = [_further(one, n, offered) for n in range(FURTHER_MAX + 1)]
    asked = [row for row in asked if row["names"]]
    _give_keys(asked, "id", "q")
    ticked = [str(key) for key in given.getlist("reason") if key in REASONS]
    words = {code: said.model_dump() for code, said in known.words.items() if code not in offered}
    for code in offered:
        said_here = {name: one(f"{name}_{code}") for name in SAID}
        if any(said_here.values()):
            words[code] = said_here
    told = {
        "key": known.key, "name": one("name"), "about": one("about") or known.about,
        "low": low, "high": high, "low_until": _whole(one("low_until")),
        "good_from": _whole(one("good_from")), "measure": one("measure") or known.measure,
        "within": _seconds(one("within")), "words": words,
        "reward": _whole(one("reward") or "0"),
        "reasons": [{"key": key} for key in ticked] + own,
        "further": [_as_survey(row, offered) for row in asked],
        **{name: one(name) == "yes" for name in SWITCHES},
    }  # fmt: skip
    values: dict[str, Any] = {name: one(name) for name in (
        "name", "about", "scale", "low_until", "good_from", "measure", "within", "reward", *SWITCHES
    )}  # fmt: skip
    values |= {f"{name}_{code}": one(f"{name}_{code}") for name in SAID for code in offered}
    values |= {"reason": ticked, "own_reasons": own, "further": asked}
    return told, values


def _ends(scale: str, known: Survey) -> tuple[int, int]:
    low, _, high = scale.partition("-")
    if low.isdecimal() and high.isdecimal() and len(scale) < 6:
        return int(low), int(high)
    return known.low, known.high


def _names(one: Any, prefix: str, offered: Sequence[str]) -> dict[str, str]:
    return {code: said for code in offered if (said := one(f"{prefix}_{code}"))}


def _further(one: Any, n: int, offered: Sequence[str]) -> dict[str, Any]:
    kind = one(f"f{n}_kind")
    return {
        "id": one(f"f{n}_id"), "kind": kind if kind in KINDS else "text",
        "scale": one(f"f{n}_scale") or "1-5", "names": _names(one, f"f{n}", offered),
        "keys": one(f"f{n}_keys").split(),
        "choices": {code: one(f"f{n}_choices_{code}") for code in offered},
    }  # fmt: skip


def _as_survey(row: Mapping[str, Any], offered: Sequence[str]) -> dict[str, Any]:
    low, _, high = row["scale"].partition("-")
    told = {"id": row["id"], "kind": row["kind"], "names": row["names"]}
    if row["kind"] == "scale":
        told |= {"low": _whole(low), "high": _whole(high)}
    if row["kind"] == "choice":
        lines = {code: row["choices"][code].split("\n") for code in offered}
        choices = []
        for n in range(max(map(len, lines.values()), default=0)):
            names = {
                code: said[n].strip() for code, said in lines.items() if said[n : n + 1] != [""]
                and n < len(said)
            }  # fmt: skip
            if names:
                choices.append({"key": row["keys"][n] if n < len(row["keys"]) else "", "names":
                                names})  # fmt: skip
        _give_keys(choices, "key", "c")
        told["choices"] = choices
    return told


def _give_keys(rows: Sequence[dict[str, Any]], name: str, prefix: str) -> None:
    """Each new row its own key, which none ever had before in this form."""
    taken = {row[name] for row in rows}
    n = 1
    for row in rows:
        if not row[name]:
            while f"{prefix}{n}" in taken:
                n += 1
            row[name] = f"{prefix}{n}"
            taken.add(row[name])


def _whole(typed: str) -> int:
    """A number, or one that fits nowhere."""
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 10 else -1


def _seconds(days: str) -> int:
    try:
        return int(Decimal(days.replace(",", ".")) * DAY)
    except (InvalidOperation, ValueError, OverflowError):
        return -1


def next_key(every: Mapping[str, Any]) -> str:
    """For a new survey of the store's own."""
    n = 1
    while f"own{n}" in every:
        n += 1
    return f"own{n}"


def blank(key: str) -> Survey:
    """A new one, of the kind that is asked most."""
    return Survey(key=key, about="shop", reasons=surveys.READY["service"].reasons)
