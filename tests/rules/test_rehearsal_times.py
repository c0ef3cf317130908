"""When an automation's time would have come: what the worker would have told, of one person."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from ringdove.rules.automations import rehearsal_times
from ringdove.rules.automations.journeys import (
    ClockStrikes,
    DateComes,
    Enters,
    GoodsNew,
    Journey,
    PurchaseDue,
)
from ringdove.rules.scenes import Contact, Item
from ringdove.rules.segments import segments
from ringdove.rules.segments.pictures import Look, Picture, Purchase
from ringdove.rules.segments.rhythm import Pace
from ringdove.rules.steps.send import Send

SINCE = datetime(2026, 10, 1, tzinfo=UTC)
UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
ZONE = "Europe/Minsk"
ANNA = Contact(7, "+375291112233", None, SINCE, birthday=date(1990, 10, 12))


def journey(trigger) -> Journey:
    """One text when the time comes."""
    return Journey(key="own_1", trigger=trigger, topic="offers", steps=(Send(id="say", text="x"),))


def bought(*days: int, category: str = "tea") -> list[Purchase]:
    """An order on each of these days after the beginning."""
    line = Item("Tea", Decimal(1), Decimal(9), "t1", category)
    return [
        Purchase(n, SINCE + timedelta(days=day, hours=9), "web", Decimal(9), (line,))
        for n, day in enumerate(days)
    ]


def told(trigger, picture: Picture, **more) -> list[tuple[str, str, str]]:
    """Day, occasion and category of what comes."""
    times = replace(rehearsal_times.of(journey(trigger), ZONE, SINCE, UNTIL), **more)
    came = list(rehearsal_times.come(times, picture))
    assert all(SINCE < one.at <= UNTIL for one in came)
    return [(f"{one.at:%d %H:%M}", one.occasion, one.category) for one in came]


def test_dates_come_once_at_their_hour() -> None:
    """R75, R76, N2."""
    picture = Picture(ANNA, ZONE, purchases=bought(3, 20))
    assert told(DateComes(), picture) == [("12 07:00", "2026", "")]
    assert told(DateComes(days=-3), picture) == [("09 07:00", "2026", "")]
    child = replace(ANNA, children=(date(2020, 10, 5), date(2026, 10, 30)))
    came = told(DateComes(what="children"), replace(picture, person=child))
    assert came == [("05 07:00", "2026-10-05", ""), ("30 07:00", "2026-10-30", "")]
    dated = replace(ANNA, fields={"wedding": "2010-10-08", "other": "soon"})
    wedding = DateComes(what="field", field="wedding")
    assert told(wedding, replace(picture, person=dated)) == [("08 07:00", "2026-10-08", "")]
    assert not told(DateComes(what="field", field="other"), replace(picture, person=dated))
    assert told(DateComes(what="first_order", days=2), picture) == [("06 07:00", "first", "")]
    # The last order on the 4th is 10 days ago on the 14th; that of the 21st on the 31st.
    came = told(DateComes(what="last_order", days=10), picture)
    assert [one[0] for one in came] == ["14 07:00", "31 07:00"]


def test_a_clock_strikes_for_who_was_meant_then() -> None:
    """N2: each week in the past, not the newest only; a condition is asked as of that moment."""
    picture = Picture(ANNA, ZONE, purchases=bought(10))
    assert [one[0][:2] for one in told(ClockStrikes(), picture)] == ["05", "12", "19", "26"]
    who = segments.Orders(times=segments.Range(at_least=Decimal(1)))
    assert [one[0][:2] for one in told(ClockStrikes(who=who), picture)] == ["12", "19", "26"]


def test_who_comes_into_a_group_is_told_of_once() -> None:
    """N2: looked at once a day."""
    picture = Picture(ANNA, ZONE, purchases=bought(10, 12))
    who = segments.Orders(times=segments.Range(at_least=Decimal(1)))
    assert [one[0] for one in told(Enters(who=who), picture)] == ["12 00:00"]
    before = Picture(ANNA, ZONE, purchases=bought(-4))
    assert not told(Enters(who=who), before)
    assert told(Enters(who=who, also_now=True), before)


def test_a_purchase_is_due_unless_it_came_before() -> None:
    """N4, R15: by the rhythm as it was after each purchase."""
    paces = {"tea": Pace(10, 1_000)}  # as good as every ten days for everybody
    due = PurchaseDue()
    came = told(due, Picture(ANNA, ZONE, purchases=bought(0, 4), paces=paces))
    assert [one[0] for one in came] == ["15 07:00"]  # not 10 days after the first: they came back
    assert came[0][2] == "tea"
    twice = told(due, Picture(ANNA, ZONE, purchases=bought(0, 15), paces=paces))
    assert [one[0] for one in twice] == ["11 07:00", "26 07:00"]
    assert not told(
        PurchaseDue(categories=("books",)), Picture(ANNA, ZONE, purchases=bought(0), paces=paces)
    )


def test_new_goods_are_told_to_who_buys_or_looks() -> None:
    """R38: at most once in so many days."""
    news = {"tea": [SINCE + timedelta(days=2)], "books": [SINCE + timedelta(days=20)]}
    looks = [Look(SINCE, "web", "/", "b1", "books")] * 2
    picture = Picture(ANNA, ZONE, purchases=bought(0), looks=looks)
    came = told(GoodsNew(every_days=7), picture, news=news)
    assert came == [("03 07:00", "2026-10-03", "tea"), ("21 07:00", "2026-10-21", "books")]
    assert not told(GoodsNew(), Picture(ANNA, ZONE), news=news)
