"""The heart: what follows from a fact. Read this first.

`answer(scene, fact, now)` looks the fact up in ANSWERS and lets that function add effects to the
scene. Nothing here knows a clock, a database or a gateway. A fact about an order that nobody has
told us of yet raises WaitFor and is answered as soon as the order is known.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from ringdove.rules import facts
from ringdove.rules.automations import automations, occasions, wording
from ringdove.rules.complaints import complaints
from ringdove.rules.consent import confirming, sign_ups, stopping, suppression
from ringdove.rules.contests import entering
from ringdove.rules.conversations import conversations
from ringdove.rules.effects import (
    AnswerWaiting,
    BuyFrom,
    Count,
    CountBought,
    Forget,
    MoveKey,
    PointTo,
    RecordConsent,
    SaveCart,
    SaveContact,
    SaveOrder,
    SaveParcel,
    SaveProduct,
    SaveReturn,
    SaveVisit,
    SaveWish,
    WaitFor,
)
from ringdove.rules.friends import buying
from ringdove.rules.keeping import erasing
from ringdove.rules.offers import offers
from ringdove.rules.people import merging, people, people_changes, phones
from ringdove.rules.scenes import Cart, Item, Order, Parcel, Return, Scene
from ringdove.rules.surveys import answering

FORGET_AFTER = timedelta(days=2)
FINAL_PARCEL_STATES = frozenset({"delivered", "returned", "lost"})


def answer(scene: Scene, fact: facts.Fact, now: datetime) -> None:
    """Adds to the scene all that follows from the fact. Raises WaitFor, or what a poison fact
    makes of it; then the scene is thrown away and nothing of the batch is written."""
    if erasing.concerns(scene, fact):
        scene.happens(Forget(fact.id, fact.subject(), next(iter(fact.people()), None)))
    else:
        before = len(scene.effects)
        ANSWERS[type(fact)](scene, fact, now)
        _hear_yes(scene, fact, scene.effects[before:], now)
    scene.happens(Count("facts"))


def _hear_yes(scene: Scene, fact: facts.Fact, made: list[Any], now: datetime) -> None:
    """Whichever way somebody begins to get offers by (a form, a keyword, the checkout, a page),
    automations hear the same of it: that they subscribed."""
    if isinstance(fact, facts.PeopleMerged | facts.PeopleParted):
        return  # a yes that was said long ago
    for one in made:
        if isinstance(one, RecordConsent) and (one.scope, one.change) == ("marketing", "in"):
            person = scene.person(one.contact_id)
            begun = any(plan.own.is_on for plan in scene.plans.by_fact.get("consent.given", ()))
            if not (begun or scene.waiting_runs(occasions.all_names(scene, person.id))):
                continue
            yes = facts.SignedUp(
                id=f"yes/{one.id}", at=one.at, words=one.words, source=one.source[:60],
                customer=facts.Customer(phone=person.phone or "", email=person.email or ""),
                language=one.language, form=getattr(fact, "form", 0), confirmed=True,
            )  # fmt: skip
            automations.hear(scene, occasions.of_person(yes, person.id), now)


def in_order(batch: list[facts.Fact]) -> list[facts.Fact]:
    """A batch as its facts happened; an order comes before all that is about it."""
    return sorted(batch, key=lambda fact: (not isinstance(fact, facts.OrderPlaced), fact.at))


# ------------------------------------------------------------------ orders and payments


def _order_placed(scene: Scene, fact: facts.OrderPlaced, now: datetime) -> None:
    order = _keep_order(scene, fact.order, now)
    person = people.seen(scene, scene.person(order.contact_id), fact.order.placed_at)
    _order_cart(scene, fact.order, order.contact_id)
    if fact.order.consent:
        people.agree(scene, person, fact.order.consent, fact.order.placed_at, "checkout")
    offers.used(scene, fact, order)
    _hear(scene, fact, order, now)
    scene.happens(AnswerWaiting(f"order/{order.key}"))


def _order_changed(scene: Scene, fact: facts.OrderChanged, now: datetime) -> None:
    order = _keep_order(scene, fact.order, now)
    offers.used(scene, fact, order)
    if fact.order.cancelled and order.changed_at <= _changed_at(fact.order):
        order = _close(scene, order.key, "cancelled", fact.at)
    _hear(scene, fact, order, now)
    scene.happens(AnswerWaiting(f"order/{order.key}"))


def _changed_at(told: facts.Order) -> datetime:
    return told.changed_at or told.placed_at


def _keep_order(scene: Scene, told: facts.Order, now: datetime) -> Order:
    """Saves the order as told, unless a newer snapshot of it is known already."""
    changed_at = _changed_at(told)
    known = scene.order_of(told.key)
    if known and known.changed_at >= changed_at:
        return known
    if known:
        living = scene.person(known.contact_id)
        people.meet_again(scene, living, told.customer, changed_at, known.contact_id)
        order = replace(known, **_contents(scene, told, changed_at))
        spent = _spent(scene, order) - _spent(scene, known)
        if known.cancelled_at is None and spent:
            _sum_up(scene, order.contact_id, 0, spent)
        if _is_alive_again(known, told):
            state = "paid" if known.paid_at else "placed"
            order = replace(order, state=state, cancelled_at=None)
            _add_to_person(scene, order, 1)
        if _counted(order) != _counted(known):
            scene.happens(CountBought(order.contact_id))
    else:
        fallback, at = f"order/{told.key}", told.placed_at
        person = people.meet(scene, told.customer, "order", now, fallback, at)
        place = people.place_of(scene, told.customer, person.id)
        order = Order(
            id=scene.make_id_beside(place),
            contact_id=place,
            key=told.key,
            state="placed",
            placed_at=told.placed_at,
            country=told.customer.country or None,
            **_contents(scene, told, changed_at),
        )
        scene.happens(PointTo("order", told.key, place, order.id))
        _add_to_person(scene, order, 1)
        scene.happens(BuyFrom(place, order.placed_at, _categories(order)))
    scene.happens(SaveOrder(order))
    return order


def _is_alive_again(known: Order, told: facts.Order) -> bool:
    """Whether an order that was closed goes on: out of the trash, or the shop says so."""
    if known.cancelled_at is None or _changed_at(told) <= known.cancelled_at:
        return False
    return known.state == "removed" or (known.state == "cancelled" and told.cancelled is False)


def _contents(scene: Scene, told: facts.Order, changed_at: datetime) -> dict[str, Any]:
    due = told.payment_due if told.payment_due is not None else bool(told.payment_url)
    return {
        "number": told.number or told.key,
        "changed_at": changed_at,
        "channel": told.channel,
        "total": told.total,
        "currency": told.currency or scene.store.currency,
        "payment_due": due,
        "payment_url": told.payment_url,
        "url": told.url,
        "lines": _items(told.lines, scene.categories),
    }


def _items(
    lines: tuple[facts.Line, ...], categories: Mapping[str, str] = MappingProxyType({})
) -> tuple[Item, ...]:
    """Many shops say no category in an order: then it is the product's own."""
    return tuple(
        Item(
            line.name, line.quantity, line.price, line.sku,
            line.category or categories.get(line.sku, ""),
        )
        for line in lines
    )  # fmt: skip


def _categories(order: Order) -> tuple[str, ...]:
    return tuple(sorted({line.category for line in order.lines or () if line.category}))


def _counted(order: Order) -> tuple[Any, ...]:
    """What of an order its person's figures are counted from."""
    return order.state, order.cancelled_at, order.total, order.lines


def _add_to_person(scene: Scene, order: Order, sign: int) -> None:
    _sum_up(scene, order.contact_id, sign, sign * _spent(scene, order), order.placed_at)


def _spent(scene: Scene, order: Order) -> Decimal:
    """What it adds to its person's sum: sums in other currencies cannot be added."""
    is_ours = order.currency in ("", scene.store.currency)
    return order.total if is_ours else Decimal(0)


def _sum_up(
    scene: Scene, contact_id: int, orders: int, spent: Decimal, at: datetime | None = None
) -> None:
    """Of the name under which it was bought, and of the one person behind it."""
    for whose in {contact_id, scene.person(contact_id).id}:
        person = scene.contacts[whose]
        last = max((one for one in (person.last_order_at, at) if one), default=None)
        sums = replace(
            person,
            orders=person.orders + orders,
            spent=person.spent + spent,
            last_order_at=last,
        )
        scene.happens(SaveContact(sums))


def _order_cart(scene: Scene, told: facts.Order, contact_id: int) -> None:
    """A guest's cart belongs to who ordered with it; and it waits no more."""
    row_id = scene.row_of("cart", told.cart)
    cart = scene.carts.get(row_id) if told.cart and row_id is not None else None
    if cart:
        cart = _give_cart(scene, cart, contact_id)
        if cart.state == "open" and cart.changed_at <= told.placed_at + occasions.BOUGHT_SLACK:
            scene.happens(SaveCart(replace(cart, state="ordered")))


def _give_cart(scene: Scene, cart: Cart, contact_id: int) -> Cart:
    """The cart under this name, if nobody was known to have it."""
    guest = scene.contacts[cart.contact_id]
    is_nobody = not (guest.phone or guest.email or guest.orders or guest.merged_into)
    if scene.person(contact_id).id == guest.id or not is_nobody:
        return cart
    theirs = replace(cart, id=scene.make_id_beside(contact_id), contact_id=contact_id)
    scene.happens(
        SaveCart(replace(cart, state="moved", items=())),
        SaveCart(theirs),
        MoveKey("cart", cart.key, contact_id, theirs.id),
        SaveContact(replace(guest, rekeyed_at=cart.changed_at)),
    )
    return theirs


def _known_order(scene: Scene, key: str) -> Order:
    order = scene.order_of(key)
    if order is None:
        raise WaitFor(f"order/{key}")
    return order


def _hear(scene: Scene, fact: facts.Fact, order: Order, now: datetime) -> None:
    automations.hear(scene, occasions.of_order(fact, order), now)


def _payment_received(scene: Scene, fact: facts.PaymentReceived, now: datetime) -> None:
    order = _known_order(scene, fact.order)
    if order.paid_at is None:
        order = replace(order, paid_at=fact.at, state=_further(order.state, "paid"))
        scene.happens(SaveOrder(order))
        buying.paid(scene, order, now)
    _hear(scene, fact, order, now)


def _order_cancelled(scene: Scene, fact: facts.OrderCancelled, now: datetime) -> None:
    order = _close(scene, fact.order, "cancelled", fact.at)
    _hear(scene, fact, order, now)


def _order_removed(scene: Scene, fact: facts.OrderRemoved, now: datetime) -> None:
    if scene.order_of(fact.order) is None and now - fact.at > FORGET_AFTER:
        return  # it was in the trash before anybody told us of it: there is nothing to end
    order = _close(scene, fact.order, "removed", fact.at)
    _hear(scene, fact, order, now)


def _close(scene: Scene, key: str, state: str, at: datetime) -> Order:
    order = _known_order(scene, key)
    if order.cancelled_at is None:
        order = replace(order, state=state, cancelled_at=at)
        scene.happens(SaveOrder(order))
        _add_to_person(scene, order, -1)
        scene.happens(CountBought(order.contact_id))
        offers.freed(scene, order, at)
        buying.undone(scene, order, at)
    return order


_RANK = ("placed", "paid", "shipped", "delivered", "returned")


def _further(state: str, told: str) -> str:
    """The later of two states; a closed order stays closed."""
    if state not in _RANK:
        return state
    return max(state, told, key=_RANK.index)


def _invoice_issued(scene: Scene, fact: facts.InvoiceIssued, now: datetime) -> None:
    order = replace(
        _known_order(scene, fact.order), invoice_number=fact.number, invoice_url=fact.url
    )
    scene.happens(SaveOrder(order))
    _hear(scene, fact, order, now)


# ------------------------------------------------------------------ parcels and delivery


def _parcel_moved(scene: Scene, fact: facts.ParcelMoved, now: datetime) -> None:
    order = _known_order(scene, fact.order)
    parcel = _keep_parcel(scene, fact, order)
    if parcel.state == "delivered":
        order = replace(order, state=_further(order.state, "delivered"))
    elif parcel.state not in ("label_made", "unknown"):
        order = replace(order, state=_further(order.state, "shipped"))
    scene.happens(SaveOrder(order))
    _hear(scene, fact, order, now)


def _keep_parcel(scene: Scene, fact: facts.ParcelMoved, order: Order) -> Parcel:
    """The parcel with the newest that is known: scans come late, and a final state is final."""
    key = wording.parcel_key(fact)
    row_id = scene.row_of("parcel", key)
    known = scene.parcels.get(row_id) if row_id is not None else None
    if known is None:
        known = Parcel(
            scene.make_id_beside(order.contact_id), order.id, order.contact_id, key, fact.state,
            fact.at,
        )  # fmt: skip
        scene.happens(PointTo("parcel", key, order.contact_id, known.id))
    newer = fact.at >= known.state_at and known.state not in FINAL_PARCEL_STATES
    moves = newer or fact.state in FINAL_PARCEL_STATES
    parcel = replace(
        known,
        state=fact.state if moves else known.state,
        state_at=fact.at if moves else known.state_at,
        number=fact.number or known.number,
        carrier=fact.carrier or known.carrier,
        url=fact.url or known.url,
        pickup_point=fact.pickup_point or known.pickup_point,
        pickup_until=fact.pickup_until or known.pickup_until,
    )
    scene.happens(SaveParcel(parcel))
    return parcel


def _delivery_promised(scene: Scene, fact: facts.DeliveryPromised, now: datetime) -> None:
    """Says a promise once, and a change of it with old and new; an older promise that arrives
    after a newer one is only history (the change, not the time, is what people want to hear)."""
    order = _known_order(scene, fact.order)
    if order.promised_said_at and fact.at <= order.promised_said_at:
        scene.happens(Count("superseded"))
        return
    if order.promised_from == fact.promised_from and order.promised_until == fact.promised_until:
        return
    if order.promised_from and fact.before_from is None:
        fact = fact.model_copy(
            update={"before_from": order.promised_from, "before_until": order.promised_until}
        )
    order = replace(
        order,
        promised_from=fact.promised_from,
        promised_until=fact.promised_until,
        promised_said_at=fact.at,
    )
    scene.happens(SaveOrder(order))
    _hear(scene, fact, order, now)


# ------------------------------------------------------------------ returns and money back


def _return_moved(state: str) -> Callable[[Scene, Any, datetime], None]:
    def move(scene: Scene, fact: Any, now: datetime) -> None:
        order = _known_order(scene, fact.order)
        key = getattr(fact, "return_key", "") or getattr(fact, "refund_key", "")
        amount = _came_back(order, fact) if state == "accepted" else getattr(fact, "amount", None)
        _keep_return(scene, order, f"{order.key}/{key}", fact, state, amount)
        is_whole = amount is None or amount >= order.total  # a part leaves the order bought
        if state in ("accepted", "refunded") and is_whole:
            returned = replace(order, state=_further(order.state, "returned"))
            scene.happens(SaveOrder(returned))
            if returned.state != order.state:
                scene.happens(CountBought(order.contact_id))
                buying.undone(scene, returned, now)
            order = returned
        _hear(scene, fact, order, now)

    return move


def _came_back(order: Order, fact: facts.ReturnAccepted) -> Decimal | None:
    """What the returned goods cost; None: all of the order came back."""
    prices = {one: line.price for line in order.lines or () for one in (line.name, line.sku)}
    found = [(line.price or prices.get(line.sku or line.name), line.quantity)
             for line in fact.lines]  # fmt: skip
    return sum((price * n for price, n in found if price), Decimal(0)) if found else None


def _keep_return(
    scene: Scene, order: Order, key: str, fact: Any, state: str, amount: Decimal | None
) -> None:
    row_id = scene.row_of("return", key)
    known = scene.returns.get(row_id) if row_id is not None else None
    if known and known.state_at > fact.at:
        return
    if known is None:
        kind = "refund" if state == "refunded" else getattr(fact, "wish", "return")
        new_id = scene.make_id_beside(order.contact_id)
        known = Return(new_id, order.id, order.contact_id, key, kind, state, fact.at)
        scene.happens(PointTo("return", key, order.contact_id, new_id))
    amount = amount or known.amount
    scene.happens(SaveReturn(replace(known, state=state, state_at=fact.at, amount=amount)))


# ------------------------------------------------------------------ carts, visits, customers, goods


def _cart_changed(scene: Scene, fact: facts.CartChanged, now: datetime) -> None:
    row_id = scene.row_of("cart", fact.cart)
    known = scene.carts.get(row_id) if row_id is not None else None
    if known and known.changed_at >= fact.at:
        return
    if known is None:
        person = people.meet(scene, fact.customer, "cart", now, f"cart/{fact.cart}", fact.at)
        place = people.place_of(scene, fact.customer, person.id)
        known = Cart(scene.make_id_beside(place), place, fact.cart, "open", fact.at)
        scene.happens(PointTo("cart", fact.cart, place, known.id))
    else:
        known = _owner_told(scene, known, fact, now)
    cart = replace(
        known,
        state="open" if fact.lines else "emptied",
        changed_at=fact.at,
        total=fact.total,
        url=fact.url,
        items=_items(fact.lines, scene.categories),
    )
    scene.happens(SaveCart(cart))
    automations.hear(scene, occasions.of_cart(fact, cart), now)


def _owner_told(scene: Scene, cart: Cart, fact: facts.CartChanged, now: datetime) -> Cart:
    """A guest said who they are: the cart is that person's, or the guest becomes one."""
    living = people.seen(scene, scene.person(cart.contact_id), fact.at)
    keys = people.keys_of(fact.customer, scene.store.country)
    if keys and not (living.phone or living.email) and any(key in scene.refs for key in keys):
        person = people.meet(scene, fact.customer, "cart", now, f"cart/{fact.cart}", fact.at)
        return _give_cart(scene, cart, people.place_of(scene, fact.customer, person.id))
    people.meet_again(scene, living, fact.customer, fact.at, cart.contact_id)
    return cart


def _customer_changed(scene: Scene, fact: facts.CustomerChanged, now: datetime) -> None:
    customer = fact.customer
    if fact.birthday and not customer.birthday:
        customer = customer.model_copy(update={"birthday": fact.birthday})
    person = people.meet(scene, customer, "account", now, fact.subject())
    if fact.consent:
        people.agree(scene, person, fact.consent, fact.at, "account")
    automations.hear(scene, occasions.of_person(fact, person.id), now)


def _visit_made(scene: Scene, fact: facts.VisitMade, now: datetime) -> None:
    person = people.meet(scene, fact.customer, "visit", now, fact.subject(), fact.at)
    place = people.place_of(scene, fact.customer, person.id)
    scene.happens(
        SaveVisit(
            scene.make_id_beside(place), place, fact.at, fact.channel, fact.page, fact.sku,
            fact.category or scene.categories.get(fact.sku, ""),
        )
    )  # fmt: skip
    automations.hear(scene, occasions.of_person(fact, place), now)


def _stock_asked(scene: Scene, fact: facts.StockAsked, now: datetime) -> None:
    person = people.meet(scene, fact.customer, "wish", now, fact.subject(), fact.at)
    place = people.place_of(scene, fact.customer, person.id)
    scene.happens(
        SaveWish(scene.make_id_beside(place), place, fact.sku, fact.wish, fact.at, fact.price)
    )
    automations.hear(scene, occasions.of_person(fact, place), now)


def _product_changed(scene: Scene, fact: facts.ProductChanged, now: datetime) -> None:
    scene.happens(
        SaveProduct(
            fact.sku, fact.name, fact.category, fact.brand, fact.price, fact.url, fact.stock,
            fact.at, fact.key,
        )
    )  # fmt: skip


# ------------------------------------------------------------------ our own


def _woken(scene: Scene, fact: facts.WokenUp, now: datetime) -> None:
    automations.wake(scene, fact, now)


def _due_came(scene: Scene, fact: facts.DueCame, now: datetime) -> None:
    automations.due(scene, fact, now)


def _phone_settled(scene: Scene, fact: facts.PhoneSettled, now: datetime) -> None:
    people_changes.settle(scene, fact)


def _person_edited(scene: Scene, fact: facts.PersonEdited, now: datetime) -> None:
    people_changes.edit(scene, fact)


def _link_opened(scene: Scene, fact: facts.LinkOpened, now: datetime) -> None:
    person = scene.contacts.get(fact.contact)
    if person:
        people.seen(scene, person, fact.at)
        scene.happens(Count("clicked"))
        automations.hear(scene, occasions.of_person(fact, person.id), now)


def _task_closed(scene: Scene, fact: facts.TaskClosed, now: datetime) -> None:
    if person := scene.contacts.get(fact.contact):
        automations.hear(scene, occasions.of_person(fact, person.id), now)


def _only_heard(scene: Scene, fact: Any, now: datetime) -> None:
    """Nothing of ours changes by it; automations may begin."""
    _hear(scene, fact, _known_order(scene, fact.order), now)


ANSWERS: dict[type[facts.Fact], Callable[[Scene, Any, datetime], None]] = {
    facts.OrderPlaced: _order_placed,
    facts.OrderChanged: _order_changed,
    facts.OrderCancelled: _order_cancelled,
    facts.OrderRemoved: _order_removed,
    facts.PaymentReceived: _payment_received,
    facts.PaymentFailed: _only_heard,
    facts.InvoiceIssued: _invoice_issued,
    facts.ParcelMoved: _parcel_moved,
    facts.DeliveryPromised: _delivery_promised,
    facts.ReturnOpened: _return_moved("opened"),
    facts.ReturnAccepted: _return_moved("accepted"),
    facts.ReturnRefused: _return_moved("refused"),
    facts.RefundSent: _return_moved("refunded"),
    facts.ComplaintMoved: complaints.told,
    facts.ComplaintHandled: complaints.handled,
    facts.CartChanged: _cart_changed,
    facts.CustomerChanged: _customer_changed,
    facts.VisitMade: _visit_made,
    facts.StockAsked: _stock_asked,
    facts.ProductChanged: _product_changed,
    facts.TextReceived: conversations.text_received,
    facts.StoppedAtOperator: stopping.stopped_at_operator,
    facts.StoppedOnSite: stopping.stopped_on_site,
    facts.WokenUp: _woken,
    facts.DueCame: _due_came,
    facts.ConsentChanged: stopping.consent_changed,
    facts.SignedUp: sign_ups.signed_up,
    facts.Confirmed: sign_ups.button_pressed,
    facts.LongSilent: confirming.ask_still,
    facts.LeftUnanswered: confirming.fall_silent,
    facts.PhoneSettled: _phone_settled,
    facts.PhoneChanged: people_changes.change_number,
    facts.PersonEdited: _person_edited,
    facts.LinkOpened: _link_opened,
    facts.SurveyAnswered: answering.answered,
    facts.TaskClosed: _task_closed,
    facts.ContestWon: entering.won,
    facts.FriendBought: buying.told,
    facts.PeopleMerged: merging.merge,
    facts.PeopleParted: merging.part,
    facts.AddressBounced: suppression.address_bounced,
}


def about(fact: facts.Fact, store_country: str) -> list[tuple[str, str]]:
    """The natural keys whose rows the answer may need: what records/scenes.py loads."""
    keys: list[tuple[str, str]] = []
    order, customer = fact.told("order"), fact.told("customer")
    if isinstance(order, facts.Order):
        keys.append(("order", order.key))
        if order.cart:
            keys.append(("cart", order.cart))
        customer = order.customer
    elif isinstance(order, str) and order:
        keys.append(("order", order))
    if customer is not None:
        keys += people.keys_of(customer, store_country)
        if customer.phone and not (keys and any(kind == "phone" for kind, _ in keys)):
            keys.append(people.no_phone(customer.phone))
    match fact:
        case facts.ParcelMoved():
            keys.append(("parcel", wording.parcel_key(fact)))
        case facts.ReturnOpened() | facts.ReturnAccepted() | facts.ReturnRefused():
            keys.append(("return", f"{fact.order}/{fact.return_key}"))
        case facts.RefundSent():
            keys.append(("return", f"{fact.order}/{fact.refund_key}"))
        case facts.CartChanged():
            keys.append(("cart", fact.cart))
        case facts.TextReceived():
            keys.append(("phone", conversations.number_of(fact, store_country)))
        case facts.StoppedAtOperator():
            keys.append(("phone", fact.phone))
        case facts.StoppedOnSite():
            kind, _, value = fact.subject().partition("/")
            keys.append((kind, value))
        case facts.PhoneSettled() | facts.PhoneChanged():
            if fact.phone:
                read = phones.parse(fact.phone, store_country)
                keys.append(("phone", read.e164 if isinstance(read, phones.Phone) else fact.phone))
            if isinstance(fact, facts.PhoneChanged) and fact.released:
                keys.append(("phone", fact.released))
            if isinstance(fact, facts.PhoneSettled) and fact.raw:
                keys.append(people.no_phone(fact.raw))
        case facts.PersonEdited(email=str() as email) if email:
            keys.append(("email", email.lower()))
    return keys
