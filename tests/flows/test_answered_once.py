"""A batch of many facts is answered once, also when one of them asks where an order is."""

from collections import Counter

from ringdove.rules import answers, facts
from tests.flows.conftest import NOON, order, paid

ANNA = "+375291112233"


def test_one_question_about_an_order_does_not_have_its_batch_answered_twice(play, monkeypatch):
    asked: Counter[str] = Counter()
    answer = answers.answer

    def count(scene, fact, now):
        asked[fact.id] += 1
        answer(scene, fact, now)

    async def story(shop):
        await shop.hear(order())
        await shop.answer()
        monkeypatch.setattr(answers, "answer", count)
        text = facts.TextReceived(
            id="t", at=NOON, gateway=shop.sms, sender=ANNA, body="Где мой заказ?"
        )
        others = [
            order(f"9{n}", customer={"phone": f"+37529555000{n}", "country": "BY"})
            for n in range(9)
        ]
        await shop.hear(text, paid(), *others)
        await shop.answer()
        assert asked["t"] == 1 and set(asked.values()) == {1} and len(asked) == 11
        (heard,) = await shop.rows("SELECT handled FROM inbound")
        assert heard["handled"] == "status"

    play(story)
