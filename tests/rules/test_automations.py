"""The engine as a whole: what begins, what ends, who is spoken to once, and in which order."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringdove.rules import facts
from ringdove.rules.automations.journeys import Journey
from ringdove.rules.automations.plans import Automation, Plans
from ringdove.rules.scenes import Scene
from ringdove.rules.steps.wait import Wait
from tests.rules.scene import NOON, hear, messages
from tests.rules.steps.walk import WORDS, fact, journey, moment, play, play_as_told, store_of

HOUR = 3_600
SEND = {"do": "send", "id": "hello", "text": "hello"}


def _send(key: str, **more):
    return {"do": "send", "id": key, "text": key, **more}


def _wait(seconds: int = HOUR, **more):
    return {"do": "wait", "id": "w", "seconds": seconds, **more}


def _heard(kind: str, **where):
    return {"on": "fact", "kind": kind, "where": where}


def _said(place: Scene) -> set[tuple[str, str]]:
    return {(m.recipe, m.body) for m in messages(place) if m.state == "waiting"}


# ------------------------------------------------------------------ in whichever order it is told

WORDS |= {
    "cart": {"sms": "Your {{ cart.items }} wait"},
    "unpaid": {"sms": "Pay {{ order.number }}"},
    "thanks": {"sms": "Thanks for {{ order.number }}"},
    "seen": {"sms": "Still the {{ product.name }}?"},
}
JOURNEYS = (
    journey(
        key="own_1", trigger=_heard("order.placed", only="money_awaited"),
        steps=[_wait(2 * HOUR), _send("unpaid", guard="unpaid")],
        stopped_by=["payment.received", "order.cancelled"],
    ),
    journey(
        key="own_2",
        steps=[
            _wait(5 * 24 * HOUR, until=["parcel.moved/delivered"]),
            {"do": "branch", "id": "b", "heard": ["parcel.moved/delivered"],
             "then": [_send("thanks")]},
        ],
    ),
    journey(
        key="own_3", trigger=_heard("cart.changed", states=["filled"]), about="left", topic="cart",
        restarts=True, stopped_by=["cart.changed/emptied"], stopped_by_any=["order.placed"],
        steps=[_wait(), _send("cart", klass="marketing", guard="unbought")],
    ),
    journey(
        key="own_4", trigger=_heard("visit.made", states=["goods"]), about="seen", topic="offers",
        again_after=7 * 24 * HOUR, stopped_by_any=["order.placed"],
        steps=[_wait(), _send("seen", klass="marketing")],
    ),
)  # fmt: skip


def _line(name: str):
    return {"name": name, "sku": name[:1], "category": "kitchen", "price": "10.00"}


def _order(key: str, at: str, **more):
    return fact({"kind": "order.placed", "at": at, "id": key,
                 "order": {"key": key, "number": key, **more}})  # fmt: skip


YES = fact({"kind": "customer.changed", "consent": {"marketing": True, "words": "Yes"}})
CARTS = [
    fact({"kind": "cart.changed", "at": "+5m", "lines": [_line("Kettle")]}),
    fact({"kind": "cart.changed", "at": "+7m", "lines": [_line("Kettle"), _line("Cup")]}),
]
EMPTIED = fact({"kind": "cart.changed", "at": "+8m", "lines": []})
FILLED = fact({"kind": "cart.changed", "at": "+9m", "lines": [_line("Mug")]})
LATER = fact({"kind": "cart.changed", "at": "+13m", "cart": "c2", "lines": [_line("Mug")]})
VISITS = [
    fact({"kind": "visit.made", "at": f"+{n}m", "sku": sku, "category": "kitchen"})
    for n, sku in ((2, "K"), (4, "C"))
]
UNPAID = _order("1", "+1m", payment_due=True, payment_url="https://linden.example/pay/1")
PAID = fact({"kind": "payment.received", "order": "1", "at": "+3m"})
OTHER = _order("2", "+15m", payment_due=True, payment_url="https://linden.example/pay/2")
CANCELLED = fact({"kind": "order.cancelled", "order": "2", "at": "+16m"})
DELIVERED = [
    fact({"kind": "parcel.moved", "order": "1", "state": state, "at": at})
    for state, at in (("accepted", "+10m"), ("delivered", "+12m"))
]
LIVES = [
    [*CARTS, *VISITS],
    [*CARTS, EMPTIED, *VISITS],
    [*CARTS, EMPTIED, FILLED],
    [UNPAID, *DELIVERED, *CARTS, *VISITS],
    [UNPAID, PAID, *DELIVERED],
    [UNPAID, OTHER, CANCELLED, *CARTS],
    [*CARTS, *VISITS, OTHER, *DELIVERED, UNPAID],
    [UNPAID, PAID, LATER, *DELIVERED],
]


def _told(life: list[facts.Fact]) -> Scene:
    """One after the other, a second apart, when all of it has happened."""
    place = store_of(*JOURNEYS)
    hear(place, YES)
    begins = NOON + timedelta(minutes=20)
    told = [(begins + timedelta(seconds=n), one) for n, one in enumerate(life)]
    return play_as_told(place, told, NOON + timedelta(days=10))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_facts_told_in_another_order_give_the_same_texts(data: st.DataObject) -> None:
    """P8: and twice as well as once."""
    life = data.draw(st.sampled_from(LIVES))
    doubled = [*life, *data.draw(st.lists(st.sampled_from(life), max_size=3))]
    shuffled = data.draw(st.permutations(doubled))
    place = _told(shuffled)
    assert _said(place) == _said(_told(life))
    made = [(m.recipe, m.body) for m in messages(place)]
    assert len(made) == len(set(made)), "a text was made twice"


def test_those_lives_say_what_they_should() -> None:
    """So the test above compares something: which of them say what."""
    cart, mug, seen = ("own_3", "Your Kettle +1 wait"), ("own_3", "Your Mug wait"), "own_4"
    said = [_said(_told(life)) for life in LIVES]
    assert cart in said[0] and seen in {recipe for recipe, _ in said[0]}
    assert {recipe for recipe, _ in said[1]} == {seen}
    assert said[2] == {mug}
    assert said[3] == {("own_1", "Pay 1"), ("own_2", "Thanks for 1")}  # the cart became the order
    assert said[4] == {("own_2", "Thanks for 1")}
    assert said[5] == {("own_1", "Pay 1")}
    assert {recipe for recipe, _ in said[6]} == {"own_1", "own_2"}
    assert said[7] == {("own_2", "Thanks for 1"), mug}


# ------------------------------------------------------------------ once at a time


def _cart(at: str, cart: str = "c1", *names: str) -> facts.Fact:
    lines = [_line(name) for name in names or ("Kettle",)]
    return fact({"kind": "cart.changed", "at": at, "cart": cart, "lines": lines})


def _times(place: Scene) -> list[tuple[datetime, str]]:
    return [(m.due_at, m.body) for m in messages(place) if m.state == "waiting"]


def test_of_two_carts_the_newer_is_spoken_of() -> None:
    """R51, P4: one person in one run of an offer at a time."""
    place = store_of(*JOURNEYS)
    play(place, [YES, _cart("+1m"), _cart("+9m", "c2", "Mug")], moment("+5h"))
    assert _times(place) == [(moment("+69m"), "Your Mug wait")]
    old = place.enrollments["own_3", "cart/c1/left"]
    assert (old.state, old.reason) == ("stopped", "anew")


def test_what_was_said_of_a_cart_is_not_said_again_when_it_changes() -> None:
    """R46: the reminder that follows waits anew."""
    more = [
        _wait(), _send("cart", klass="marketing"),
        {"do": "wait", "id": "w2", "seconds": 24 * HOUR}, _send("unpaid", klass="marketing"),
    ]  # fmt: skip
    told = JOURNEYS[2].model_dump(mode="json") | {"steps": more}
    place = store_of(Journey.model_validate(told))
    play(place, [YES, _cart("+0m"), _cart("+3h", "c1", "Mug")], moment("+5d"))
    assert _times(place) == [
        (moment("+1h"), "Your Kettle wait"),
        (moment("+27h"), "Pay"),
    ]


def test_a_cart_that_was_reminded_of_emptied_and_filled_again_is_left_alone() -> None:
    """R51: it would be the same reminder once more."""
    more = [_wait(), _send("cart", klass="marketing"), {**_wait(24 * HOUR), "id": "w2"}]
    told = JOURNEYS[2].model_dump(mode="json") | {"steps": more}
    place = store_of(Journey.model_validate(told))
    emptied = fact({"kind": "cart.changed", "at": "+3h", "lines": []})
    play(place, [YES, _cart("+0m"), emptied, _cart("+4h", "c1", "Mug")], moment("+5d"))
    assert _times(place) == [(moment("+1h"), "Your Kettle wait")]


@pytest.mark.parametrize(
    ("again_after", "at", "times"),
    [(None, "+9d", 1), (7 * 24 * HOUR, "+6d", 1), (7 * 24 * HOUR, "+8d", 2)],
)
def test_a_person_comes_into_it_again_when_its_time_has_passed(again_after, at, times) -> None:
    """R117: re-entry."""
    seen = JOURNEYS[3].model_copy(update={"again_after": again_after})
    looks = [fact({"kind": "visit.made", "sku": "K", "at": one}) for one in ("+1m", at)]
    place = play(store_of(seen), [YES, *looks], moment("+20d"))
    assert len(_times(place)) == times


def test_under_both_names_of_a_merged_person_it_is_one_run() -> None:
    """P9: who was found to be one person is reminded once."""
    place = store_of(JOURNEYS[3])
    other = {"phone": "+375297654321"}
    hear(place, YES, fact({"kind": "customer.changed", "customer": other}))
    first, second = sorted(place.contacts)
    merged = facts.PeopleMerged(id="m", at=NOON, contact=first, other=second)
    looks = [
        fact({"kind": "visit.made", "sku": "K", "at": "+1m"}),
        fact({"kind": "visit.made", "sku": "K", "at": "+2m", "customer": other}),
    ]
    play(place, [merged, *looks], moment("+5h"))
    assert len(messages(place)) == 1
    assert [key for key in place.enrollments if key[0] == "own_4"] == [
        ("own_4", f"person/{first}/seen")
    ]


def test_who_are_found_to_be_one_while_both_wait_are_reminded_once() -> None:
    """P9: the run that began first goes on, the other ends with it."""
    place = store_of(JOURNEYS[3])
    other = {"phone": "+375297654321", "email": "", "name": "A. K."}
    looks = [
        fact({"kind": "visit.made", "sku": "K", "at": "+1m"}),
        fact({"kind": "visit.made", "sku": "K", "at": "+2m", "customer": other}),
    ]
    play(place, [YES, looks[0], looks[1]], moment("+3m"))
    first, second = sorted(place.contacts)
    waiting = [run for run in place.enrollments.values() if run.state == "waiting"]
    assert len(waiting) == 2
    hear(place, facts.PeopleMerged(id="m", at=moment("+5m"), contact=second, other=first))
    for run in reversed(waiting):
        woken = facts.WokenUp(
            id=f"w{run.id}", at=run.wake_at, enrollment=run.id, contact=run.contact_id,
            place=run.place,
        )  # fmt: skip
        hear(place, woken, now=run.wake_at)
    assert len([m for m in messages(place) if m.recipe == "own_4"]) == 1
    assert sorted((run.state, run.reason) for run in place.enrollments.values()) == [
        ("done", ""), ("stopped", "anew")
    ]  # fmt: skip


# ------------------------------------------------------------------ of two offers the higher one


def _offer(key: str, priority: int, seconds: int):
    return journey(
        key=key, topic="offers", priority=priority, about=key,
        steps=[_wait(seconds), _send("seen", klass="marketing")],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("offers", "said", "silent"),
    [
        ([("own_1", 8, HOUR), ("own_2", 3, HOUR)], ["own_1"], ["own_2"]),
        ([("own_1", 3, HOUR), ("own_2", 8, HOUR)], ["own_2"], ["own_1"]),
        ([("own_1", 3, HOUR), ("own_2", 8, 2 * HOUR)], ["own_2"], ["own_1"]),  # the lower was first
        ([("own_1", 8, HOUR), ("own_2", 3, 2 * HOUR)], ["own_1"], ["own_2"]),
        ([("own_1", 5, HOUR), ("own_2", 5, HOUR)], ["own_1", "own_2"], []),  # the caps decide
        ([("own_1", 8, HOUR), ("own_2", 3, 30 * HOUR)], ["own_1", "own_2"], []),  # another day
        (
            [("own_1", 3, HOUR), ("own_2", 8, HOUR), ("own_3", 5, HOUR)],
            ["own_2"], ["own_1", "own_3"],
        ),
    ],
)  # fmt: skip
def test_of_two_offers_at_one_time_the_higher_goes(offers, said, silent) -> None:
    """R117, P4: whichever came first, none of them twice; the silence has its reason."""
    place = store_of(*(_offer(*one) for one in offers))
    play(place, [_order("1", "+0m")], moment("+5d"))
    made = messages(place)
    assert sorted(m.recipe for m in made if m.state == "waiting") == said
    assert sorted((m.recipe, m.reason) for m in made if m.state == "dropped") == [
        (key, "outranked") for key in silent
    ]


# ------------------------------------------------------------------ whoever begins it


@pytest.mark.parametrize(
    "told",
    [
        [fact({"kind": "order.placed"})],
        [fact({"kind": "order.placed", "order": {"consent": None}}),
         fact({"kind": "text.received", "body": "START", "at": "+1m"})],
        [YES],
        [facts.SignedUp(id="s", at=NOON, customer={"phone": "+375291112233"}, words="Yes",
                        source="api/crm", confirmed=True)],
    ],
)  # fmt: skip
def test_whichever_way_they_subscribe_it_is_heard_once(told) -> None:
    """R6: the welcome follows every yes, and only the yes."""
    place = store_of(journey(trigger=_heard("consent.given"), steps=[SEND]))
    play(place, [*told, *told], moment("+1h"))
    assert len([m for m in messages(place) if m.recipe == "own_1"]) == 1


def test_a_no_begins_no_welcome() -> None:
    place = store_of(journey(trigger=_heard("consent.given"), steps=[SEND]))
    play(place, [fact({"kind": "order.placed", "order": {"consent": None}})], moment("+1h"))
    assert not messages(place)


def test_a_due_fact_begins_what_it_names_once() -> None:
    """R75: whoever repeats it."""
    day = {"on": "date", "what": "birthday"}
    place = store_of(journey(trigger=day, about="{occasion}", steps=[SEND]))
    hear(place, YES)
    (who,) = place.contacts
    due = facts.DueCame(id="d", at=NOON, automation="own_1", contact=who, occasion="birthday/2026")
    hear(place, due, due.model_copy(update={"id": "d2"}))
    hear(place, due.model_copy(update={"occasion": "birthday/2027"}))
    hear(place, due.model_copy(update={"automation": "order_paid", "occasion": "x"}))
    assert len(messages(place)) == 2


@pytest.mark.parametrize(
    "more",
    [
        {"about": "{nosuch}/x"},
        {"steps": [{"do": "branch", "id": "b", "person": {"leaf": "segment", "segment": 99},
                    "otherwise": [SEND]}]},
    ],
)  # fmt: skip
def test_what_a_journey_has_wrong_holds_up_no_order(more) -> None:
    """P11: a field that the fact has not, a segment that is gone."""
    place = store_of(journey(**({"steps": [SEND]} | more)))
    play(place, [fact({"kind": "order.placed"})], moment("+1h"))
    assert [m.body for m in messages(place)] == ["Hello 1042"]


def test_it_begins_again_counted_from_what_happened_and_not_from_when_it_was_told() -> None:
    seen = JOURNEYS[3].model_dump(mode="json") | {"steps": [_send("seen", klass="marketing")]}
    place = store_of(Journey.model_validate(seen))
    looks = [
        (moment(told), fact({"kind": "visit.made", "sku": "K", "at": at}))
        for at, told in (("+1m", "+2d"), ("+8d", "+8d"))
    ]
    play_as_told(place, [(NOON, YES), *looks], moment("+20d"))
    assert len(messages(place)) == 2


# ------------------------------------------------------------------ versions, switches, chance


def test_switched_off_ends_who_waits_and_says_so() -> None:
    """N2: switching it off means that nothing more is said, whatever version they began with."""
    one = journey(steps=[_wait(), SEND])
    place = play(store_of(one), [fact({"kind": "order.placed"})], moment("+30m"))
    versions = dict(place.plans.versions)
    place.plans = Plans({**versions, "own_1": [Automation(False, 2, plan=one), *versions["own_1"]]})
    (run,) = [run for run in place.enrollments.values() if run.state == "waiting"]
    woken = facts.WokenUp(
        id="w", at=run.wake_at, enrollment=run.id, contact=run.contact_id, place=run.place
    )
    hear(place, woken, now=run.wake_at)
    ended = place.enrollments["own_1", run.subject]
    assert (ended.state, ended.reason) == ("stopped", "switched_off")
    assert not messages(place)


def test_a_run_finishes_on_its_version_when_steps_are_moved_and_gone() -> None:
    """Decided in design: a change reaches those who begin after it."""
    old = journey(steps=[_wait(), SEND])
    place = play(store_of(old), [fact({"kind": "order.placed"})], moment("+30m"))
    new = journey(steps=[{"do": "leave", "id": "l"}])
    versions = dict(place.plans.versions)
    place.plans = Plans({**versions, "own_1": [Automation(True, 2, plan=new), *versions["own_1"]]})
    (run,) = [run for run in place.enrollments.values() if run.state == "waiting"]
    woken = facts.WokenUp(
        id="w", at=run.wake_at, enrollment=run.id, contact=run.contact_id, place=run.place
    )
    hear(place, woken, now=run.wake_at)
    assert [m.body for m in messages(place)] == ["Hello 1042"]


def test_who_is_held_out_of_one_is_not_held_out_of_all() -> None:
    """N3: so that what each earned is told apart."""
    halves = [
        journey(key=f"own_{n}", about=f"x{n}", holdout_percent=50, steps=[SEND]) for n in range(20)
    ]
    place = play(store_of(*halves), [fact({"kind": "order.placed"})], moment("+1h"))
    held = [run for run in place.enrollments.values() if run.reason == "holdout"]
    assert 3 < len(held) < 17
    assert len(messages(place)) == 20 - len(held)
    again = play(store_of(*halves), [fact({"kind": "order.placed"})], moment("+1h"))
    assert {run.recipe for run in again.enrollments.values() if run.reason == "holdout"} == {
        run.recipe for run in held
    }


# ------------------------------------------------------------------ clocks


@given(
    day=st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    minute=st.integers(0, 24 * 60 - 1),
    seconds=st.integers(0, 10 * 24 * HOUR),
    at=st.one_of(st.none(), st.times(time(0), time(23, 59))),
    weekdays=st.sets(st.integers(0, 6)),
    zone=st.sampled_from(["Europe/Minsk", "Europe/Rome", "America/New_York", "Asia/Kathmandu"]),
)
@settings(max_examples=150, deadline=None)
def test_a_wait_ends_on_its_day_at_its_time_and_never_early(
    day, minute, seconds, at, weekdays, zone
) -> None:
    """R19, N7: also in the nights in which clocks change."""
    at = at and at.replace(second=0, microsecond=0)
    now = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=UTC)
    wait = Wait(id="w", seconds=seconds, at=at, weekdays=tuple(sorted(weekdays)))
    over = wait.over_at(now, ZoneInfo(zone))
    least = now + timedelta(seconds=seconds)
    assert least <= over <= least + timedelta(days=8)
    local = over.astimezone(ZoneInfo(zone))
    assert not weekdays or local.weekday() in weekdays
    if at:
        shown = local.replace(tzinfo=None)
        wanted = datetime.combine(local.date(), at)
        assert timedelta(0) <= shown - wanted <= timedelta(hours=1)  # an hour that there is not
