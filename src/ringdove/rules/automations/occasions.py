"""What a fact is about, as automations see it: whose, which order or cart; and whether a fact is
one of those that a journey means."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from ringdove.rules import facts
from ringdove.rules.scenes import Cart, Enrollment, Item, Order, Scene
from ringdove.rules.segments.segments import Goods
from ringdove.rules.steps.branch import Where
from ringdove.rules.wants import BrandsWanted

# A shop that tells of the cart after the order that was made of it tells so within this.
BOUGHT_SLACK = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Occasion:
    """A fact with whom and what it is about. `subject`: order/42, cart/abc, person/17."""

    fact: facts.Fact
    contact_id: int
    subject: str
    order: Order | None = None
    trigger: dict[str, Any] = field(default_factory=dict, compare=False)  # once a run keeps it

    @property
    def kind(self) -> str:
        """The fact's."""
        kind: str = self.fact.kind  # type: ignore[attr-defined]
        return kind

    @property
    def state(self) -> str:
        """What the fact says of a parcel, complaint or score, of a task what came of it; of a cart
        whether something is in it, of a visit whether it was to goods. "": it says none."""
        match self.fact:
            case facts.CartChanged(lines=lines):
                return "filled" if lines else "emptied"
            case facts.VisitMade(sku=sku, category=category):
                return "goods" if sku or category else "page"
            case facts.TaskClosed(result=result):
                return result
        return str(self.fact.told("state") or "")

    @property
    def words(self) -> frozenset[str]:
        """What a journey can listen to in it: its kind, and its kind in this state."""
        return frozenset((self.kind, f"{self.kind}/{self.state}"))

    def is_about(self, run: Enrollment) -> bool:
        """Whether a run is about the same order, cart and parcel; what is about none of these
        concerns all runs of the person."""
        if run.order_id is not None and self.order is not None and self.order.id != run.order_id:
            return False
        if self.subject.startswith("cart/") and run.subject.startswith("cart/"):
            return run.subject.startswith(f"{self.subject}/")
        if isinstance(self.fact, facts.FriendBought):
            return bool(run.trigger.get("invitation", self.fact.invitation) == self.fact.invitation)
        if isinstance(self.fact, facts.TaskClosed):
            return self.fact.enrollment == run.id
        if isinstance(self.fact, facts.ParcelMoved) and run.trigger.get("kind") == self.kind:
            return bool(run.trigger.get("parcel", "") == self.fact.parcel)
        return True


def of_order(fact: facts.Fact, order: Order) -> Occasion:
    """Of a fact about an order."""
    return Occasion(fact, order.contact_id, f"order/{order.key}", order)


def of_cart(fact: facts.CartChanged, cart: Cart) -> Occasion:
    """Of a cart as it stands."""
    return Occasion(fact, cart.contact_id, f"cart/{cart.key}")


def of_person(fact: facts.Fact, contact_id: int) -> Occasion:
    """Of a fact about a person and nothing else of theirs."""
    return Occasion(fact, contact_id, f"person/{contact_id}")


def means(where: Where, occasion: Occasion, scene: Scene) -> bool:
    """Whether a journey that begins with such facts means this one."""
    fact, order = occasion.fact, occasion.order
    if where.states and occasion.state not in where.states:
        return False
    if where.wish and _wish(fact, scene) != where.wish:
        return False
    if where.surveys and fact.told("survey") not in where.surveys:
        return False
    if where.channels and _channel(occasion) not in where.channels:
        return False
    if where.total is not None:
        total = getattr(fact, "total", order.total if order else None)
        if total is None or not where.total.has(total):
            return False
    return _is_special(where, occasion, scene) and _has_goods(where.goods, occasion, scene)


def _channel(occasion: Occasion) -> str:
    told = getattr(occasion.fact, "channel", "")
    return str(told or (occasion.order.channel if occasion.order else ""))


def _wish(fact: facts.Fact, scene: Scene) -> str:
    """Return or exchange: only its opening says which it is."""
    told = getattr(fact, "wish", "")
    if told or not isinstance(fact, facts.ReturnAccepted | facts.ReturnRefused):
        return str(told)
    row_id = scene.row_of("return", f"{fact.order}/{fact.return_key}")
    known = scene.returns.get(row_id) if row_id is not None else None
    return "exchange" if known and known.kind == "exchange" else "return"


def _is_special(where: Where, occasion: Occasion, scene: Scene) -> bool:
    fact, order = occasion.fact, occasion.order
    match where.only:
        case "":
            return True
        case "money_awaited":
            return bool(order and order.payment_due and order.paid_at is None)
        case "first_promise" | "new_promise":
            is_first = isinstance(fact, facts.DeliveryPromised) and fact.before_from is None
            return is_first == (where.only == "first_promise")
        case "first_order" | "later_order":
            is_first = scene.person(occasion.contact_id).orders <= 1
            return is_first == (where.only == "first_order")
        case "registered":
            return scene.person(occasion.contact_id).id not in scene.known_people


def lines_of(occasion: Occasion) -> tuple[Item, ...]:
    """The goods that it is about."""
    if occasion.order:
        return occasion.order.lines or ()
    match occasion.fact:
        case facts.CartChanged(lines=lines):
            return tuple(
                Item(one.name, one.quantity, one.price, one.sku, one.category) for one in lines
            )
        case (
            facts.VisitMade(sku=sku, category=category) | facts.DueCame(sku=sku, category=category)
        ):
            return (Item("", Decimal(1), Decimal(0), sku, category),)
    return ()


def sku_of(occasion: Occasion) -> str:
    """The product that it is about: of several the first; "": none."""
    told = occasion.fact.told("sku")
    return str(told or "") or next((one.sku for one in lines_of(occasion) if one.sku), "")


def _has_goods(goods: Goods, occasion: Occasion, scene: Scene) -> bool:
    if not (goods.categories or goods.brands or goods.skus):
        return True
    return any(_is_one(goods, line, scene) for line in lines_of(occasion))


def _is_one(goods: Goods, line: Item, scene: Scene) -> bool:
    """Any of these, as segments ask it. Raises BrandsWanted."""
    category = line.category or scene.categories.get(line.sku, "")
    if (category and category in goods.categories) or (line.sku and line.sku in goods.skus):
        return True
    if not (goods.brands and line.sku):
        return False
    if scene.brands is None:
        raise BrandsWanted(line.sku)
    return scene.brands.get(line.sku, "") in goods.brands


def all_names(scene: Scene, contact_id: int) -> Iterable[int]:
    """A person's ids: the living one's and those that were merged into it."""
    person = scene.person(contact_id)
    return {contact_id, person.id, *person.also}
