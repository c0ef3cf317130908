"""Alerts: on the list, in a letter to who is to do it, at the store's own program."""

import json
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.kit.http import NotConnected, Reply
from ringdove.records.automations import automations
from ringdove.records.store import users
from ringdove.records.tasks import alerts, tasks
from ringdove.rules.automations.journeys import JOURNEY
from ringdove.rules.automations.plans import Automation
from ringdove.stores import events
from ringdove.workers.alerts import tell_all
from tests.flows.conftest import Shop, order, play
from tests.workers.test_send import mail_server, point

__all__ = ["play"]

pytestmark = pytest.mark.slow

SECRET, URL = "a secret of theirs", "https://crm.example/in"


class Crm:
    """The store's own program: what it was told, and what it answers."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers, self.told = list(answers), []  # type: ignore[var-annotated]

    async def __call__(self, method: str, url: str, headers: Any, body: bytes = b"") -> Reply:
        self.told.append((method, url, headers, body))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer, {}, b"")


async def alerting(shop: Shop, *ways: str) -> int:
    """An automation that tells of every order these ways; who is to do it."""
    steps = [
        {"id": f"tell{n}", "do": "alert", "to": way, "owner": 1, "due": 7200,
         "said": "Call {{ customer.first_name }} about {{ order.number }}"}
        for n, way in enumerate(ways)
    ]  # fmt: skip
    journey = JOURNEY.validate_python(
        {"key": "own_1", "name": "Call", "trigger": {"on": "fact", "kind": "order.placed"},
         "topic": "order", "steps": steps}
    )  # fmt: skip
    async with db.transaction(shop.runtime.pool) as tx:
        owner = await users.create(
            tx, email="olga@linden.example", name="Olga", password_hash="x", language="ru",
            now=shop.at,
        )  # fmt: skip
        await users.set_role(tx, owner, shop.store.id, "owner")
        own = Automation(is_on=True, version=1, plan=journey)
        await automations.save(tx, shop.store.id, "own_1", own, shop.at, None)
        sealed = shop.runtime.sealer.seal(SECRET)
        await alerts.put_address(tx, shop.store.id, URL, sealed, shop.at)
    await shop.hear(order())
    await shop.answer()
    return owner


async def listed(shop: Shop, **asked: Any) -> list[tasks.Task]:
    async with db.transaction(shop.runtime.pool) as tx:
        return await tasks.listed(tx, shop.store, tasks.Asked(**asked))


def test_each_way_tells_once_and_a_program_checks_the_signature(play):
    """R84. A task waits on the list; its owner has a letter in their language; the program has it
    signed, and a task that it took is nobody's work."""

    async def story(shop: Shop) -> None:
        crm = Crm()
        owner = await alerting(shop, "task", "person", "webhook")
        with mail_server() as (box, port):
            await point(shop, port)
            assert await tell_all(shop.runtime, crm) == 2
            assert await tell_all(shop.runtime, crm) == 0
        letter = box.letter()
        assert box.recipients == ["olga@linden.example"]
        said = letter.get_payload()[0].get_payload(decode=True).decode()
        assert "Call Анна about" in said and "Покупатель: Анна Коваль" in said
        assert "/stores/1/tasks" in said and "16:00" not in said and "17:00" in said
        ((method, url, headers, body),) = crm.told
        secrets = {"webhook_secret": SECRET}
        assert (method, url) == ("POST", URL)
        assert events.verify(headers, body, secrets, shop.at) is None
        told = json.loads(body)
        assert told["kind"] == "alert" and told["automation"] == "own_1"
        assert told["customer"]["phone"] == "+375291112233" and told["order"]["currency"]
        waiting = await listed(shop)
        assert [one.tell for one in waiting] == ["task", "person"]
        assert {one.owner for one in waiting} == {owner}
        assert await listed(shop, is_done=True) == []
        assert await shop.rows("SELECT FROM task WHERE result = 'told' AND done_by = 'webhook'")

    play(story)


def test_what_cannot_be_told_is_tried_for_a_day_and_stays_on_the_list(play):
    """R84, P5. Nothing is lost: neither by a program that is away nor by a mail server that is."""

    async def story(shop: Shop) -> None:
        away = NotConnected("the server's name is not known")
        crm = Crm(*[away] * 20)
        await alerting(shop, "person", "webhook")  # nobody listens at the mail server's port
        assert await tell_all(shop.runtime, crm) == 0
        assert await tell_all(shop.runtime, crm) == 0, "not before a minute has passed"
        troubles = {one.tell: one.trouble for one in await listed(shop)}
        assert troubles == {"person": "server_away", "webhook": str(away)}
        for _ in range(12):
            shop.later(hours=12)
            await tell_all(shop.runtime, crm)
        assert len(crm.told) == len(alerts.AGAIN_AFTER) + 1
        (webhook,) = [one for one in await listed(shop) if one.tell == "webhook"]
        assert webhook.is_open and webhook.tell_at is None and webhook.trouble
        crm.answers = [410, 200]
        async with db.transaction(shop.runtime.pool) as tx:
            assert await alerts.tell_again(tx, shop.store.id, webhook.id, shop.at)
        assert await tell_all(shop.runtime, crm) == 0
        shop.later(minutes=1)
        assert await tell_all(shop.runtime, crm) == 1
        assert [one.tell for one in await listed(shop)] == ["person"]

    play(story)


def test_a_program_that_is_away_holds_up_nobody_elses_alerts(play):
    """P11. After one that does not answer the others of that store wait their minute, others not;
    what is done by hand meanwhile is told no more."""

    async def story(shop: Shop) -> None:
        crm = Crm(TimeoutError())
        await alerting(shop, "webhook", "webhook", "webhook")
        assert await tell_all(shop.runtime, crm) == 0
        assert len(crm.told) == 1
        first, *_ = await listed(shop)
        async with db.transaction(shop.runtime.pool) as tx:
            ids = shop.runtime.ids
            await tasks.finish(tx, shop.store, first.id, "done", "", "page/Olga", shop.at, ids)
        shop.later(minutes=2)
        assert await tell_all(shop.runtime, crm) == 2
        assert len({json.loads(body)["id"] for *_, body in crm.told[1:]}) == 2

    play(story)


def test_an_owner_who_has_left_is_not_written_to(play):
    """The first owner of the house is written to instead; without a gateway it says so."""

    async def story(shop: Shop) -> None:
        await alerting(shop, "person")
        await shop.rows("UPDATE task SET owner = 99 RETURNING id")
        with mail_server("450 later") as (box, port):
            await point(shop, port)
            assert await tell_all(shop.runtime, Crm()) == 0
            shop.later(minutes=1)
            assert await tell_all(shop.runtime, Crm()) == 1
            assert box.recipients == ["olga@linden.example"]
        await shop.rows("UPDATE gateway SET removed_at = now() WHERE kind = 'smtp' RETURNING id")
        await shop.rows("UPDATE task SET tell_at = created_at, told_at = NULL RETURNING id")
        assert await tell_all(shop.runtime, Crm()) == 0
        (one,) = await listed(shop)
        assert one.trouble == "no_email_gateway"

    play(story)


def test_one_that_breaks_whoever_tells_it_holds_up_no_other(play):
    """P11."""

    async def story(shop: Shop) -> None:
        await alerting(shop, "webhook")
        await shop.hear(order("43"))
        await shop.answer()
        crm = Crm(RuntimeError("nobody thought of this"))
        assert await tell_all(shop.runtime, crm) == 1
        (left,) = await listed(shop)
        assert left.trouble == "RuntimeError"
        shop.later(minutes=2)
        assert await tell_all(shop.runtime, crm) == 1

    play(story)


def test_a_text_to_the_staff_is_made_once_and_says_why_when_it_cannot_be(play):
    """R84, P1. Within a round, over the outbox like every text, in their language; at the phone of
    who is to do it, else of an owner; by night it waits where the rules say so."""

    async def story(shop: Shop) -> None:
        owner = await alerting(shop, "text")
        assert await tell_all(shop.runtime) == 0
        (task,) = await listed(shop)
        assert task.trouble == "no_staff_phone" and task.tell_at is not None
        async with db.transaction(shop.runtime.pool) as tx:
            await users.set_phone(tx, owner, "+375447778899")
        shop.later(hours=8, minutes=30)  # 23:30 in Minsk
        assert await tell_all(shop.runtime) == 1
        assert await tell_all(shop.runtime) == 0
        (said,) = [one for one in await shop.messages() if one["topic"] == "staff"]
        assert (said["state"], said["reason"], said["recipient"]) == (
            "waiting", "", "+375447778899",
        )  # fmt: skip
        assert said["body"].startswith("Linden: Call Анна about 42\nПокупатель: Анна Коваль")
        who = await shop.rows("SELECT origin, marketing FROM contact WHERE phone LIKE '%%8899'")
        assert who == [{"origin": "staff", "marketing": "none"}]

        # Where they shall not be woken it waits; who refused all texts gets none.
        await shop.rows("""UPDATE store SET policy = '{"staff_by_night": false}' RETURNING 1""")
        for key in ("43", "44"):
            await shop.hear(order(key, at=shop.at))
            await shop.answer()
            await tell_all(shop.runtime)
            if key == "43":
                await shop.rows(
                    "UPDATE contact SET service = 'out' WHERE origin = 'staff' RETURNING 1"
                )
        texts = [one for one in await shop.messages() if one["topic"] == "staff"]
        assert [one["reason"] for one in texts] == ["", "quiet_hours"]
        assert [task.trouble for task in await listed(shop)] == ["", "", "stopped"]

    play(story)
