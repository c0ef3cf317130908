"""Figures of surveys, answers as they are looked for, opinions as the world sees them: few people,
counted by hand."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import INDEX_OF, id_floor
from ringdove.records.store import stores
from ringdove.records.surveys import (
    answers_found,
    opinions,
    survey_answers,
    survey_reports,
)
from ringdove.records.surveys.answers_found import Wanted
from ringdove.rules.effects import SaveAnswer
from ringdove.rules.scenes import Store
from ringdove.rules.surveys.surveys import READY
from tests.flows.conftest import Shop
from tests.records.test_attribution import put

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
PRODUCT, DELIVERY = READY["product"], READY["delivery"]


class Asked:
    """People who were asked, made by hand, as workers leave them."""

    def __init__(self, store: Store) -> None:
        self.store, self.made = store, 0
        self.people: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []

    def ask(self, survey: str, days: int, score: int | None = None, **more: Any) -> int:
        """Somebody new is asked so many days ago; with a score they answered a day later."""
        self.made += 1
        bucket = stores.of_key(self.store, f"phone/+375291{self.made:06}")
        at = NOON - days * DAY
        base = {"bucket": bucket, "store_id": self.store.id}
        contact_id, answer_id = (
            id_floor(when) + (self.made << 7) + INDEX_OF[bucket] for when in (at - 30 * DAY, at)
        )
        self.people.append(base | {
            "id": contact_id, "created_at": at, "zones": [], "also": [], "merged_into": None,
            "name": f"Person {self.made}", "language": "ru", "country": "BY",
            "phone": f"+375291{self.made:06}", "marketing": "in",
        })  # fmt: skip
        self.answers.append(base | {
            "id": answer_id, "contact_id": contact_id, "survey": survey, "asked_at": at,
            "until": at + 30 * DAY, "answered_at": None if score is None else at + DAY,
            "way": "" if score is None else "link", "score": score, "answers": {}, "sku": "",
            "carrier": "", "pickup_point": "", "language": "ru", "reason": "", "comment": "",
            "may_publish": False, "shown_as": "", "published": "", "published_by": "",
            "shop_reply": "",
        } | more)  # fmt: skip
        return answer_id

    async def write(self, shop: Shop) -> None:
        await put(shop, "contact", self.people)
        await put(shop, "survey_answer", self.answers)


Play = Callable[..., None]


def test_a_survey_is_summed_up_by_time_and_by_everything_that_tells_its_answers_apart(
    play: Play,
) -> None:
    """R83, R89."""

    async def story(shop: Shop) -> None:
        asked = Asked(shop.store)
        for _n in range(6):
            asked.ask("delivery", 3, 6, carrier="Post", sku="MUG")
        asked.ask("delivery", 12, 2, carrier="Van", reason="delivery", pickup_point="P1")
        asked.ask("delivery", 12, 5, carrier="Van", language="it", way="reply")
        asked.ask("delivery", 12)
        asked.ask("delivery", 12, None, answered_at=NOON, way="link")  # words only
        asked.ask("delivery", 400, 1)
        asked.ask("nps", 3, 9)
        await asked.write(shop)
        since = NOON - 90 * DAY
        found = await survey_reports.of_survey(
            shop.runtime.pool, shop.store, DELIVERY, since, NOON, "week"
        )
        total = found.total
        assert (total.asked, total.answered, total.given) == (10, 9, {6: 6, 2: 1, 5: 1})
        assert list(found.periods) == [date(2026, 11, 2), date(2026, 11, 9)]  # Mondays in Minsk
        assert found.periods[date(2026, 11, 9)].given == {6: 6}
        by = {name: {key: one.given for key, one in of.items()} for name, of in found.parts.items()}
        assert by["carrier"] == {"Post": {6: 6}, "Van": {2: 1, 5: 1}, "": {}}
        assert by["sku"]["MUG"] == {6: 6} and by["reason"]["delivery"] == {2: 1}
        assert by["pickup_point"]["P1"] == {2: 1} and by["language"]["it"] == {5: 1}
        assert by["way"]["reply"] == {5: 1} and found.parts["way"][""].asked == 1
        async with db.transaction(shop.runtime.pool) as tx:
            known = await survey_reports.of_surveys(tx, shop.store, READY, since, NOON)
        assert known["delivery"] == total and known["nps"].given == {9: 1}
        assert known["csat"].asked == 0

    play(story)


def test_answers_are_found_page_by_page_with_their_people_and_tasks(play: Play) -> None:
    """R83, R84, R89."""

    async def story(shop: Shop) -> None:
        asked = Asked(shop.store)
        ids = [asked.ask("product", 20 - n, 1 + n % 5, sku=f"S{n % 2}") for n in range(12)]
        low = asked.ask("delivery", 2, 1, comment="Late.", reason="delivery")
        asked.ask("delivery", 2)
        await asked.write(shop)
        answer = asked.answers[-2]
        bucket = answer["bucket"]
        await put(shop, "task", [{
            "bucket": bucket, "store_id": 1, "id": low + 128, "contact_id": answer["contact_id"],
            "recipe": "low_score", "said": "Call", "due_at": NOON, "created_by": "",
            "created_at": answer["answered_at"] + timedelta(minutes=1), "done_by": "",
            "result": "", "note": "", "tell": "task", "tell_tries": 0, "trouble": "",
        }])  # fmt: skip

        async def find(wanted: Wanted, **more: Any) -> list[int]:
            async with db.transaction(shop.runtime.pool) as tx:
                rows, _ = await answers_found.find(tx, shop.store, wanted, **more)
            return [row["id"] for row in rows]

        assert await find(Wanted()) == [low, *reversed(ids)]
        assert await find(Wanted(sku="S1", scores=(2, 4))) == [
            one for n, one in reversed(list(enumerate(ids))) if n % 2 and n % 5 in (1, 3)
        ]
        assert await find(Wanted(has_words=True)) == [low] == await find(Wanted(reason="delivery"))
        assert await find(Wanted(surveys=("nps", "csat"))) == []
        assert await find(Wanted(since=NOON - 3 * DAY)) == [low]
        async with db.transaction(shop.runtime.pool) as tx:
            seen: list[int] = []
            before: answers_found.Place | None = answers_found.NO_END
            while before:
                rows, before = await answers_found.find(tx, shop.store, Wanted(), before, 5)
                seen += [row["id"] for row in rows]
            assert seen == [low, *reversed(ids)]
            assert [
                row["id"] async for row in answers_found.every(tx, shop.store, Wanted())
            ] == seen
            rows, _ = await answers_found.find(tx, shop.store, Wanted())
            tasks = await answers_found.tasks(tx, shop.store, rows)
        assert rows[0]["name"] == "Person 13" and list(tasks) == [low]

    play(story)


def test_the_world_sees_what_was_let_through_and_how_much_was_not(play: Play) -> None:
    """R82. The rating is of all who answered; what was hidden is counted, low scores apart."""

    async def story(shop: Shop) -> None:
        asked = Asked(shop.store)
        mug = {"sku": "MUG", "comment": "Fine.", "may_publish": True, "shown_as": "Anna Volk"}
        first = asked.ask("product", 9, 5, **mug)
        second = asked.ask("product", 8, 4, **mug)
        asked.ask("product", 7, 1, **(mug | {"published": "hidden"}))
        asked.ask("product", 6, 1, **mug)
        silent = asked.ask("product", 5, 1, sku="MUG", comment="Not for the world.")
        asked.ask("product", 5, 5, sku="TEA")
        await asked.write(shop)

        async def decide(answer_id: int, published: Any, reply: str = "") -> bool:
            async with db.transaction(shop.runtime.pool) as tx:
                assert await opinions.one(tx, shop.store, answer_id)
                return await opinions.decide(
                    tx, shop.store, answer_id, published, "Anna V.", reply, "page/Anna", NOON
                )

        async def seen(sku: str) -> Any:
            async with db.transaction(shop.runtime.pool) as tx:
                return await opinions.of_survey(tx, shop.store, PRODUCT, sku)

        assert await decide(first, "shown", "Thank you!") and await decide(second, "shown")
        assert not await decide(silent, "shown")
        mugs = await seen("MUG")
        assert (mugs.agreed, mugs.shown, mugs.left_out, mugs.low_left_out) == (4, 2, 2, 2)
        assert mugs.rating.given == {5: 1, 4: 1, 1: 3} and mugs.has_rating
        assert [(one.score, one.name, one.reply) for one in mugs.opinions] == [
            (4, "Anna V.", ""), (5, "Anna V.", "Thank you!"),
        ]  # fmt: skip
        assert mugs.opinions[0].day == date(2026, 11, 11)
        every = await seen("")
        assert every.rating.n == 6 and every.agreed == 4
        assert (await seen("TEA")).agreed == 0 and not (await seen("TEA")).has_rating
        async with db.transaction(shop.runtime.pool) as tx:
            told = await opinions.counts(tx, shop.store)
        assert told == {("product", "shown"): 2, ("product", "hidden"): 1, ("product", ""): 1}
        assert await decide(first, "hidden")
        assert (await seen("MUG")).shown == 1

        async def change(**how: Any) -> int:
            async with db.transaction(shop.runtime.pool) as tx:
                answer = await survey_answers.find(tx, shop.store, second)
                assert answer
                await survey_answers.write(tx, shop.store, [SaveAnswer(replace(answer, **how))])
            return int((await seen("MUG")).shown)

        # Once its customer says something else, somebody looks anew.
        assert await change(reason="price") == 1 and await change(comment="Awful.") == 0
        assert await decide(second, "shown") and await change(may_publish=False) == 0

    play(story)
