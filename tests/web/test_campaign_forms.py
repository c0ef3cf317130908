"""What the composer's form means: nothing is lost, and what is wrong is said at its place."""

import json
from collections import Counter
from datetime import UTC, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from starlette.datastructures import FormData

from ringdove.rules.campaigns.campaigns import CartLine, Link, Plan, Stop, Variant, When, Words
from ringdove.rules.segments import segments
from ringdove.web.campaigns import campaign_forms
from ringdove.web.campaigns.campaign_audience import Audience, Measured, variant_in_turn
from ringdove.web.speech import plain_speech

SAY = plain_speech("en", datetime(2026, 11, 22, tzinfo=UTC))
BEFORE = Plan(
    occasion="Sale",
    variants=(Variant(words={"en": Words(sms="Hello", subject="S", body="B")}),),
    links=(Link(url="/sale"),),
    stop=Stop(skus=("kettle",), pieces=Decimal(5)),
)


def read(before: Plan = BEFORE, **given: str) -> campaign_forms.Draft:
    form = FormData([(name.replace("__", "-"), value) for name, value in given.items()])
    return campaign_forms.draft_of(form, "Name", before, "Europe/Minsk", SAY)


def test_a_sample_reads_each_text_as_often_as_its_share() -> None:
    """Else the price beside the composer would be that of the first text alone."""
    plan = Plan(occasion="Sale", variants=(Variant(name="A", share=1), Variant(name="B", share=3)))
    read_by = Counter(variant_in_turn(plan, n).name for n in range(400))
    assert read_by["A"] == pytest.approx(100, abs=3)
    assert variant_in_turn(BEFORE, 299) is BEFORE.variants[0]


def test_the_price_leaves_out_who_is_left_alone() -> None:
    """At most: nobody is."""
    measured = Measured(10, 1, 2, Decimal("0.03"), Decimal("0.09"), "EUR")
    told = Audience(1_200, True, 1_000, measured=measured, holdout_percent=10)
    assert (told.cost, told.cost_worst) == (Decimal(27), Decimal(90))


def test_what_did_not_come_stays_as_it_was() -> None:
    """R23: a part of the form changes only itself."""
    draft = read()
    assert draft.plan == BEFORE and draft.name == "Name" and not draft.errors
    draft = read(occasion="  Birthday ")
    assert draft.plan == BEFORE.model_copy(update={"occasion": "Birthday"})


def test_words_of_a_language_come_beside_those_of_others() -> None:
    """R26."""
    draft = read(words__0__ru__sms="Привет\r\nвсем", words__0__en__sms="Hi")
    words = draft.plan.variants[0].words
    assert words["ru"] == Words(sms="Привет\nвсем")
    assert words["en"] == Words(sms="Hi", subject="S", body="B")
    emptied = read(words__0__en__sms="", words__0__en__subject="", words__0__en__body="")
    assert "en" not in emptied.plan.variants[0].words


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"holdout_percent": "90"}, "holdout_percent"),
        ({"holdout_percent": "many"}, "holdout_percent"),
        ({"when-mode": "at", "when-at": "tomorrow"}, "when-at"),
        ({"when-mode": "now", "when-until": "2026-13-01T10:00"}, "when-until"),
        ({"stop-skus": "kettle", "stop-pieces": "-1"}, "stop-pieces"),
        ({"stop-skus": "kettle", "stop-pieces": ""}, "stop-pieces"),
        ({"link-0-kind": "page", "link-0-url": "javascript:x", "link-0-utm": "yes"}, "link-0-url"),
        ({"audience": '{"leaf": "nothing"}'}, "audience"),
        ({"category": "x" * 201}, "category"),
    ],
)
def test_what_cannot_be_understood_is_told_and_the_rest_is_kept(
    given: dict[str, str], field: str
) -> None:
    """R23: an error loses neither what was typed nor what was there."""
    form = FormData([*given.items(), ("occasion", "New")])
    draft = campaign_forms.draft_of(form, "Name", BEFORE, "Europe/Minsk", SAY)
    assert field in draft.errors and draft.typed[field] == given[field]
    assert draft.plan.occasion == "New"
    kept = {"occasion", "when"}
    assert draft.plan.model_dump(exclude=kept) == BEFORE.model_dump(exclude=kept)


def test_times_are_by_the_clock_of_the_store() -> None:
    """R18, R19."""
    draft = read(**{
        "when-mode": "at", "when-at": "2026-11-27T11:00", "when-until": "2026-11-27T18:00",
        "when-weekdays": "4", "when-begins": "12:00", "when-ends": "17:30", "when-local": "yes",
        "when-spread_hours": "3", "when-for_hours": "24",
    })  # fmt: skip
    assert draft.plan.when == When(
        mode="at", at=datetime(2026, 11, 27, 11), local=True, spread_minutes=180, weekdays=(4,),
        begins=time(12), ends=time(17, 30), for_hours=24,
        until=datetime(2026, 11, 27, 18, tzinfo=ZoneInfo("Europe/Minsk")),
    )  # fmt: skip


def test_a_cart_link_and_a_stop_are_typed_as_people_write_them() -> None:
    """R31, R43."""
    draft = read(**{
        "link-0-kind": "cart", "link-0-lines": "kettle x 2\n\nred cup\ntea × 1,5",
        "stop-skus": "kettle, red cup\nkettle", "stop-pieces": "100",
    })  # fmt: skip
    assert draft.plan.links[0].lines == (
        CartLine(sku="kettle", quantity=Decimal(2)), CartLine(sku="red cup"),
        CartLine(sku="tea", quantity=Decimal("1.5")),
    )  # fmt: skip
    assert draft.plan.stop == Stop(skus=("kettle", "red cup"), pieces=Decimal(100))
    assert read(**{"stop-skus": ""}).plan.stop is None


def test_people_are_left_out_only_where_something_is_asked() -> None:
    """R24: an empty group means nobody there, and everybody in the audience."""
    nobody = json.dumps({"leaf": "all", "of": []})
    assert read(without=nobody).plan.without is None
    asked = json.dumps({"leaf": "all", "of": [{"leaf": "reach", "channel": "email"}]})
    left = read(without=asked).plan.without
    assert isinstance(left, segments.All) and len(left.of) == 1
    assert read(audience=nobody).plan.audience == segments.EVERYBODY


def test_variants_and_links_come_and_go() -> None:
    """R23."""

    def name(n: int) -> str:
        return "ABC"[n]

    two = campaign_forms.done(BEFORE, "variant.add", name)
    assert [one.name for one in two.variants] == ["A", "B"]
    assert two.variants[1].words == two.variants[0].words
    assert campaign_forms.done(two, "variant.remove.0", name).variants == two.variants[1:]
    assert campaign_forms.done(BEFORE, "variant.remove.0", name) == BEFORE  # the last one stays
    links = campaign_forms.done(BEFORE, "link.add", name).links
    assert len(links) == 2
    assert campaign_forms.done(BEFORE, "link.remove.0", name).links == ()
    for nonsense in ("", "link.remove.x", "drop.everything", "variant.remove.9"):
        assert campaign_forms.done(BEFORE, nonsense, name) == BEFORE
