"""What a campaign decides by the page is what would be decided of each of its people alone."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import compress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringdove.rules import messages, texts
from ringdove.rules.campaigns import campaign_problems
from ringdove.rules.campaigns.campaign_decisions import PARTED, Decider, Person
from ringdove.rules.campaigns.campaign_sums import Sums
from ringdove.rules.campaigns.campaign_texts import Made, Writer, filled
from ringdove.rules.campaigns.campaigns import CartLine, Link, Plan, Variant, When, Words
from ringdove.rules.campaigns.lots import Lots
from ringdove.rules.campaigns.schedules import Schedule, gathers_at
from ringdove.rules.consent import consent
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.links.link_targets import Goods
from ringdove.rules.policy import Gap, Policy
from ringdove.rules.scenes import Contact, History, Store, Touch
from ringdove.rules.segments import segments
from ringdove.rules.sending.prices import Price, PriceList
from ringdove.rules.sending.routes import Gateway, Ways

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
POLICY = Policy(categories={"tea": Gap(10, 60)})
STORE = Store(
    1, "Linden & Co", "BY", "Europe/Minsk", ("ru", "en"), "BYN", time(21), time(9),
    website="https://linden.example", policy=POLICY,
)  # fmt: skip
WAYS = Ways(
    (Gateway(1, "sms", "sandbox", "Linden"), Gateway(2, "email", "smtp", "a@b.example")),
    lists={1: PriceList([Price("375", Decimal("0.02")), Price("", Decimal("0.1"), "IT")], "EUR")},
)
KEYED = "{:064x}".format


def keyed(text: str) -> str:
    return KEYED(abs(hash(text)))


# ------------------------------------------------------------------ the decision

PHONES = ["+375291112233", "+393331234567", "+79161234567", "+12125550123", None]
ZONES = ["Europe/Minsk", "Europe/Rome", "Europe/Kaliningrad Asia/Vladivostok", ""]
STATES = st.sampled_from(["", "in", "out", "asked"])
PEOPLE = st.fixed_dictionaries({
    "phone": st.sampled_from(PHONES), "email": st.sampled_from(["a@b.example", None]),
    "doubt": st.booleans(), "language": st.sampled_from(["", "ru", "en", "it"]),
    "country": st.sampled_from(["", "BY", "IT", "FR", "US"]), "zones": st.sampled_from(ZONES),
    "marketing": st.sampled_from(["none", "asked", "in", "in", "in", "out"]),
    "service": st.sampled_from(["in", "in", "out"]), "topic": STATES, "category": STATES,
    "by_mail": st.sampled_from(["", "in", "out"]),
    "paused": st.none() | st.integers(-50, 50), "talking": st.none() | st.integers(-30, 40),
    "touches": st.lists(st.tuples(st.integers(0, 800), st.booleans()), max_size=4),
    "bought": st.none() | st.integers(0, 100), "own_hour": st.none() | st.integers(0, 23),
})  # fmt: skip
WHENS = st.sampled_from([
    When(), When(for_hours=3), When(until=NOON + timedelta(hours=5)),
    When(mode="at", at=datetime(2026, 11, 19, 10), local=True), When(mode="own_hour"),
    When(spread_minutes=600), When(weekdays=(0, 5), begins=time(14), ends=time(17)),
])  # fmt: skip


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(PEOPLE, min_size=1, max_size=8), WHENS, st.sampled_from(["sms", "email", "both"]),
       st.sampled_from([NOON, NOON.replace(hour=22)]))  # fmt: skip
def test_a_page_is_decided_as_each_alone(told, when, channels, now):
    """P1, R12, R14, R17: by the page, with what is alike asked once, as
    rules/consent/consent.decide."""
    words = {one: Words(sms="x", subject="x", body="x") for one in ("ru", "en")}
    plan = Plan(
        category="tea", occasion="sale", channels=channels, holdout_percent=0, when=when,
        variants=(Variant(words=words),),
    )  # fmt: skip
    schedule = Schedule(when, STORE.time_zone, now, 19)
    lots = Lots(b"s" * 32, b"c" * 32, 0, [1])
    spoken = frozenset((0, one, way) for one in words for way in ("sms", "email"))
    decider = Decider(STORE, plan, schedule, lots, WAYS, now, spoken)
    people = [_person(n + 1, one, now) for n, one in enumerate(told)]
    found = {(wish.person.id, wish.channel): wish for wish in decider.decide(people)}
    for n, one in enumerate(told):
        wanted = ("sms", "email") if channels == "both" else (channels,)
        for channel in wanted:
            wish = found.get((n + 1, channel))
            if wish is None:
                assert channels == "both"
                continue
            contact, past = _contact(n + 1, one, now), people[n].past or History()
            not_before = schedule.not_before(
                contact.zones, one["own_hour"], lots.deal([n + 1])[0][1]
            )
            draft = consent.Draft(
                channel, "marketing", "offers", not_before, schedule.not_after(not_before),
                category="tea", occasion="sale", part=decider.part,
            )  # fmt: skip
            verdict = consent.decide(STORE, contact, draft, past, now)
            expected = messages.outcome(verdict, max(now, not_before), now)
            assert wish.told.outcome == expected


def _person(n, one, now):
    has = ("p" if one["phone"] else "") + ("d" if one["doubt"] else "")
    traits = PARTED.join((
        one["language"], one["country"], one["zones"], one["marketing"], one["service"],
        one["topic"], one["category"], one["by_mail"], has + ("e" if one["email"] else ""),
    ))  # fmt: skip
    touches = sorted(
        (Touch(0, now - timedelta(hours=h), "", "tea" if is_tea else "")
         for h, is_tea in one["touches"]), key=lambda touch: touch.at, reverse=True,
    )  # fmt: skip
    bought = {} if one["bought"] is None else {"tea": now - timedelta(days=one["bought"])}
    past = History(tuple(touches), bought) if touches or bought else None
    paused = None if one["paused"] is None else now + timedelta(hours=one["paused"])
    talking = None if one["talking"] is None else now + timedelta(hours=one["talking"])
    return Person(
        n, traits, one["phone"], one["email"], "A", one["own_hour"], past, paused, talking
    )


def _contact(n, one, now):
    scopes = {
        scope: (state, "")
        for scope, state in (("topic/offers", one["topic"]), ("category/tea", one["category"]),
                             ("channel/email", one["by_mail"]))
        if state
    }  # fmt: skip
    return Contact(
        n, one["phone"], one["email"], now, phone_doubt="?" if one["doubt"] else None,
        language=one["language"] or None, country=one["country"] or None,
        zones=tuple(one["zones"].split()), marketing=one["marketing"], service=one["service"],
        scopes=scopes,
        paused_until=None if one["paused"] is None else now + timedelta(hours=one["paused"]),
        talking_until=None if one["talking"] is None else now + timedelta(hours=one["talking"]),
    )  # fmt: skip


def test_chance_leaves_alone_only_who_would_get_it_and_also_whom_a_cap_holds_back():
    """N3: with whom chance left alone everybody is compared whom it did not: so both groups have
    the same kinds of people in them, whatever automations wrote to them before."""
    one = {
        "phone": PHONES[0], "email": None, "doubt": False, "language": "ru", "country": "BY",
        "zones": "", "marketing": "in", "service": "in", "topic": "", "category": "", "by_mail": "",
        "paused": None, "talking": None, "touches": [], "bought": None, "own_hour": None,
    }  # fmt: skip
    capped = one | {"touches": [(n, False) for n in (1, 30, 60, 90, 120, 150, 170, 180)]}
    people = [_person(n, who, NOON) for n, who in enumerate((one, capped, one | {"service": "out",
              "marketing": "out"}), 1)]  # fmt: skip
    plan = Plan(occasion="sale", when=When(for_hours=3))
    schedule, spoken = Schedule(plan.when, STORE.time_zone, NOON), {(0, "ru", "sms")}

    def reasons(percent, ways=WAYS, spoken=spoken):
        lots = Lots(b"s" * 32, b"c" * 32, percent, [1])
        decider = Decider(STORE, plan, schedule, lots, ways, NOON, frozenset(spoken))
        return [wish.told.outcome.reason for wish in decider.decide(people)]

    (well, cap, refused), held = reasons(0), reasons(100)
    assert (well, cap) == ("", "cap_month") and held == ["holdout", "holdout", refused]
    for lacks in ({"ways": Ways(())}, {"spoken": ()}):
        assert reasons(100, **lacks) == [reasons(0, **lacks)[0], "holdout", refused]


def test_who_is_held_out_stays_so_and_a_larger_share_holds_the_same_people():
    """N3: the same in every campaign of the store; ten in a hundred, give or take chance."""
    people = range(1, 20_001)
    ten, twenty = (Lots(b"s" * 32, b"1" * 32, percent, [1]) for percent in (10, 20))
    other = Lots(b"s" * 32, b"2" * 32, 10, [1, 1])
    held = set(compress(people, ten.are_held(people)))
    assert held == set(compress(people, other.are_held(people)))
    assert held < set(compress(people, twenty.are_held(people)))
    assert [ten.are_held([one])[0] for one in range(1, 50)] == ten.are_held(range(1, 50))
    assert 1_800 < len(held) < 2_200
    dealt = Counter(variant for variant, _ in other.deal(sorted(held)))
    assert abs(dealt[0] - dealt[1]) < 200  # a variant says nothing of who is held out


def test_variants_get_their_shares():
    """R37: shares are weights."""
    lots = Lots(b"s" * 32, b"1" * 32, 0, [1, 2, 7])
    people = lots.deal(range(1, 20_001))
    dealt = Counter(variant for variant, _ in people)
    for variant, share in enumerate((0.1, 0.2, 0.7)):
        assert abs(dealt[variant] / 20_000 - share) < 0.015
    assert all(0 <= place < 1 for _, place in people)


# ------------------------------------------------------------------ the words

TEMPLATES = [
    "{{ customer.first_name }}, 20% off: {{ link }} {{ offer.code }}. STOP: {{ stop_url }}",
    "Hi{% if customer.first_name %} {{ customer.first_name }}{% endif %}! {{ link2 }} 100%",
    "{{ shop.name }}: {{ offer.code }} ({{ offer.until }}), {{ customer.name }}",
    "{% for n in customer.name %}x{% endfor %} {{ link | upcase }} %s %% {{ field.dog }}",
]
NAMES = ["Anna Kowal", "", "Zoë", "Bob Jr.", " , ", "Ли (мл.)", "O'Hara  X", "x0x"]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(TEMPLATES), st.sampled_from(NAMES),
    st.sampled_from(["own", "common", "pool", None]), st.sampled_from(["", "Rex", " .x"]),
)  # fmt: skip
def test_a_form_says_what_rendering_says(template, name, source, dog):
    """R25: bodies put together quickly are those of the one renderer, letter by letter."""
    offer = source and Reward(
        1, "t", "Sale", "code", source=source, code="SPRING", valid_until=NOON + timedelta(days=9)
    )
    plan = Plan(
        occasion="x", links=(Link(), Link()), offer=1, holdout_percent=0,
        variants=(Variant(words={"en": Words(sms=template)}),),
    )  # fmt: skip
    writer = Writer(STORE, plan, "https://r.example", b"k" * 16, keyed, offer or None, NOON)
    said = writer.words[0, "en", "sms"]
    person = Person(7, "", "+375291112233", None, name, fields={"dog": dog})
    wish = _wish(person)
    code = {"own": "SALE-BCDFGHJ", "common": "SPRING", "pool": "-odd, "}.get(source or "", "")
    own_links = ("https://r.example/l/aaaaaaaaaaaa", "https://r.example/l/bbbbbbbbbbbb")
    text = writer.write(wish, own_links, code)
    values = writer._values(said, wish, own_links, code)
    assert text.body == filled(template, values)
    assert (text.encoding, text.parts) == texts.measure(text.body)[::2]


def _wish(person: Person):
    plan = Plan(occasion="x", holdout_percent=0, variants=(Variant(words={"en": Words(sms="x")}),))
    traits = PARTED.join(("en", "BY", "Europe/Minsk", "in", "in", "", "", "", "p"))
    decider = Decider(
        STORE, plan, Schedule(plan.when, "Europe/Minsk", NOON), Lots(b"s", b"c", 0, [1]), WAYS,
        NOON, frozenset({(0, "en", "sms")}),
    )  # fmt: skip
    (wish,) = decider.decide([person._replace(traits=traits)])
    assert wish.is_said
    return wish


def test_sums_say_money_as_expected_and_at_worst():
    """N6: parts and prices per recipient, in each currency; what no list says is counted too."""
    texts_ = [("+375291112233", "x" * 161), ("+393331234567", "x"), ("+79161234567", "x")]
    made = []
    for n, (phone, body) in enumerate(texts_):
        wish = _wish(Person(n + 1, "", phone, None, "A"))
        measure = texts.measure(body)
        text = messages_text(body, measure)
        made.append(Made(n, wish, wish.told, text))
    sums = Sums()
    sums.add(made)
    found = sums.document("EUR")
    assert found["money"] == {"EUR": "0.14"} and found["unpriced"] == 1
    assert found["parts"] == {"1": 2, "2": 1} and found["parts_total"] == 4
    assert found["queued"] == 3 and found["worst"] == "0.14"


def messages_text(body, measure):
    from ringdove.rules.campaigns.campaign_texts import Text

    return Text("", body, measure.encoding, measure.parts)


# ------------------------------------------------------------------ when


@pytest.mark.parametrize(("when", "expected"), [
    (When(), NOON),
    (When(mode="at", at=datetime(2026, 11, 19, 10)), datetime(2026, 11, 19, 7, tzinfo=UTC)),
    (When(mode="at", at=datetime(2026, 11, 17, 10)), NOON),
    (When(mode="at", at=datetime(2026, 11, 19, 10), local=True),
     datetime(2026, 11, 19, 0, tzinfo=UTC)),
])  # fmt: skip
def test_people_are_gathered_as_late_as_all_are_in_time(when, expected):
    """R66: for local times, when the first of the zones in which people are reaches it."""
    zones = ("Europe/Minsk", "Europe/Rome", "Asia/Vladivostok")
    assert gathers_at(when, "Europe/Minsk", zones, NOON) == expected


def test_local_time_is_safe_in_all_zones_of_a_person():
    """P4: of a number that may be in Kaliningrad or Vladivostok the later one counts."""
    when = When(mode="at", at=datetime(2026, 11, 19, 10), local=True)
    schedule = Schedule(when, "Europe/Minsk", NOON)
    zones = ("Europe/Kaliningrad", "Asia/Vladivostok")
    assert schedule.not_before(zones, None, 0.0) == datetime(2026, 11, 19, 8, tzinfo=UTC)


def test_own_hours_fall_back_to_the_shops():
    """R16: the person's hour by the store's clock, else the shop's, else at once."""
    schedule = Schedule(When(mode="own_hour"), "Europe/Minsk", NOON, 19)
    assert schedule.not_before((), 15, 0.0) == NOON  # it is that hour now
    assert schedule.not_before((), 20, 0.0) == NOON.replace(hour=17)
    assert schedule.not_before((), 8, 0.0) == datetime(2026, 11, 19, 5, tzinfo=UTC)
    assert schedule.not_before((), None, 0.0) == NOON.replace(hour=16)
    without = Schedule(When(mode="own_hour"), "Europe/Minsk", NOON)
    assert without.not_before((), None, 0.0) == NOON


def test_a_spread_has_few_steps_and_stays_within():
    """A day's spread is not a million moments."""
    schedule = Schedule(When(spread_minutes=24 * 60), "Europe/Minsk", NOON)
    moments = {schedule.not_before((), None, n / 20_000) for n in range(20_000)}
    assert len(moments) <= 3_600
    assert min(moments) == NOON and max(moments) < NOON + timedelta(days=1)


# ------------------------------------------------------------------ what is wrong with a plan


def test_a_plan_is_told_what_is_wrong_with_it():
    """R13, R23, R27: the same list for page and API."""
    good = Plan(
        occasion="sale", links=(Link(),),
        variants=(Variant(words={
            "ru": Words(sms="{{ link }} СТОП"), "en": Words(sms="{{ link }} STOP")}),),
    )  # fmt: skip
    assert campaign_problems.problems(good, STORE, NOON) == []
    bad = Plan(
        topic="nothing", offer=9, audience=segments.InSegment(segment=4),
        links=(Link(kind="product"), Link(kind="cart", lines=(CartLine(sku="x"),))),
        variants=(
            Variant(words={"en": Words(sms="Hello {{ customer.nme }}")}),
            Variant(words={"ru": Words(sms="Привет {{ link3 }}"), "en": Words(sms="Hello")}),
        ),
        when=When(mode="at", until=NOON),
    )  # fmt: skip
    found = campaign_problems.problems(
        bad, STORE, NOON, known_segments=(), known_offers=(), known_fields=(), known_goods={}
    )
    told = {(one.where, one.what, one.blocks) for one in found}
    assert told >= {
        ("occasion", "no_occasion", True), ("topic", "unknown_topic", True),
        ("audience", "segment_unknown", True), ("offer", "offer_unknown", True),
        ("variants.1", "one_name", True), ("variants.0.ru.sms", "no_words", True),
        ("variants.0.en.sms", "broken", True), ("variants.1.ru.sms", "link_missing", True),
        ("variants.1.en.sms", "no_call", False), ("variants.1.en.sms", "no_way_out", False),
        ("links.0", "link_empty", True), ("links.1", "link_unsaid", False),
        ("links.1", "not_known", False),
        ("when.at", "no_time", True), ("when.until", "end_over", True),
    }, told  # fmt: skip
    assert all(one.said for one in found)
    lost = good.model_copy(update={"links": (Link(kind="product", sku="K"),)})
    for goods, expected in (({}, ["no_page"]), ({"K": Goods("K")}, ["no_page"]),
                            ({"K": Goods("K", url="/k")}, [])):  # fmt: skip
        problems = campaign_problems.problems(lost, STORE, NOON, known_goods=goods)
        assert [one.what for one in problems] == expected and not any(p.blocks for p in problems)
    for said, is_missing in (
        ("{% if offer.until %}until {{ offer.until }}{% endif %}", False),
        ("until {{ offer.until }}", True), ("{% if offer.code %}{{ offer.code }}{% endif %}", True),
    ):  # fmt: skip
        words = {one: Words(sms=f"{said} {{{{ link }}}} СТОП") for one in ("ru", "en")}
        asks = good.model_copy(update={"variants": (Variant(words=words),)})
        told_of = {one.what for one in campaign_problems.problems(asks, STORE, NOON)}
        assert ("offer_missing" in told_of) is is_missing, said
    relaxed = replace(STORE, policy=replace(POLICY, occasion="warn"))
    (first, *_) = campaign_problems.problems(bad, relaxed, NOON)
    assert first.what == "no_occasion" and not first.blocks
