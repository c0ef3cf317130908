"""Ready automations that offer something: carts, visits, what fits, what is due, dates, people.

All are marketing: they come switched off, are said only to who allows it, and leave one in ten
alone to see what they earn (N3). Which offer's code they give and where a page of the shop lies
only the store can say: `{% if offer.code %}` makes each text whole without.
"""

from decimal import Decimal
from typing import Any

from ringdove.rules.automations.journeys import (
    ClockStrikes,
    DateComes,
    Enters,
    GoodsNew,
    Heard,
    Journey,
    PurchaseDue,
    WishGranted,
)
from ringdove.rules.automations.order_recipes import DAY, GONE, HOUR
from ringdove.rules.campaigns.campaigns import Link
from ringdove.rules.segments import segments
from ringdove.rules.steps.alert import Alert
from ringdove.rules.steps.ask import Ask
from ringdove.rules.steps.branch import Branch, Where
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait

YEAR = 365 * DAY
CART = Link(kind="own_cart")
PRODUCT = Link(kind="product")  # the one that the run is about
PAGE = Link()
SCALE = 6  # of survey answers (R80)


def _offer(key: str, *, topic: str = "offers", **more: Any) -> Journey:
    return Journey(**({"key": key, "topic": topic, "holdout_percent": 10} | more))


def _send(text: str, **more: Any) -> Send:
    return Send(**({"id": "say", "text": text, "klass": "marketing", "guard": "unbought"} | more))


# ------------------------------------------------------------------ carts and visits


def _cart(key: str, priority: int, first: Send, second: Send) -> Journey:
    """After a change of the cart, and once more a day later. A cart that changes begins anew; what
    was reminded of is left in peace for a week."""
    return _offer(
        key, topic="cart", about="left", priority=priority,
        trigger=Heard(kind="cart.changed", where=Where(states=("filled",))),
        stopped_by=("cart.changed/emptied",), stopped_by_any=("order.placed",),
        restarts=True, again_after=7 * DAY, valid_for=3 * DAY,
        steps=(
            Wait(id="pause", seconds=3 * HOUR),
            first,
            Wait(id="pause2", seconds=21 * HOUR, is_on=second.is_on),
            second,
        ),
    )  # fmt: skip


CARTS = (
    _cart(  # R46, R48, R49
        "cart_left", 6,
        _send("cart_left", id="remind", link=CART, valid_for=12 * HOUR),
        _send("cart_left_again", id="again", link=CART, goods="similar", is_on=False),
    ),
    _cart(  # R47: the code only for who did not come back without
        "cart_left_discount", 7,
        _send("cart_left", id="remind", link=CART, valid_for=12 * HOUR),
        _send("cart_left_discount", id="gift", link=CART),
    ),
    _offer(  # R50: not within the visit, and not to who left a cart, which has its own
        "browse_left", trigger=Heard(kind="visit.made", where=Where(states=("goods",))),
        stopped_by_any=("order.placed", "cart.changed/filled"), again_after=14 * DAY,
        priority=4, valid_for=3 * DAY,
        steps=(
            Wait(id="pause", seconds=20 * HOUR),
            _send("browse_left", id="remind", link=PRODUCT, goods="similar", own_hour=True),
        ),
    ),
)  # fmt: skip


# ------------------------------------------------------------------ after a purchase


def _bought(key: str, wait: Wait, *steps: Any, topic: str = "offers", **more: Any) -> Journey:
    """After an order has come; where nobody tells of parcels, after two weeks."""
    return _offer(
        key, topic=topic, trigger=Heard(kind="order.placed"), about=key,
        stopped_by=(
            *GONE, "return.opened", "complaint.moved", "parcel.moved/returning",
            "parcel.moved/lost",
        ),
        valid_for=35 * DAY,
        steps=(Wait(id="parcel", seconds=14 * DAY, until=("parcel.moved/delivered",)), wait,
               *steps),
        **more,
    )  # fmt: skip


AFTER = (
    _bought(  # R72
        "thanks", Wait(id="pause", seconds=18 * HOUR), _send("thanks", guard="", own_hour=True),
    ),
    _bought(  # R73: straight to the form
        "review_request", Wait(id="pause", seconds=5 * DAY),
        _send("review_request", guard="", survey="product", own_hour=True), topic="surveys",
    ),
    _bought(  # R80, R81: thanks, code and "why?" are said by the survey itself
        "survey", Wait(id="pause", seconds=2 * DAY),
        Ask(id="ask", text="survey", survey="delivery", klass="marketing", own_hour=True),
        topic="surveys",
    ),
    # R84, N9: a low score of any survey is a task at once; when somebody has done it, the customer
    # is told, and asked once more. It says nothing by itself while nothing is asked.
    Journey(
        key="low_score", trigger=Heard(kind="survey.answered", where=Where(states=("low",))),
        about="{answer}/low", topic="surveys", priority=6, valid_for=21 * DAY, starts_on=True,
        steps=(
            Alert(
                id="task", due=4 * HOUR,
                said="Low score: {{ survey.score }} of {{ survey.high }}"
                "{% if order.number %}, order {{ order.number }}{% endif %}. Put it right."
                "{% if survey.comment %} They say: {{ survey.comment }}{% endif %}",
            ),
            Wait(id="mended", seconds=7 * DAY, until=("task.closed",)),
            Branch(
                id="done", heard=("task.closed/done",),
                then=(
                    Send(id="sorry", text="low_score", in_daytime=True, valid_for=2 * DAY),
                    Wait(id="pause", seconds=2 * DAY),
                    Ask(id="ask", text="survey_second", survey="second", klass="marketing",
                        own_hour=True),
                    Branch(
                        id="still",
                        answer_number=segments.Range(at_least=Decimal(1), at_most=Decimal(3)),
                        then=(
                            Alert(
                                id="again", due=4 * HOUR,
                                said="Still not content: {{ answer.text }}. Call them.",
                            ),
                        ),
                    ),
                ),
            ),
        ),
    ),
    _offer(  # once a year, of who has bought
        "nps", topic="surveys", priority=2, valid_for=7 * DAY, again_after=YEAR,
        trigger=ClockStrikes(
            every="month", day=5,
            who=segments.Orders(last=segments.Span(within_days=365)),
        ),
        steps=(
            Ask(id="ask", text="nps", survey="nps", klass="marketing", own_hour=True,
                within=7 * DAY),
        ),
    ),
    _bought(  # R53, R74
        "accessories", Wait(id="pause", seconds=3 * DAY),
        _send("accessories", guard="", goods="accessories", goods_needed=True, own_hour=True),
        stopped_by_any=("order.placed",),
    ),
)  # fmt: skip


# ------------------------------------------------------------------ goods


GOODS = (
    _offer(  # N4: the same again, a little before it runs out
        "replenish", trigger=PurchaseDue(days=-3), about="{occasion}", priority=6,
        stopped_by_any=("order.placed",), valid_for=7 * DAY,
        steps=(_send("replenish", goods="again", goods_needed=True, own_hour=True),),
    ),
    _offer(  # R14, R15
        "category_due", trigger=PurchaseDue(days=0), about="{occasion}", priority=4,
        stopped_by_any=("order.placed",), valid_for=7 * DAY,
        steps=(_send("category_due", goods="new", goods_needed=True, own_hour=True),),
    ),
    # R62: they asked for this very text, so it is service: nothing is said to who did not ask.
    Journey(
        key="back_in_stock", trigger=WishGranted(wish="stock"), about="{occasion}", topic="stock",
        valid_for=DAY, starts_on=True,
        steps=(
            Send(id="say", text="back_in_stock", guard="in_stock", in_daytime=True, link=PRODUCT),
        ),
    ),
    Journey(
        key="price_drop", trigger=WishGranted(wish="price"), about="{occasion}", topic="stock",
        valid_for=DAY, starts_on=True,
        steps=(Send(id="say", text="price_drop", guard="in_stock", in_daytime=True, link=PRODUCT),),
    ),
    _offer(  # R38
        "new_goods", topic="new_goods", trigger=GoodsNew(), about="{occasion}", priority=4,
        valid_for=3 * DAY,
        steps=(
            _send("new_goods", guard="", goods="new", goods_needed=True, own_hour=True),
        ),
    ),
)  # fmt: skip


# ------------------------------------------------------------------ people


PEOPLE = (
    _offer(  # R6, R10: the welcome itself is said by the form; once per person
        "welcome", trigger=Heard(kind="consent.given"), priority=6, valid_for=10 * DAY,
        stopped_by_any=("order.placed",),
        steps=(
            Wait(id="pause", seconds=3 * DAY),
            _send("welcome", link=PAGE, own_hour=True),
        ),
    ),
    _offer(  # R75: on the day or not at all
        "birthday", trigger=DateComes(what="birthday"), about="{occasion}", priority=8,
        valid_for=12 * HOUR, steps=(_send("birthday", guard=""),),
    ),
    _offer(  # R76: in time for a parcel
        "children_birthday", trigger=DateComes(what="children", days=-14), about="{occasion}",
        priority=6, valid_for=7 * DAY,
        steps=(_send("children_birthday", guard="", link=PAGE, own_hour=True),),
    ),
    _offer(  # R54
        "win_back", trigger=Enters(who=segments.Orders(last=segments.Span(before_days=180))),
        again_after=YEAR, priority=3, valid_for=40 * DAY, stopped_by_any=("order.placed",),
        steps=(
            _send("win_back", link=PAGE, own_hour=True, valid_for=7 * DAY),
            Wait(id="pause", seconds=21 * DAY, is_on=False),
            _send("win_back_last", id="last", link=PAGE, own_hour=True, is_on=False),
        ),
    ),
    _offer(  # R77
        "loyalty_reminder", topic="loyalty", about="{occasion}", priority=3, valid_for=7 * DAY,
        trigger=ClockStrikes(
            every="month", day=10,
            who=segments.OwnFieldIs(key="points", number=segments.Range(at_least=Decimal(100))),
        ),
        steps=(_send("loyalty_reminder", guard="", link=PAGE, own_hour=True),),
    ),
    _offer(  # R44
        "social", topic="social", about="{occasion}", priority=2, valid_for=7 * DAY,
        trigger=ClockStrikes(
            every="month", day=20, who=segments.Orders(times=segments.ONCE)
        ),
        steps=(_send("social", guard="", link=PAGE, own_hour=True),),
    ),
)  # fmt: skip
