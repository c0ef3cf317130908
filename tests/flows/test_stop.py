"""The third way: STOP, START and HELP, each in one transaction."""

from datetime import timedelta

import pytest

from ringdove.kit import db
from ringdove.records.sending import messages
from ringdove.rules import facts
from tests.flows.conftest import NOON, Shop, order, parcel, text

ANNA = "+375291112233"


async def _subscribe(shop: Shop) -> dict:
    words = "Yes, send me offers by SMS, at most 4 a month."
    placed = order(consent={"marketing": True, "words": words, "language": "en"})
    await shop.hear(placed)
    await shop.answer()
    return (await shop.rows("SELECT * FROM contact"))[0]


async def _queue_offer(shop: Shop, person: dict) -> int:
    """Queued marketing, as a campaign will make it."""
    message_id = shop.runtime.ids.make(person["bucket"])
    base = {"bucket": person["bucket"], "store_id": shop.store.id, "id": message_id}
    await shop.rows(
        """WITH m AS (INSERT INTO message (bucket, store_id, id, contact_id, channel, class, topic,
             cause, gateway_id, recipient, body, not_before, not_after, created_at, why, state,
             occasion)
           VALUES (%(bucket)s, %(store_id)s, %(id)s, %(c)s, 'sms', 'marketing', 'offers',
             'campaign', %(g)s, %(p)s, 'Sale!', %(now)s, %(late)s, %(now)s, 'campaign', 'waiting',
             'sale'))
           INSERT INTO outbox (bucket, store_id, message_id, gateway_id, contact_id, urgency,
             class, topic, due_at, window_until, not_after)
           VALUES (%(bucket)s, %(store_id)s, %(id)s, %(g)s, %(c)s, 1, 'marketing', 'offers',
             %(now)s, %(late)s, %(late)s) RETURNING 1""",
        c=person["id"], g=shop.sms, p=person["phone"], now=shop.at,
        late=shop.at + timedelta(hours=5), **base,
    )  # fmt: skip
    return message_id


def test_stop_takes_queued_marketing_back_and_confirms_once(play):
    """P1, P2, R4: the ledger row, the cancelled text and the one confirmation come together; what
    is about an order still leaves."""

    async def story(shop: Shop) -> None:
        person = await _subscribe(shop)
        assert person["marketing"] == "in"
        offer = await _queue_offer(shop, person)
        await shop.hear(text("Стоп, спасибо"))
        await shop.answer()
        made = {m["id"]: m for m in await shop.messages()}
        assert (made[offer]["state"], made[offer]["reason"]) == ("dropped", "stopped")
        waiting = await shop.rows("SELECT topic FROM outbox ORDER BY message_id")
        assert [row["topic"] for row in waiting] == ["order", "stop_confirmation"]
        ledger = await shop.rows("SELECT change, source, words FROM consent_event ORDER BY id")
        assert [(r["change"], r["source"]) for r in ledger] == [
            ("in", "checkout"),
            ("out", "reply"),
        ]
        assert ledger[1]["words"] == "Стоп, спасибо"
        shop.later(minutes=1)
        await shop.hear(text("STOP", at=shop.at))
        await shop.answer()
        topics = [m["topic"] for m in await shop.messages()]
        assert topics.count("stop_confirmation") == 1

    play(story)


def test_an_old_order_told_again_does_not_subscribe_who_has_stopped(play):
    """P1: the box that was ticked before the stop says nothing after it."""

    async def story(shop: Shop) -> None:
        await _subscribe(shop)
        shop.later(minutes=5)
        await shop.hear(text("stop", at=shop.at))
        await shop.answer()
        consent = {"marketing": True, "words": "Yes, offers.", "language": "en"}
        shop.later(minutes=5)
        changed = facts.OrderChanged(
            id="order/42/changed/2", at=shop.at,
            order=order(consent=consent).order.model_copy(update={"changed_at": shop.at}),
        )  # fmt: skip
        again = order("43", at=NOON - timedelta(days=1), consent=consent)
        await shop.hear(changed, again)
        await shop.answer()
        assert (await shop.rows("SELECT marketing FROM contact"))[0]["marketing"] == "out"

    play(story)


def test_start_subscribes_again_and_yes_only_after_a_stop(play):
    """P2: START and, after a stop, YES; a yes out of the blue is only an answer."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await shop.answer()
        for body, expected in [
            ("yes", "none"), ("start", "in"), ("стоп", "out"), ("да", "out"), ("YES", "in"),
        ]:  # fmt: skip
            shop.later(minutes=1)
            await shop.hear(text(body, at=shop.at))
            await shop.answer()
            found = (await shop.rows("SELECT marketing FROM contact"))[0]["marketing"]
            if body != "да":  # Russian for yes: heard as a yes only by those who write Russian
                assert found == expected, body

    play(story)


def test_stop_all_ends_service_texts_too(play):
    """P2: the wider stop; the confirmation of it still leaves, nothing else does."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await shop.answer()
        shop.later(minutes=1)
        await shop.hear(text("STOP ALL", at=shop.at))
        await shop.answer()
        await shop.hear(order("43", at=shop.at))
        await shop.answer()
        states = {(m["topic"], m["state"], m["reason"]) for m in await shop.messages()}
        assert states == {
            ("order", "dropped", "stopped"),
            ("stop_confirmation", "waiting", ""),
        }

    play(story)


@pytest.mark.parametrize("span", [1, 128])
def test_a_number_told_later_belongs_to_one_person_and_so_does_their_stop(play, span):
    """P1, P9: an order by e-mail alone gets, in a newer snapshot, a number that is another's."""

    async def story(shop: Shop) -> None:
        anna = {"email": "anna@x.example", "country": "BY"}
        phone = {"phone": "8 (029) 111-22-33"}
        await shop.hear(order("1", customer=anna), order("2", customer=phone | {"country": "BY"}))
        await shop.answer()
        newer = order("1", customer=anna | phone, changed_at=shop.later(minutes=1)).order
        await shop.hear(facts.OrderChanged(id="newer", at=shop.at, order=newer))
        await shop.answer()
        await shop.hear(text("STOP ALL", at=shop.later(minutes=1)))
        await shop.answer()
        await shop.hear(parcel("accepted", "1", at=shop.at), parcel("accepted", "2", at=shop.at))
        await shop.answer()
        told = {m["why"]: m["state"] for m in await shop.messages() if m["topic"] == "delivery"}
        assert set(told.values()) == {"dropped"}
        assert len(await shop.rows("SELECT FROM contact WHERE phone IS NOT NULL")) == 1

    play(story, span=span)


def test_a_stop_wins_over_a_text_that_was_queued_past_it(play):
    """P1: the decision is asked again in the transaction that takes: here consent is gone though
    the row is still in the outbox."""

    async def story(shop: Shop) -> None:
        person = await _subscribe(shop)
        offer = await _queue_offer(shop, person)
        await shop.rows("UPDATE contact SET marketing = 'out' RETURNING 1")
        async with db.transaction(shop.runtime.pool) as tx:
            taken = await messages.take(tx, shop.store, person["bucket"], shop.sms, shop.at, "me")
        assert offer not in {t.message_id for t in taken}
        made = {m["id"]: m for m in await shop.messages()}
        assert (made[offer]["state"], made[offer]["reason"]) == ("dropped", "stopped")

    play(story)


@pytest.mark.parametrize("body", ["помощь", "HELP", "info"])
def test_help_says_who_writes_and_how_to_stop(play, body):
    """P2: HELP is answered in the person's language."""

    async def story(shop: Shop) -> None:
        await shop.hear(text(body))
        await shop.answer()
        (answer,) = await shop.messages()
        assert answer["topic"] == "help" and "Linden" in answer["body"]

    play(story)


def test_who_wants_no_texts_at_all_gets_none_that_was_queued_past_it(play):
    """P1, P2: the wider stop is asked again too in the transaction that takes; the confirmation of
    it still leaves."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await shop.answer()
        await shop.rows("UPDATE contact SET service = 'out' RETURNING 1")
        (person,) = await shop.rows("SELECT * FROM contact")
        async with db.transaction(shop.runtime.pool) as tx:
            taken = await messages.take(tx, shop.store, person["bucket"], shop.sms, shop.at, "me")
        assert taken == []
        (text,) = await shop.messages()
        assert (text["state"], text["reason"]) == ("dropped", "stopped")

    play(story)
