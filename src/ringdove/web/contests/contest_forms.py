"""The form of a contest: what is typed, what it means, and what is wrong with it."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request

from ringdove.rules.consent.ways_in import fold
from ringdove.rules.contests import contests
from ringdove.rules.contests.contests import BRIEF_MAX, PRIZE_MAX, RULES_MAX, Contest
from ringdove.rules.scenes import Store
from ringdove.web.consent.posters import wrong_words
from ringdove.web.forms import Form
from ringdove.web.speech import Speech
from ringdove.web.store import places
from ringdove.web.tasks.task_words import clock_from, clock_to

FORM_BYTES_MAX = 400_000
FIELDS_MAX = 100
NAME_MAX = 80
BEACON_MAX = 200
SAID_MAX = {"prize": PRIZE_MAX, "brief": BRIEF_MAX, "rules": RULES_MAX}


async def typed(request: Request) -> dict[str, str]:
    """All fields, as they were typed."""
    if int(request.headers.get("content-length") or FORM_BYTES_MAX + 1) > FORM_BYTES_MAX:
        raise HTTPException(413)
    given = await request.form(max_files=0, max_fields=FIELDS_MAX)
    plain = {name: str(given[name]).replace("\x00", "") for name in given}
    return {name: re.sub(r"\r\n?", "\n", value).strip() for name, value in plain.items()}


def values_of(say: Speech, contest: Contest) -> dict[str, str]:
    """A contest as its form holds it."""
    values = {
        f"{name}_{language}": said
        for name in SAID_MAX
        for language, said in getattr(contest, name).items()
    }
    return values | {
        "name": contest.name, "words": ", ".join(contest.words),
        "begins": clock_to(say, contest.begins), "ends": clock_to(say, contest.ends),
        "countries": ", ".join(contest.countries), "with_order": "yes" * contest.with_order,
        "winners": str(contest.winners), "substitutes": str(contest.substitutes),
        "beacon": contest.beacon,
    }  # fmt: skip


def read(
    say: Speech, store: Store, known: Contest, values: Mapping[str, str], taken: Collection[str]
) -> tuple[Contest, Form[Any]]:
    """The contest as typed, and its form with what is wrong. `taken`: words that mean something
    else in this store."""
    _ = say.gettext
    form = Form[Any](dict(values))
    words = tuple(one for one in re.split(r"[\s,;]+", values.get("words", "")) if one)
    zone = ZoneInfo(store.time_zone)
    contest = replace(
        known,
        name=values.get("name", "")[:NAME_MAX] or known.name,
        words=words[: contests.WORDS_MAX],
        begins=clock_from(zone, values.get("begins", "")) or known.begins,
        ends=clock_from(zone, values.get("ends", "")) or known.ends,
        countries=_countries(values.get("countries", "")),
        with_order=values.get("with_order") == "yes",
        winners=_number(values.get("winners", ""), 1),
        substitutes=_number(values.get("substitutes", ""), 0),
        beacon=values.get("beacon", "")[:BEACON_MAX],
        prize=_said(store, values, "prize"),
        brief=_said(store, values, "brief"),
        rules=_said(store, values, "rules"),
    )
    if why := wrong_word(words, taken):
        form.refuse("words", f"{why[0]}: {wrong_words(say)[why[1]]}")
    for name, value in (("begins", contest.begins), ("ends", contest.ends)):
        if not 2020 <= value.year <= 2100 or not values.get(name, "x"):
            form.refuse(name, _("Give a day and a time."))
    if contest.ends <= contest.begins:
        form.refuse("ends", _("It must end after it begins."))
    if strange := unknown_countries(contest.countries):
        form.refuse("countries", _("No country has the code %(code)s: BY, IT, ES …", code=strange))
    if not 1 <= contest.winners <= contests.WINNERS_MAX:
        form.refuse("winners", _("From one to a thousand."))
    if not 0 <= contest.substitutes <= contests.WINNERS_MAX:
        form.refuse("substitutes", _("A thousand at most."))
    for name, most in SAID_MAX.items():
        for language, said in getattr(contest, name).items():
            if len(said) > most:
                too_long = _("This is too long: %(most)s letters at most.", most=say.number(most))
                form.refuse(f"{name}_{language}", too_long)
    return contest, form


def _said(store: Store, values: Mapping[str, str], name: str) -> dict[str, str]:
    return {one: said for one in store.languages if (said := values.get(f"{name}_{one}"))}


def wrong_word(words: Collection[str], taken: Collection[str]) -> tuple[str, str] | None:
    """The first word that cannot be a contest's, and why; None: they all can."""
    seen: set[str] = set()
    for word in words:
        if why := contests.wrong_word(word, {*taken, *seen}):
            return word, why
        seen.add(fold(word))
    return None


def unknown_countries(codes: Collection[str]) -> str:
    """The first code that no country has; "": each has one."""
    known = {code for code, _ in places.countries("en")}
    return next((one for one in codes if one not in known), "")


def _countries(said: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.upper()[:3] for one in re.split(r"[\s,;]+", said) if one))


def _number(said: str, otherwise: int) -> int:
    return int(said) if said.isdecimal() and len(said) < 7 else (-1 if said else otherwise)


def wrong_missing(say: Speech, missing: list[tuple[str, str]]) -> dict[str, str]:
    """Errors beside what must be said before a contest can open."""
    _ = say.gettext
    why = {
        ("words", ""): _("Give it a word that people text."),
        ("ends", "past"): _("This is over already."),
        ("begins", "after"): _("It must begin before it ends."),
    }
    found = {}
    for name, at in missing:
        field = f"{name}_{at}" if (name, at) not in why else name
        found[field] = why.get((name, at), _("Fill this in: people read it."))
    return found | {"": _("It cannot open yet; see below what is missing.")}
