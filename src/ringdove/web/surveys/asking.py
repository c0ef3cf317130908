"""One asking that a program or a person of the store begins: a row and the link to its form.

Nothing is sent by it: who asks has a way of their own to say the question, a letter, a till, a
talk. Who is asked the same again while the first question is open has the same link.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.errors import UniqueViolation

from ringdove.kit import db
from ringdove.records import scenes, wants
from ringdove.records.surveys import survey_answers
from ringdove.rules import facts
from ringdove.rules.effects import SaveAnswer
from ringdove.rules.links import links
from ringdove.rules.messages import language_of
from ringdove.rules.people import people
from ringdove.rules.scenes import Contact, Order, Scene, Store, SurveyAnswer
from ringdove.rules.surveys import asking as askings
from ringdove.runtime import Runtime

NOBODY = facts.Customer()


@dataclass(frozen=True, slots=True)
class Wish:
    """Who is to be asked what. `order`: its key; `sku`: the product that it is about."""

    survey: str
    customer: facts.Customer = NOBODY
    order: str = ""
    sku: str = ""


class CannotAsk(ValueError):
    """Why nobody can be asked, in English."""


async def ask(runtime: Runtime, store: Store, wish: Wish) -> dict[str, Any]:
    """The asking: id, link, until, and whether it was there. Raises CannotAsk."""
    return await db.retried(
        runtime.pool, lambda tx: _ask(runtime, store, wish, tx), also=(UniqueViolation,)
    )


async def _ask(runtime: Runtime, store: Store, wish: Wish, tx: db.Tx) -> dict[str, Any]:
    now = runtime.clock()
    batch: list[facts.Fact] = [facts.CustomerChanged(id="ask", at=now, customer=wish.customer)]
    if wish.order:
        batch.append(facts.PaymentFailed(id="ask/order", at=now, order=wish.order))
    loaded = await scenes.load(tx, store, batch, runtime.ids, runtime.keyed)
    order = loaded.order_of(wish.order) if wish.order else None
    if wish.order and order is None:
        raise CannotAsk("No order has this key: tell of it first.")
    if order is None and not (wish.customer.phone or wish.customer.email or wish.customer.account):
        raise CannotAsk("Say who is asked: a customer's phone, email or account, or an order.")
    person = (
        loaded.person(order.contact_id) if order
        else people.meet(loaded, wish.customer, "api", now, "ask")
    )  # fmt: skip
    await survey_answers.add(tx, loaded, now)

    def work(scene: Scene) -> tuple[SurveyAnswer, bool]:
        return _made(scene, wish, person, order, now)

    scene, (asking, is_known) = await wants.decided(tx, loaded, work, now, runtime.ids)
    await scenes.commit(tx, scene, now, runtime.ids)
    return {
        "id": asking.id, "link": link_of(runtime, store, asking.id), "until": asking.until,
        "repeated": is_known,
    }  # fmt: skip


def _made(
    scene: Scene, wish: Wish, person: Contact, order: Order | None, now: datetime
) -> tuple[SurveyAnswer, bool]:
    survey = askings.survey_of(scene, wish.survey)
    if survey is None:
        raise CannotAsk("The store has no survey by this key.")
    about = (survey.key, order.id if order else None, wish.sku)
    names = {person.id, *person.also}
    for one in scene.surveys_open.values():
        is_same = (one.survey, one.order_id, one.sku) == about and one.contact_id in names
        if is_same and askings.is_open(one, now):
            return one, True
    place = order.contact_id if order else person.id
    made = SurveyAnswer(
        id=scene.make_id_beside(place), contact_id=place, survey=survey.key, asked_at=now,
        until=survey.until(now), order_id=order.id if order else None, sku=wish.sku,
        language=language_of(scene, person),
    )  # fmt: skip
    scene.happens(SaveAnswer(made))
    return made, False


def link_of(runtime: Runtime, store: Store, asking_id: int) -> str:
    """The form of an asking."""
    token = links.token_of(store.id, asking_id, links.OF_FORM, runtime.link_key)
    return links.form_prefix_of(store, runtime.settings.outside_url) + token
