"""The fields of a journey and of each kind of step: what stands in the form goes into the data.

A field that was not in the form stays as it was; one that cannot be understood too, and what was
typed is kept beside it with what is wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from decimal import Decimal, InvalidOperation
from typing import Any

from starlette.datastructures import FormData

from ringdove.rules.automations.arranging import Raw
from ringdove.web.automations.spans import MINUTE_S
from ringdove.web.segments import segment_editor
from ringdove.web.speech import Speech

SPAN_S_MAX = 400 * 86_400
HERE = "is"  # a step that was in the form: then a box that is not ticked says no

# What makes a run one of a kind, by what begins it: as the ready recipes have it.
ABOUT = {
    "parcel.moved": "{parcel}/{state}",
    "delivery.promised": "promised/{promised_from}",
    "return.opened": "{return_key}/opened",
    "return.accepted": "{return_key}/accepted",
    "return.refused": "{return_key}/refused",
    "refund.sent": "{refund_key}/refund",
    "invoice.issued": "{number}/invoice",
    "complaint.moved": "{complaint}/{state}",
}


@dataclass(slots=True)
class Reading:
    """A form on its way into the data."""

    given: FormData
    typed: dict[str, str]
    errors: dict[str, str]
    say: Speech

    def text(self, name: str, into: Raw, key: str, *, most: int = 500, empty: bool = True) -> None:
        """Words; empty ones are left out, or kept to be asked for."""
        if (typed := self._typed(name)) is None:
            return
        typed = typed.replace("\x00", "").replace("\r\n", "\n").strip()[:most]
        _put(into, key, typed if typed or not empty else None)

    def flag(self, name: str, into: Raw, key: str, *, usual: bool = False) -> None:
        """A box that is ticked or not; what is usual is not said."""
        is_set = name in self.given
        _put(into, key, is_set if is_set != usual else None)

    def one(self, name: str, into: Raw, key: str, usual: str = "") -> None:
        """One of a list; pydantic says whether it is of it."""
        if (typed := self._typed(name)) is not None:
            _put(into, key, typed if typed != usual else None)

    def some(self, name: str, into: Raw, key: str) -> None:
        """Several of a list, none where no box is ticked; the same ones in the order as before."""
        ticked = [str(one) for one in self.given.getlist(name)][:40]
        if {*ticked} != {*into.get(key, ())}:
            _put(into, key, ticked or None)

    def words(self, name: str, into: Raw, key: str) -> None:
        """One a line."""
        if (typed := self._typed(name)) is not None:
            lines = [line.strip()[:200] for line in typed.replace("\x00", "").splitlines()]
            _put(into, key, [line for line in lines if line][:100] or None)

    def whole(
        self, name: str, into: Raw, key: str, least: int, most: int, usual: int | None = None
    ) -> None:
        """A whole number between two ends."""

        def read(typed: str) -> Any:
            if not typed and usual is not None:
                return usual
            number = int(typed)
            if not least <= number <= most:
                raise ValueError(
                    self.say.gettext("From %(least)s to %(most)s.", least=least, most=most)
                )
            return number

        self._take(name, into, key, read, self.say.gettext("A whole number, please."))

    def span(self, name: str, into: Raw, key: str, *, optional: bool = False) -> None:
        """A number and its unit, in seconds."""

        def read(typed: str) -> Any:
            if not typed and optional:
                return None
            unit = str(self.given.get(f"{name}-unit", MINUTE_S))
            seconds = int(typed or 0) * (int(unit) if unit.isdigit() else MINUTE_S)
            if not 0 <= seconds <= SPAN_S_MAX:
                raise ValueError(self.say.gettext("This is too long."))
            return seconds

        self._take(name, into, key, read, self.say.gettext("A whole number, please."))

    def clock(self, name: str, into: Raw, key: str, *, optional: bool = True) -> None:
        """A time of the day."""

        def read(typed: str) -> Any:
            return time.fromisoformat(typed).isoformat() if typed or not optional else None

        self._take(name, into, key, read, self.say.gettext("A time like 21:00, please."))

    def range(self, name: str, into: Raw, key: str) -> None:
        """Two ends, of which one is enough."""
        if f"{name}-low" not in self.given and f"{name}-high" not in self.given:
            return
        ends: Raw = {}
        for letter, end in (("low", "at_least"), ("high", "at_most")):
            self._take(
                f"{name}-{letter}", ends, end, _amount, self.say.gettext("A number, please.")
            )
        low, high = ends.get("at_least"), ends.get("at_most")
        if low and high and Decimal(low) > Decimal(high):
            self.errors[f"{name}-low"] = self.say.gettext(
                "The first must not be more than the second."
            )
        _put(into, key, ends or None)

    def tree(self, name: str, into: Raw, key: str, *, empty: Any = None) -> None:
        """A condition of the segment editor. `empty`: what stands for everybody."""
        if (typed := self._typed(name)) is None:
            return
        drawn = segment_editor.read(typed, self.say)
        if drawn.tree is None:
            self.typed[name] = typed
            self.errors[name] = drawn.trouble or self.say.gettext("This does not look right.")
            return
        asks = drawn.raw.get("leaf") not in ("all", "any") or drawn.raw.get("of")
        _put(into, key, drawn.raw if asks else empty)

    def _typed(self, name: str) -> str | None:
        return str(self.given[name]) if name in self.given else None

    def _take(self, name: str, into: Raw, key: str, read: Callable[[str], Any], why: str) -> None:
        typed = self._typed(name)
        if typed is None:
            return
        try:
            _put(into, key, read(typed.strip().replace("\x00", "")))
        except (ValueError, InvalidOperation) as wrong:
            is_ours = type(wrong) is ValueError and not str(wrong).startswith(
                ("invalid", "Invalid")
            )
            self.typed[name] = typed[:200]
            self.errors[name] = str(wrong) if is_ours else why


def _put(into: Raw, key: str, value: Any) -> None:
    if value is None:
        into.pop(key, None)
    else:
        into[key] = value


def _amount(typed: str) -> str | None:
    if not typed:
        return None
    number = Decimal(typed.replace(",", ".").replace(" ", ""))
    if not number.is_finite() or abs(number) > 10**9:
        raise InvalidOperation
    return str(number)


# ------------------------------------------------------------------ the journey


def read_journey(r: Reading, raw: Raw) -> None:
    """All but its steps."""
    if "journey-is" not in r.given:
        return
    r.text("name", raw, "name", most=120)
    read_trigger(r, raw)
    r.tree("when", raw, "when")
    r.one("topic", raw, "topic")
    r.text("category", raw, "category", most=200)
    r.some("stopped_by", raw, "stopped_by")
    r.some("stopped_by_any", raw, "stopped_by_any")
    r.span("again_after", raw, "again_after", optional=True)
    r.flag("restarts", raw, "restarts")
    r.whole("priority", raw, "priority", 0, 9, 5)
    r.span("valid_for", raw, "valid_for")
    r.whole("holdout_percent", raw, "holdout_percent", 0, 50, 0)


def read_trigger(r: Reading, raw: Raw) -> None:
    """What begins it; of another kind than before, as a new one."""
    trigger: Raw = raw["trigger"]
    chosen = str(r.given.get("trigger-on", ""))
    if chosen:
        on, _, kind = chosen.partition(":")
        if (on, kind) != (trigger.get("on"), trigger.get("kind", "")):
            trigger = {"on": on, **({"kind": kind} if kind else {}), **_begin(on)}
            raw["trigger"] = trigger
            raw["about"] = ABOUT.get(kind, "") if on == "fact" else "{occasion}"
            return  # its fields were those of the other one
    if trigger.get("on") == "fact":
        where = dict(trigger.get("where", {}))
        read_where(r, "trigger-where", where)
        _put(trigger, "where", where or None)
    r.one("trigger-what", trigger, "what", "birthday")
    r.one("trigger-field", trigger, "field")
    r.whole("trigger-days", trigger, "days", -366, 3_660, 0)
    r.clock("trigger-at", trigger, "at", optional=False)
    r.tree("trigger-who", trigger, "who", empty={"leaf": "all", "of": []})
    if trigger.get("on") == "segment":
        r.flag("trigger-also_now", trigger, "also_now")
    r.one("trigger-every", trigger, "every", "week")
    r.whole("trigger-weekday", trigger, "weekday", 0, 6, 0)
    r.whole("trigger-day", trigger, "day", 1, 28, 1)
    r.words("trigger-categories", trigger, "categories")
    r.one("trigger-wish", trigger, "wish", "stock")
    r.whole("trigger-every_days", trigger, "every_days", 1, 366, 14)


def _begin(on: str) -> Raw:
    return {"who": {"leaf": "all", "of": []}} if on in ("segment", "clock") else {}


def read_where(r: Reading, at: str, where: Raw) -> None:
    """What is asked of a fact."""
    if f"{at}-{HERE}" not in r.given:
        return
    if f"{at}-states-{HERE}" in r.given:
        r.some(f"{at}-states", where, "states")
    r.one(f"{at}-only", where, "only")
    r.one(f"{at}-wish", where, "wish")
    goods = dict(where.get("goods", {}))
    r.words(f"{at}-categories", goods, "categories")
    r.words(f"{at}-skus", goods, "skus")
    _put(where, "goods", goods or None)
    r.range(f"{at}-total", where, "total")


# ------------------------------------------------------------------ steps


def read_step(r: Reading, step: Raw) -> None:
    """The fields of one step, if it was in the form."""
    at = str(step["id"])
    if f"{at}-{HERE}" in r.given:
        r.flag(f"{at}-is_on", step, "is_on", usual=True)
        READERS[step["do"]](r, at, step)


def _wait(r: Reading, at: str, step: Raw) -> None:
    r.span(f"{at}-seconds", step, "seconds")
    r.flag(f"{at}-after_promise", step, "after_promise")
    r.clock(f"{at}-at", step, "at")
    days = sorted(
        {int(str(one)) for one in r.given.getlist(f"{at}-weekdays") if str(one) in "0123456"}
    )
    _put(step, "weekdays", days or None)
    r.some(f"{at}-until", step, "until")


def _send(r: Reading, at: str, step: Raw) -> None:
    r.one(f"{at}-channel", step, "channel", "sms")
    r.one(f"{at}-klass", step, "klass", "service")
    r.one(f"{at}-guard", step, "guard")
    r.flag(f"{at}-in_daytime", step, "in_daytime")
    r.flag(f"{at}-own_hour", step, "own_hour")
    r.span(f"{at}-valid_for", step, "valid_for")
    r.whole(f"{at}-offer", step, "offer", 0, 2**31 - 1, 0)
    r.one(f"{at}-goods", step, "goods")
    r.flag(f"{at}-goods_needed", step, "goods_needed")
    kind = str(r.given.get(f"{at}-link-kind", ""))
    if kind == "":
        step.pop("link", None)
        return
    link = dict(step.get("link", {}))
    r.one(f"{at}-link-kind", link, "kind", "page")
    r.text(f"{at}-link-url", link, "url", most=2000)
    r.text(f"{at}-link-sku", link, "sku", most=120)
    step["link"] = link


def _ask(r: Reading, at: str, step: Raw) -> None:
    _send(r, at, step)
    r.span(f"{at}-within", step, "within")
    r.one(f"{at}-keep_in", step, "keep_in")


# What a branch asks, and how it begins when that is chosen.
ASKS: dict[str, Any] = {
    "person": {"leaf": "all", "of": []}, "heard": [], "about": {}, "percent": 50, "answer": [],
    "answer_number": {},
}  # fmt: skip


def _branch(r: Reading, at: str, step: Raw) -> None:
    chosen = str(r.given.get(f"{at}-asks", ""))
    if chosen in ASKS and chosen not in step:
        for one in ASKS:
            step.pop(one, None)
        step[chosen] = ASKS[chosen]
        return  # its fields were those of another question
    if "person" in step:
        r.tree(f"{at}-person", step, "person", empty={"leaf": "all", "of": []})
    if "heard" in step:
        step["heard"] = [str(one) for one in r.given.getlist(f"{at}-heard")][:20]
    if "about" in step:
        where = dict(step["about"])
        read_where(r, f"{at}-about", where)
        step["about"] = where
    if "percent" in step:
        r.whole(f"{at}-percent", step, "percent", 1, 99)
    if "answer" in step:
        words: Raw = {}
        r.words(f"{at}-answer", words, "answer")
        step["answer"] = words.get("answer", [])
    if "answer_number" in step:
        r.range(f"{at}-answer_number", step, "answer_number")
        step.setdefault("answer_number", {})
    for one in ("heard", "answer"):
        if one in step and not step[one]:
            r.errors[f"{at}-{one}"] = r.say.gettext("Please say which.")


GIVES: dict[str, Any] = {"offer": 0, "points": 10, "tag": "", "field": ""}


def _give(r: Reading, at: str, step: Raw) -> None:
    chosen = str(r.given.get(f"{at}-gives", ""))
    if chosen in GIVES and chosen not in step:
        for one in (*GIVES, "value"):
            step.pop(one, None)
        step[chosen] = GIVES[chosen]
        return
    if "offer" in step:
        r.whole(f"{at}-offer", step, "offer", 0, 2**31 - 1, 0)
    if "points" in step:
        r.whole(f"{at}-points", step, "points", 1, 1_000_000)
    for one in ("tag", "field"):
        if one in step:
            r.text(f"{at}-{one}", step, one, most=40, empty=False)
    if "field" in step:
        r.text(f"{at}-value", step, "value")


def _alert(r: Reading, at: str, step: Raw) -> None:
    r.one(f"{at}-to", step, "to", "task")
    r.whole(f"{at}-owner", step, "owner", 0, 2**31 - 1, 0)
    r.text(f"{at}-said", step, "said", empty=False)
    r.span(f"{at}-due", step, "due")


def _leave(r: Reading, at: str, step: Raw) -> None:
    r.text(f"{at}-reason", step, "reason", most=40)


READERS: dict[str, Callable[[Reading, str, Raw], None]] = {
    "wait": _wait, "send": _send, "ask": _ask, "branch": _branch, "give": _give, "alert": _alert,
    "leave": _leave,
}  # fmt: skip
