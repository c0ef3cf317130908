"""The fields of a journey and of each kind of step: what stands in the form goes into the data.

What is usual is not said, so that a journey of which nothing was changed is the one it was.
"""

from collections.abc import Callable
from typing import Any

from ringdove.rules.automations.arranging import Raw
from ringdove.web.automations.automation_reading import Reading, put

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
        put(trigger, "where", where or None)
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
    put(where, "goods", goods or None)
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
    put(step, "weekdays", days or None)
    r.some(f"{at}-until", step, "until")


def _send(r: Reading, at: str, step: Raw) -> None:
    r.one(f"{at}-channel", step, "channel", "sms")
    r.one(f"{at}-klass", step, "klass", "service")
    r.one(f"{at}-guard", step, "guard")
    r.flag(f"{at}-in_daytime", step, "in_daytime")
    r.flag(f"{at}-own_hour", step, "own_hour")
    r.span(f"{at}-valid_for", step, "valid_for")
    r.whole(f"{at}-offer", step, "offer", 0, 2**31 - 1, 0)
    r.one(f"{at}-survey", step, "survey")
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
