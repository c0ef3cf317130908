"""Reads the composer's form into a plan. Nothing is lost: what cannot be understood stays as it was
in the plan, is told beside its field, and is still what was typed on the page.

A field that did not come (another part of the form, an older page) changes nothing. Names of
fields: words-<variant>-<language>-<sms|subject|body>, link-<n>-<kind|url|…>, when-<…>.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, get_args
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ringdove.rules.campaigns.campaigns import (
    LINKS_MAX,
    VARIANTS_MAX,
    CartLine,
    Link,
    Plan,
    Stop,
    Variant,
    When,
    Words,
)
from ringdove.rules.segments import segments
from ringdove.web.forms import FORM_FIELDS_MAX
from ringdove.web.segments import segment_editor
from ringdove.web.speech import Speech

BYTES_MAX = 1_000_000
NAME_MAX = 80
FIELDS = ("sms", "subject", "body")
LETTERS = {"sms": 2000, "subject": 300, "body": 10_000}
KINDS: tuple[str, ...] = get_args(Link.model_fields["kind"].annotation)
_ADDRESS = re.compile(r"(https?://|/)\S*")
_LINE = re.compile(r"(?P<sku>.+?)(?:\s*[x×*]\s*(?P<n>\d+(?:[.,]\d+)?))?")


@dataclass(slots=True)
class Draft:
    """A campaign on its way through the form."""

    name: str
    plan: Plan
    errors: dict[str, str] = field(default_factory=dict)  # by field
    typed: dict[str, str] = field(default_factory=dict)  # what those fields hold
    deed: str = ""  # variant.add, link.remove.1, …
    version: int = 0
    person: int = 0  # which of the audience reads along
    saved_at: datetime | None = None  # just now; None: as it was kept before


async def read(request: Request) -> FormData:
    """The form that came, bounded."""
    if int(request.headers.get("content-length") or BYTES_MAX + 1) > BYTES_MAX:
        raise HTTPException(413)
    return await request.form(max_files=0, max_fields=FORM_FIELDS_MAX)


def draft_of(given: FormData, name: str, before: Plan, zone: str, say: Speech) -> Draft:
    """What was typed over what was there."""
    reading = _Reading(given, before, zone, say)
    return reading.draft(name)


class _Wrong(ValueError):
    """A field cannot be understood; the text is for the reader."""


@dataclass(slots=True)
class _Reading:
    given: FormData
    before: Plan
    zone: str
    say: Speech
    errors: dict[str, str] = field(default_factory=dict)

    def draft(self, name: str) -> Draft:
        typed = self.text("name", name)
        changed = {
            "topic": self.text("topic", self.before.topic) or self.before.topic,
            "category": self.text("category", self.before.category),
            "occasion": self.text("occasion", self.before.occasion),
            "audience": self.tree("audience", self.before.audience),
            "without": self._without(),
            "channels": self.one_of(
                "channels", Plan.model_fields["channels"].annotation, self.before.channels
            ),
            "variants": tuple(map(self.variant, range(len(self.before.variants)))),
            "links": tuple(map(self.link, range(len(self.before.links)))),
            "offer": self.whole("offer", self.before.offer, 0, 2**31 - 1),
            "survey": self.text("survey", self.before.survey),
            "holdout_percent": self.whole("holdout_percent", self.before.holdout_percent, 0, 50),
            "when": self.when(self.before.when),
            "stop": self.stop(),
        }
        plan = self._whole_plan(changed)
        return Draft(
            (typed or name)[:NAME_MAX], plan, self.errors,
            {one: str(self.given.get(one, "")) for one in self.errors},
            str(self.given.get("deed", ""))[:60], self._number("version"),
            self._number("person"),
        )  # fmt: skip

    def _whole_plan(self, changed: dict[str, Any]) -> Plan:
        """All that can be taken: a field that its model refuses stays as it was."""
        for _n in range(len(changed) + 1):
            try:
                return Plan.model_validate({**_fields(self.before), **changed})
            except ValidationError as error:
                name = str(error.errors()[0]["loc"][0])
                if name not in changed:
                    raise
                self.errors.setdefault(name, self.say.gettext("This does not look right."))
                changed.pop(name)
        return self.before

    # -------------------------------------------------------------- pieces

    def variant(self, n: int) -> Variant:
        was = self.before.variants[n]
        words = dict(was.words)
        for language in self._languages(n):
            old = words.get(language, Words())
            new = {
                one: self.text(f"words-{n}-{language}-{one}", getattr(old, one))[: LETTERS[one]]
                for one in FIELDS
            }
            words[language] = Words(**new)
        return Variant(
            name=self.text(f"variant-{n}-name", was.name)[:60] or was.name,
            share=self.whole(f"variant-{n}-share", was.share, 1, 1000),
            words={code: one for code, one in words.items() if any(_fields(one).values())},
        )

    def _languages(self, n: int) -> list[str]:
        start = f"words-{n}-"
        found = (key.split("-") for key in self.given if key.startswith(start))
        return list(dict.fromkeys(piece[2] for piece in found if len(piece) == 4))

    def link(self, n: int) -> Link:
        was, at = self.before.links[n], f"link-{n}"
        if f"{at}-kind" not in self.given:
            return was
        kind = self.one_of(f"{at}-kind", Link.model_fields["kind"].annotation, was.kind)
        return Link(
            kind=kind,
            url=self.take(f"{at}-url", was.url, _address),
            sku=self.text(f"{at}-sku", was.sku)[:120],
            lines=self.take(f"{at}-lines", was.lines, _cart_lines),
            phones_only=f"{at}-phones_only" in self.given,
            ends_at=self.take(f"{at}-ends_at", was.ends_at, self._aware),
            utm=f"{at}-utm" in self.given,
        )

    def when(self, was: When) -> When:
        if "when-mode" not in self.given:
            return was
        mode = self.one_of("when-mode", When.model_fields["mode"].annotation, was.mode)
        days = [one for one in self.given.getlist("when-weekdays") if str(one) in "0123456"]
        return When(
            mode=mode,
            at=self.take("when-at", was.at, _naive) if mode != "now" else None,
            local=mode == "at" and "when-local" in self.given,
            spread_minutes=60 * self.whole(
                "when-spread_hours", was.spread_minutes // 60, 0, 14 * 24
            ),
            weekdays=tuple(sorted({int(str(one)) for one in days})),
            begins=self.take("when-begins", was.begins, _clock),
            ends=self.take("when-ends", was.ends, _clock),
            until=self.take("when-until", was.until, self._aware),
            for_hours=self.whole("when-for_hours", was.for_hours, 1, 24 * 30),
        )  # fmt: skip

    def stop(self) -> Stop | None:
        if "stop-skus" not in self.given:
            return self.before.stop
        typed = str(self.given["stop-skus"])
        skus = tuple(
            dict.fromkeys(one.strip() for one in re.split(r"[,;\n]", typed) if one.strip())
        )
        if not skus:
            return None
        was = self.before.stop.pieces if self.before.stop else None
        pieces = self.take("stop-pieces", was, _amount)
        if pieces is None:
            self.errors.setdefault("stop-pieces", self.say.gettext("Say after how many pieces."))
            return self.before.stop
        try:
            return Stop(skus=skus, pieces=pieces)
        except ValidationError:
            self.errors["stop-skus"] = self.say.gettext("This does not look right.")
            return self.before.stop

    def tree(self, name: str, was: segments.Node) -> segments.Node:
        if name not in self.given:
            return was
        drawn = segment_editor.read(str(self.given[name]), self.say)
        if drawn.tree is None:
            self.errors[name] = drawn.trouble
            return was
        return drawn.tree

    def _without(self) -> segments.Node | None:
        """Nobody is left out where nothing was said; an empty group means that here."""
        if "without" not in self.given:
            return self.before.without
        found = self.tree("without", self.before.without or segments.EVERYBODY)
        is_empty = isinstance(found, segments.All | segments.Any) and not found.of
        return None if is_empty else found

    # -------------------------------------------------------------- single fields

    def text(self, name: str, was: str) -> str:
        if name not in self.given:
            return was
        return str(self.given[name]).replace("\x00", "").replace("\r\n", "\n").strip()

    def whole(self, name: str, was: int, least: int, most: int) -> int:
        def read(typed: str) -> int:
            try:
                n = int(typed or "0")
            except ValueError:
                raise _Wrong(self.say.gettext("A whole number, please.")) from None
            if not least <= n <= most:
                raise _Wrong(
                    self.say.gettext("From %(least)s to %(most)s.", least=least, most=most)
                )
            return n

        found: int = self.take(name, was, read)
        return found

    def one_of(self, name: str, kinds: Any, was: str) -> str:
        typed = self.text(name, was)
        return typed if typed in get_args(kinds) else was

    def take(self, name: str, was: Any, read: Callable[[str], Any]) -> Any:
        if name not in self.given:
            return was
        try:
            return read(self.text(name, ""))
        except _Wrong as wrong:
            self.errors[name] = str(wrong) or self.say.gettext("This does not look right.")
        except (ValueError, InvalidOperation):
            self.errors[name] = self.say.gettext("This does not look right.")
        return was

    def _aware(self, typed: str) -> datetime | None:
        at = _naive(typed)
        return at.replace(tzinfo=ZoneInfo(self.zone)) if at else None

    def _number(self, name: str) -> int:
        typed = str(self.given.get(name, ""))
        return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else 0


def _fields(model: Any) -> dict[str, Any]:
    return {name: getattr(model, name) for name in type(model).model_fields}


def _naive(typed: str) -> datetime | None:
    return datetime.fromisoformat(typed).replace(tzinfo=None) if typed else None


def _clock(typed: str) -> time | None:
    return time.fromisoformat(typed) if typed else None


def _amount(typed: str) -> Decimal | None:
    if not typed:
        return None
    found = Decimal(typed.replace(",", "."))
    if not (found.is_finite() and 0 < found < 10**6):
        raise ValueError(typed)
    return found


def _address(typed: str) -> str:
    if typed and not _ADDRESS.fullmatch(typed):
        raise ValueError(typed)
    return typed[:2000]


def _cart_lines(typed: str) -> tuple[CartLine, ...]:
    """One good a line: SKU, or SKU x 2."""
    found = []
    for line in typed.splitlines():
        if read := _LINE.fullmatch(line.strip()):
            n = Decimal((read["n"] or "1").replace(",", "."))
            found.append(CartLine(sku=read["sku"], quantity=n))
    return tuple(found)


# ------------------------------------------------------------------ deeds of the form


def done(plan: Plan, deed: str, names: Callable[[int], str]) -> Plan:
    """The plan after a press of one of the form's buttons; an unknown one changes nothing.
    `names`: of a variant by its place."""
    what, _, number = deed.rpartition(".")
    place = int(number) if number.isascii() and number.isdigit() else -1
    match deed if place < 0 else what:
        case "variant.add" if len(plan.variants) < VARIANTS_MAX:
            last = plan.variants[-1]
            new = Variant(name=names(len(plan.variants)), share=last.share, words=last.words)
            return plan.model_copy(update={"variants": (*plan.variants, new)})
        case "variant.remove" if len(plan.variants) > 1:
            return plan.model_copy(update={"variants": _without_nth(plan.variants, place)})
        case "link.add" if len(plan.links) < LINKS_MAX:
            return plan.model_copy(update={"links": (*plan.links, Link())})
        case "link.remove":
            return plan.model_copy(update={"links": _without_nth(plan.links, place)})
    return plan


def _without_nth(those: tuple[Any, ...], place: int) -> tuple[Any, ...]:
    return tuple(one for n, one in enumerate(those) if n != place)
