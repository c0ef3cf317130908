"""Every ready automation that offers something, and the newer ones about orders: from facts to
words in each language, with parts counted."""

from datetime import date, timedelta

import pytest

from ringdove.rules import facts, texts
from ringdove.rules.automations import recipes, wording
from ringdove.rules.automations.hints import hints
from ringdove.rules.automations.plans import Automation, Plans
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.effects import SaveTask
from ringdove.rules.steps.give import Give
from ringdove.rules.steps.wait import Wait
from tests.rules.scene import NOON, messages
from tests.rules.stage import KETTLE, OFFER, stage, switch_on
from tests.rules.steps import walk
from tests.rules.test_recipes import TRIGGERS as OLD

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LANGUAGES = ("en", "ru", "be", "it", "es")
LATIN = ("en", "it", "es")
NAMES = {"ru": "Маргарита Волк", "be": "Маргарыта Воўк", "it": "Maddalena Rossi"}
PHONE = "+375291112233"
YES = {"marketing": True, "words": "Send me your offers."}
LINES = [
    {"name": "Kettle", "price": "59.90", "sku": "K1", "category": "Kettles"},
    {"name": "Cup", "price": "9.90", "sku": "C1"},
]


def _who(language="en"):
    return {"phone": PHONE, "name": NAMES.get(language, "Margarita Wolf"),
            "fields": {"points": 350}}  # fmt: skip


def known(language="en", at=NOON - DAY):
    return facts.CustomerChanged(id="c", at=at, customer=_who(language), consent=YES)


def cart(at=NOON, lines=LINES, key="basket", **more):
    told = {"cart": key, "customer": {"phone": PHONE}, "lines": lines, "total": "69.80"}
    return facts.CartChanged(id=f"{key}{at}", at=at, **told | more)


def visit(at=NOON, **more):
    told = {"customer": {"phone": PHONE}, "page": "/kettle"} | more
    return facts.VisitMade(id=f"v{at}", at=at, **told)


def placed(at=NOON, key="1042", **more):
    told = {
        "key": key, "number": key, "placed_at": at, "total": "59.90", "currency": "EUR",
        "customer": {"phone": PHONE}, "lines": LINES,
    } | more  # fmt: skip
    return facts.OrderPlaced(id=f"o{key}", at=at, order=told)


def parcel(state, at, key="1042", **more):
    return facts.ParcelMoved(id=f"{key}{state}{at}", at=at, order=key, state=state, **more)


def due(key, at=NOON, **more):
    """Of the one person in the scene."""
    return lambda who: facts.DueCame(
        id=f"due/{key}/{at}", at=at, automation=key, contact=who, occasion="2026-11-18", **more
    )


def friend(state):
    """Of the one person in the scene."""
    return lambda who: facts.FriendBought(
        id=f"f/{state}", at=NOON, contact=who, state=state, invitation=7
    )


def answer(body, at):
    return facts.TextReceived(
        id=f"t{at}", at=at, gateway=1, sender=PHONE, recipient="+375296660000", body=body
    )


def complaint(state):
    return facts.ComplaintMoved(id=state, at=NOON, order="1042", complaint="77", state=state)


def returned(cls, at=NOON, **more):
    return cls(id=f"{cls.__name__}{at}", at=at, order="1042", return_key="R7", **more)


EXCHANGE = returned(facts.ReturnOpened, wish="exchange", label_url="https://linden.example/r/7")
SIGNED_UP = facts.SignedUp(
    id="s", at=NOON, customer={"phone": PHONE}, words="Yes.", source="form/1", confirmed=True
)
PROMISED = facts.DeliveryPromised(
    id="p", at=NOON, order="1042", promised_from=NOON + DAY, promised_until=NOON + DAY + 4 * HOUR
)
DELIVERED = parcel("delivered", NOON + 3 * DAY)
# By automation: what is told, and the texts that are said of it, in their order.
STORIES = {
    "payment_failed": (
        [placed(payment_due=True, payment_url="https://linden.example/pay/1042"),
         facts.PaymentFailed(id="f", at=NOON, order="1042")], ["payment_failed"],
    ),
    "pickup_waiting": (
        [placed(), parcel("at_pickup_point", NOON, pickup_point="Nezavisimosti 10",
                          pickup_until=NOON + 7 * DAY)], ["pickup_waiting"],
    ),
    "delivery_late": ([placed(), PROMISED], ["delivery_late"]),
    "exchange_opened": ([placed(), EXCHANGE], ["exchange_opened"]),
    "exchange_accepted": (
        [placed(), EXCHANGE, returned(facts.ReturnAccepted, at=NOON + DAY)], ["exchange_accepted"],
    ),
    "return_refused": (
        [placed(), returned(facts.ReturnRefused, reason="2 / 3")], ["return_refused"],
    ),
    **{
        f"complaint_{state}": ([placed(), complaint(state)], [f"complaint_{state}"])
        for state in ("opened", "answered", "accepted", "refused", "closed")
    },
    "cart_left": ([cart()], ["cart_left", "cart_left_again"]),
    "cart_left_discount": ([cart()], ["cart_left", "cart_left_discount"]),
    "browse_left": ([visit(sku="K1")], ["browse_left"]),
    "thanks": ([placed(), DELIVERED], ["thanks"]),
    "review_request": ([placed(), DELIVERED], ["review_request"]),
    "survey": ([placed(), DELIVERED, answer("5", NOON + 6 * DAY)], ["survey"]),
    "nps": ([due("nps")], ["nps"]),
    "accessories": ([placed(), DELIVERED], ["accessories"]),
    "replenish": ([due("replenish", category="Tea")], ["replenish"]),
    "category_due": ([due("category_due", category="Tea")], ["category_due"]),
    "back_in_stock": ([due("back_in_stock", sku="K1")], ["back_in_stock"]),
    "price_drop": ([due("price_drop", sku="K1")], ["price_drop"]),
    "new_goods": ([due("new_goods")], ["new_goods"]),
    "welcome": ([SIGNED_UP], ["welcome"]),
    "birthday": ([due("birthday", day=date(2026, 11, 18))], ["birthday"]),
    "children_birthday": ([due("children_birthday")], ["children_birthday"]),
    "win_back": ([due("win_back")], ["win_back", "win_back_last"]),
    "loyalty_reminder": ([due("loyalty_reminder")], ["loyalty_reminder"]),
    "social": ([due("social")], ["social"]),
    "friend_inviter": ([friend("inviter")], ["friend_inviter"]),
    "friend_friend": ([friend("friend")], ["friend_friend"]),
}  # fmt: skip


def play(place, told, until=NOON + 800 * DAY):
    return walk.play(place, told, until)


def story(key, *told, language="en", offer=OFFER.id, all_steps=True, place=None):
    """The scene after these facts, this automation alone switched on."""
    place = place or stage(language)
    switch_on(place, *key.split(), offer=offer, all_steps=all_steps)
    play(place, [known(language)], NOON - HOUR)
    who = next(iter(place.contacts))
    return play(place, [one(who) if callable(one) else one for one in told])


def said(place, *keys):
    return [one for one in messages(place) if one.recipe and (not keys or one.recipe in keys)]


def test_every_recipe_has_its_story():
    """Those that were there from the first day have theirs in test_recipes.py; what follows a low
    score has it in test_surveys.py."""
    assert {*STORIES, *OLD, "low_score"} == set(RECIPES) and not STORIES.keys() & OLD.keys()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", STORIES)
def test_each_recipe_speaks_each_language_in_few_parts(key, language):
    """R26, R46-R50, R53, R54, R60-R62, R64, R68-R77, R80: from the facts to the words; Latin texts
    in one part, Cyrillic ones in two."""
    told, names = STORIES[key]
    made = said(story(key, *told, language=language))
    ready = [texts.variables(recipes.words_of(name, language)["sms"]) for name in names]
    assert [one.state for one in made] == ["waiting"] * len(names)
    for message, asked in zip(made, ready, strict=True):
        body = message.body
        assert message.language == language and "Linden" in body
        assert "{" not in body and "  " not in body and " ." not in body and ":." not in body
        if language in LATIN:
            assert (message.encoding, message.parts) == ("GSM-7", 1), (len(body), body)
        else:
            assert message.parts <= 2, (len(body), body)
        for value, shown in (
            ("link", "/00xxx"), ("survey.link", "/03xxx"), ("goods.link", "/01xxx"),
            ("offer.code", "LIN-8FK2QPZ"),
            ("product.name", "Kettle"), ("cart.items", "Kettle +1"), ("order.number", "1042"),
            ("return.number", "R7"), ("complaint.number", "77"), ("field.points", "350"),
            ("goods.names", "Cup, Tea"), ("due.category", "Tea"), ("return.reason", "2 / 3"),
        ):  # fmt: skip
            if value in asked and (value, key) != ("due.category", "new_goods"):
                assert shown in body, (value, body)
        is_offer = message.klass == "marketing"
        assert is_offer is ("stop_url" in asked) and is_offer is ("/u/" in body)


@pytest.mark.parametrize("key", STORIES)
def test_without_an_offer_or_a_name_a_text_is_whole(key):
    """R25: which offer it gives, only the store can say; many people have no name."""
    place = stage()
    place.products = {}
    switch_on(place, key, all_steps=True)
    nameless = facts.CustomerChanged(id="c", at=NOON - DAY, customer={"phone": PHONE}, consent=YES)
    play(place, [nameless])
    who = next(iter(place.contacts))
    play(place, [one(who) if callable(one) else one for one in STORIES[key][0]])
    made = said(place)
    assert made
    for body in (one.body for one in made):
        assert body[0].isupper() and "  " not in body and " ," not in body and "code" not in body
        assert " :" not in body and "()" not in body and ",." not in body, body


def test_what_offers_comes_switched_off_and_leaves_a_tenth_alone():
    """N3; an update says nothing by itself that was not said before it."""
    for key, journey in RECIPES.items():
        offers = any(step.klass == "marketing" for step in journey.sends())
        is_answer = key == "low_score"  # to what was asked by an automation that was switched on
        assert journey.holdout_percent == (10 if offers and not is_answer else 0), key
        is_asked_for = key in ("back_in_stock", "price_drop") or key.startswith("exchange")
        is_asked_for |= is_answer
        if key not in OLD:
            assert journey.starts_on is is_asked_for, key


def test_what_speaks_of_buying_is_asked_again_as_it_leaves():
    """P3, R51, R62, R64."""
    guarded: dict[str, set[str]] = {}
    for journey in RECIPES.values():
        for step in journey.sends():
            guarded.setdefault(step.guard, set()).add(step.text)
    assert guarded["unpaid"] == {"order_unpaid", "order_unpaid_again", "payment_failed"}
    assert guarded["in_stock"] == {"back_in_stock", "price_drop"}
    assert guarded["unbought"] == {
        "cart_left", "cart_left_again", "cart_left_discount", "browse_left", "replenish",
        "category_due", "welcome", "win_back", "win_back_last",
    }  # fmt: skip


def test_an_offer_can_go_as_a_letter():
    """R40: the words of the text, its way out by itself."""
    for language in LANGUAGES:
        words = recipes.words_of("cart_left", language)
        assert words["subject"] and words["body"].endswith(" {{ stop_url }}")
        body, stop = words["body"].split("\n\n")
        assert "{{ link }}" in body and body.rstrip() == body
        assert texts.has_way_out(stop)


# ------------------------------------------------------------------ carts and visits


def test_a_cart_is_reminded_of_three_hours_after_its_last_change():
    """R46."""
    place = story("cart_left", cart(), cart(NOON + HOUR), all_steps=False)
    (message,) = said(place)
    assert message.created_at == NOON + 4 * HOUR and message.guard == "unbought"
    assert len(place.enrollments) == 1


@pytest.mark.parametrize("told", [
    pytest.param(placed(NOON + HOUR), id="an order"),
    pytest.param(cart(NOON + HOUR, lines=[]), id="it was emptied"),
])  # fmt: skip
def test_a_cart_that_is_bought_or_emptied_is_not_reminded_of(told):
    """R51, P3."""
    place = story("cart_left", cart(), told)
    assert said(place) == []
    assert [run.state for key, run in place.enrollments.items() if "cart" in key[1]] == ["stopped"]


def test_another_cart_that_is_emptied_changes_nothing():
    place = story("cart_left", cart(), cart(NOON + HOUR, lines=[], key="other"), all_steps=False)
    assert len(said(place)) == 1


def test_a_cart_that_was_reminded_of_is_left_in_peace_for_a_week():
    """R12."""
    again = [cart(NOON + DAY), cart(NOON + 6 * DAY), cart(NOON + 8 * DAY)]
    assert len(said(story("cart_left", cart(), *again, all_steps=False))) == 2


def test_the_code_is_for_who_did_not_come_back_without_it():
    """R47: the second reminder gives it, the first does not."""
    first, second = said(story("cart_left_discount", cart(), all_steps=False))
    assert OFFER.prefix not in first.body and "LIN-8FK2QPZ" in second.body
    assert second.created_at == NOON + DAY
    bought = said(story("cart_left_discount", cart(), placed(NOON + 5 * HOUR)))
    assert len(bought) == 1


def test_similar_goods_are_named_only_where_there_are_some():
    """R49."""
    with_some = said(story("cart_left", cart()))[1].body
    without = said(story("cart_left", cart(), place=stage(goods=())))[1].body
    assert "/01xxx" in with_some and "/01xxx" not in without and "/00xxx" in without


def test_a_look_at_goods_is_reminded_of_the_next_day_and_a_page_is_not():
    """R50."""
    (message,) = said(story("browse_left", visit(sku="K1")))
    assert message.created_at == NOON + 20 * HOUR and "Kettle" in message.body
    assert said(story("browse_left", visit())) == []
    assert said(story("browse_left", visit(sku="K1"), cart(NOON + HOUR))) == []
    assert said(story("browse_left", visit(sku="K1"), placed(NOON + HOUR))) == []


# ------------------------------------------------------------------ orders


def test_what_waits_to_be_fetched_is_reminded_of_until_it_is():
    """R58: neither a repeated scan nor another parcel ends it; fetching it does."""
    here = parcel("at_pickup_point", NOON, parcel="A")
    others = [parcel("at_pickup_point", NOON + HOUR, parcel="A"),
              parcel("delivered", NOON + HOUR, parcel="B")]  # fmt: skip
    assert len(said(story("pickup_waiting", placed(), here, *others))) == 1
    fetched = parcel("delivered", NOON + DAY, parcel="A")
    assert said(story("pickup_waiting", placed(), here, fetched)) == []
    told_late = walk.play_as_told(
        switch_on(stage(), "pickup_waiting"),
        [(one.at, one) for one in (known(), placed(), fetched)] + [(NOON + DAY + HOUR, here)],
        NOON + 30 * DAY,
    )
    assert said(told_late) == []


def test_a_promise_is_kept_watch_over():
    """N9: late is said once, an hour after the promised time, with a task for the staff; a new
    promise moves the watch, a delivery ends it, a parcel on its way does not."""
    on_way = parcel("in_transit", NOON + DAY)
    place = story("delivery_late", placed(), PROMISED, on_way)
    (late,) = said(place)
    assert late.created_at == NOON + DAY + 5 * HOUR
    (task,) = [one for one in place.effects if isinstance(one, SaveTask)]
    assert "1042" in task.said and task.due_at == late.created_at + 4 * HOUR
    assert said(story("delivery_late", placed(), PROMISED, parcel("delivered", NOON + DAY))) == []
    told_late = walk.play_as_told(
        switch_on(stage(), "delivery_late"),
        [(NOON, placed()), (NOON + HOUR, parcel("delivered", NOON + HOUR)), (NOON + DAY, PROMISED)],
        NOON + 30 * DAY,
    )
    assert said(told_late) == []
    newer = PROMISED.model_copy(
        update={"id": "p2", "at": NOON + HOUR, "promised_from": NOON + 3 * DAY,
                "promised_until": NOON + 3 * DAY}
    )  # fmt: skip
    (moved,) = said(story("delivery_late", placed(), PROMISED, newer))
    assert moved.created_at == NOON + 3 * DAY + HOUR


def test_a_payment_that_is_tried_again_at_once_is_not_spoken_of():
    """R64."""
    told = STORIES["payment_failed"][0]
    paid = facts.PaymentReceived(id="y", at=NOON + timedelta(minutes=5), order="1042")
    assert said(story("payment_failed", *told, paid)) == []


def test_a_return_and_an_exchange_are_told_apart_to_their_end():
    """R68, R69: only the opening says which of the two it is."""
    both = "return_opened return_accepted exchange_opened exchange_accepted"
    accepted = returned(facts.ReturnAccepted, at=NOON + DAY)
    swapped = said(story(both, placed(), EXCHANGE, accepted))
    assert [one.recipe for one in swapped] == ["exchange_opened", "exchange_accepted"]
    back = returned(facts.ReturnOpened, wish="return")
    given = said(story(both, placed(), back, accepted))
    assert [one.recipe for one in given] == ["return_opened", "return_accepted"]


def test_a_complaint_is_a_task_too():
    """R71."""
    place = story("complaint_opened", placed(), complaint("opened"))
    (task,) = [one for one in place.effects if isinstance(one, SaveTask)]
    assert "77" in task.said and "1042" in task.said


# ------------------------------------------------------------------ after a purchase


@pytest.mark.parametrize("key", ["thanks", "review_request", "survey", "accessories"])
def test_what_comes_after_a_purchase_waits_for_the_parcel(key):
    """R72-R74, R80: and where nobody tells of parcels, for two weeks; a return ends it."""
    waits = [step.seconds for step in RECIPES[key].steps if isinstance(step, Wait)]
    rest = timedelta(seconds=waits[1])
    with_parcel = said(story(key, placed(), DELIVERED))[0]
    assert with_parcel.created_at == NOON + 3 * DAY + rest
    without = said(story(key, placed()))[0]
    assert without.created_at == NOON + 14 * DAY + rest
    back = returned(facts.ReturnOpened, at=NOON + 3 * DAY + HOUR)
    assert said(story(key, placed(), DELIVERED, back)) == []


def test_accessories_are_for_what_was_bought_last_and_say_nothing_when_nothing_fits():
    """R51, R53, R74."""
    older, newer = placed(), placed(NOON + DAY, key="1043")
    one = said(story("accessories", older, newer))
    assert [m.order_id for m in one if m.state == "waiting"] == [one[-1].order_id] and len(one) == 1
    assert one[0].goods == ("C1", "C2") and one[0].category == "Cups"
    nothing = said(story("accessories", older, place=stage(goods=())))
    assert [(m.state, m.reason) for m in nothing] == [("dropped", "no_goods")]


# ------------------------------------------------------------------ goods and people


def test_what_somebody_asked_for_needs_no_permission_for_offers():
    """R62: it is the very text that they asked for."""
    place = stage()
    switch_on(place, "back_in_stock")
    stranger = facts.CustomerChanged(id="c", at=NOON - DAY, customer={"phone": PHONE})
    play(place, [stranger])
    play(place, [due("back_in_stock", sku="K1")(next(iter(place.contacts)))])
    (message,) = said(place)
    assert (message.klass, message.guard, message.sku) == ("service", "in_stock", KETTLE.sku)


def test_an_offer_goes_to_nobody_who_did_not_agree():
    """R1."""
    place = stage()
    switch_on(place, "birthday")
    play(place, [facts.CustomerChanged(id="c", at=NOON - DAY, customer={"phone": PHONE})])
    play(place, [due("birthday")(next(iter(place.contacts)))])
    assert [(m.state, m.reason) for m in said(place)] == [("dropped", "no_consent")]


def test_a_welcome_is_said_once_and_not_to_who_has_ordered():
    """R10."""
    again = SIGNED_UP.model_copy(update={"id": "s2", "at": NOON + 30 * DAY})
    assert len(said(story("welcome", SIGNED_UP, again))) == 1
    assert said(story("welcome", SIGNED_UP, placed(NOON + DAY))) == []


def test_a_birthday_comes_every_year_and_is_said_once_a_year():
    """R75."""
    same = [due("birthday"), due("birthday")]
    next_year = lambda who: facts.DueCame(  # noqa: E731
        id="next", at=NOON + 365 * DAY, automation="birthday", contact=who, occasion="2027-11-18"
    )
    assert len(said(story("birthday", *same, next_year))) == 2


def test_a_long_name_of_a_product_is_cut_between_words():
    """N6: shops write all that it can do into it."""
    name = "Electric kettle with temperature control, 1.7 l (steel)"
    assert wording.short(name) == "Electric kettle with"
    assert wording.short("Kettle") == "Kettle" and wording.short("K" * 60) == "K" * 28


def test_a_recipe_that_is_off_leaves_no_trace_of_carts():
    place = stage()
    place.plans = Plans({"cart_left": [Automation(is_on=False, version=1)]})
    play(place, [known(), cart()])
    assert not place.enrollments


# ------------------------------------------------------------------ what is still to be chosen


def test_what_is_still_to_be_chosen_is_told_and_in_nobody_s_way():
    """R47: which offer, only the store can say."""
    journey = RECIPES["cart_left_discount"]
    assert list(hints(journey, {}, LANGUAGES)) == [("gift", "offer_missing")]
    wait, first, pause, gift = journey.steps
    chosen = gift.model_copy(update={"offer": 7})
    assert not list(hints(journey.with_steps((wait, first, pause, chosen)),
                          {}, LANGUAGES))  # fmt: skip
    given = Give(id="give", offer=7)
    before = journey.with_steps((given, wait, first, pause, gift))
    assert not list(hints(before, {}, LANGUAGES))
    plain = {"en": {"cart_left_discount": {"sms": "Hello. STOP"}}}
    told = list(hints(journey.with_steps((wait, chosen)), plain, ["en"]))
    assert told == [("gift", "offer_unsaid"), ("gift", "link_unsaid")]
    bare = gift.model_copy(update={"link": None, "goods": "", "text": "cart_left_again"})
    told = list(hints(journey.with_steps((bare,)), {}, ["en"]))
    assert told == [("gift", "link_missing"), ("gift", "goods_missing")]


def test_a_recipe_as_it_comes_lacks_at_most_an_offer():
    for key, journey in RECIPES.items():
        assert {one.what for one in hints(journey, {}, LANGUAGES)} <= {"offer_missing"}, key
