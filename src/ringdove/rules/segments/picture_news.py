"""A picture of a person with what the batch at hand has told of them.

Pictures are loaded before a batch is answered. An automation that begins with an order and asks
whether it is the first one must count that order, though it is written only when all is answered.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from ringdove.rules.effects import SaveVisit
from ringdove.rules.scenes import Cart, Order, Scene
from ringdove.rules.segments import picture_past
from ringdove.rules.segments.pictures import Basket, Look, Picture, Purchase

UNDONE = frozenset({"cancelled", "returned", "removed"})
WHENEVER = datetime.max.replace(tzinfo=UTC)


def picture_now(scene: Scene, contact_id: int) -> Picture:
    """All that a condition can ask of the living person. Raises PictureWanted."""
    known, person = scene.picture_of(contact_id), scene.person(contact_id)
    if known is None:
        known = Picture(person, scene.store.time_zone, segments=scene.segments)
    picture = known if known.person == person else replace(known, person=person)
    news = [one for name in (person.id, *person.also) for one in scene.told.get(name, ())]
    if not news:
        return picture
    orders = {one.id: one for one in news if isinstance(one, Order)}
    if orders:
        purchases = _purchases(scene, picture.purchases, orders.values())
        past = picture_past.as_of(replace(picture, purchases=purchases), WHENEVER)
        picture = replace(
            picture, purchases=purchases, figures=past.figures, habits=past.habits
        )  # fmt: skip
    looks = [
        Look(one.at, one.channel, one.page, one.sku, one.category)
        for one in news if isinstance(one, SaveVisit)
    ]  # fmt: skip
    carts = {one.id: one for one in news if isinstance(one, Cart)}
    return replace(
        picture, looks=[*picture.looks, *looks], cart=_cart(picture, carts.values())
    )  # fmt: skip


def _purchases(
    scene: Scene, known: Sequence[Purchase], told: Iterable[Order]
) -> Sequence[Purchase]:
    found = {one.id: one for one in known}
    for order in told:
        found.pop(order.id, None)
        if order.state not in UNDONE:
            ours = order.currency in ("", scene.store.currency)
            total = order.total if ours else Decimal(0)
            found[order.id] = Purchase(
                order.id, order.placed_at, order.channel, total, order.lines or ()
            )
    return list(found.values())


def _cart(picture: Picture, told: Iterable[Cart]) -> Basket | None:
    """The newest that waits: one that was told just now is newer than what was known, and an order
    after it has made an end of it."""
    newest = max(told, key=lambda one: one.changed_at, default=None)
    cart = picture.cart
    if newest and (cart is None or newest.changed_at >= cart.changed_at):
        cart = None
        if newest.state == "open":
            cart = Basket(newest.changed_at, newest.total, newest.items)
    bought = picture.figures.last_order_at
    return None if cart and bought and bought >= cart.changed_at else cart
