"""The campaigns of a past: who got which, clicked, and bought; so that reports have what to tell.

Each says the ready words of a recipe, leaves a tenth of its people alone, and earns what the demo
decided that it earns. Pure and deterministic as all of the past.
"""

import json
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ringdove.demo import purchases
from ringdove.demo.chance import Chance
from ringdove.demo.joining import OFFER
from ringdove.demo.people import Person
from ringdove.demo.rows import Keyed, Known, Rows, refusal
from ringdove.kit.buckets import buckets_of_store
from ringdove.rules import languages, texts
from ringdove.rules.campaigns import campaign_recipes
from ringdove.rules.campaigns.campaigns import Plan, Variant, When, Words
from ringdove.rules.campaigns.lots import Lots
from ringdove.rules.consent import stop_links
from ringdove.rules.links import links
from ringdove.rules.offers import offers
from ringdove.rules.segments import segments

HOLDOUT_PERCENT = 10
ORDERS_MAX = 1_000  # that campaigns bring: the shop counts on from there
BUYS_AFTER_CLICK = 0.11
CLICKS_ARE_ROBOTS = 0.04
STOPS_AFTER = 0.004
BREAK = timedelta(days=180)  # who has not bought for so long is missed
SECOND_WORDS = {
    "en": "{{ customer.first_name }}, only this week: up to 30 % off at {{ shop.name }}. Tap to"
    " choose: {{ link }} Stop: {{ stop_url }}",
    "ru": "{{ customer.first_name }}, только на этой неделе: до −30 % в {{ shop.name }}. Выбрать:"
    " {{ link }} Стоп: {{ stop_url }}",
}


@dataclass(frozen=True, slots=True)
class Past:
    """One campaign that went. `clicks`: the share of people that opens the link, by variant."""

    recipe: str
    days_ago: int
    clicks: tuple[float, ...]
    to: str = "everybody"  # missed, not_clicked
    key_date_in: int | None = None


PAST = (
    Past("new_goods", 148, (0.09,)),
    Past("win_back", 96, (0.13,), to="missed"),
    Past("sale", 61, (0.07, 0.14)),
    Past("goods_of_day", 24, (0.08, 0.085)),
    Past("early_access", 5, (0.1,)),
    Past("follow_up", 2, (0.05,), to="not_clicked"),
)


@dataclass
class Selling:
    """Tells campaigns into rows. `address`: under which people reach our pages; `orders`: when each
    customer ordered, oldest first."""

    rows: Rows
    shop: purchases.Shop
    keyed: Keyed
    link_key: bytes
    address: str
    orders: Mapping[int, Sequence[datetime]]
    next_number: int
    _chance: Chance = field(default_factory=lambda: Chance("selling"))
    _codes: dict[int, int] = field(default_factory=dict)  # person → place of the code's row
    _clicked: set[int] = field(default_factory=set)  # of the campaign before, for its follow-up

    def tell(self, known: Sequence[Known], people: Sequence[Person]) -> None:
        """All of them, oldest first, and a draft that is not begun."""
        for n, past in enumerate(PAST, 1):
            at = self._morning(past.days_ago)
            if at > self.rows.now:
                continue
            self._campaign(n, past, at, known, people)
        self._draft(len(PAST) + 1)
        self._count_offer()

    def _morning(self, days_ago: int) -> datetime:
        return (self.rows.now - timedelta(days=days_ago)).replace(hour=8, minute=0, second=0)

    def _campaign(
        self, n: int, past: Past, at: datetime, known: Sequence[Known], people: Sequence[Person]
    ) -> None:
        plan = self._plan(past)
        name = campaign_recipes.words_of(past.recipe, self.rows.store.languages[0])["title"]
        store_key, key = (
            bytes.fromhex(self.keyed(self.rows.store.id, text))
            for text in ("holdout", f"campaign/{n}")
        )
        lots = Lots(store_key, key, HOLDOUT_PERCENT, [one.share for one in plan.variants])
        before, self._clicked = self._clicked, set()
        made: dict[int, list[int]] = defaultdict(list)
        counts: dict[int, Counter[str]] = defaultdict(Counter)
        ids = [who.id for who in known]
        dealt, held = lots.deal(ids), lots.are_held(ids)
        for person, who, (variant, place), is_held in zip(people, known, dealt, held, strict=True):
            if who.created_at >= at or not self._is_asked(past, who, at, before):
                continue
            reason = refusal(who, at) or ("holdout" if is_held else "")
            goes_at = at + timedelta(seconds=60 + int(place * 600))
            message_id = self._write(n, plan, past, variant, who, goes_at, reason)
            made[who.bucket].append(message_id)
            counts[who.bucket]["people"] += 1
            counts[who.bucket][f"{variant}/{reason or 'queued'}"] += 1
            if not reason:
                has_link = "{{ link }}" in plan.variants[variant].words[who.language].sms
                self._answer(past.clicks[variant], has_link, who, person, message_id, goes_at)
        self._keep(n, name, plan, "done", at, made, counts)

    def _is_asked(self, past: Past, who: Known, at: datetime, clicked: set[int]) -> bool:
        if past.to == "missed":
            times = self.orders.get(who.id, [])
            last = bisect_left(times, at) - 1
            return last >= 0 and times[last] < at - BREAK
        return past.to != "not_clicked" or who.id not in clicked

    def _plan(self, past: Past) -> Plan:
        recipe = campaign_recipes.RECIPES[past.recipe]
        offered = self.rows.store.languages
        said = campaign_recipes.words_of(past.recipe, offered[0])
        plan = campaign_recipes.plan_of(
            recipe, offered, topics=[one.key for one in self.rows.store.policy.topics],
            occasion=said["occasion"],
        )  # fmt: skip
        more: dict[str, Any] = {"holdout_percent": HOLDOUT_PERCENT, "when": When()}
        if recipe.wants_offer:
            more["offer"] = OFFER.id
        if past.to == "not_clicked":
            got, clicked = (
                segments.Texts(what=what, campaign=len(PAST) - 1) for what in ("sent", "clicked")
            )
            more |= {"audience": got, "without": clicked, "follows": len(PAST) - 1}
        if len(past.clicks) > 1:
            first = plan.variants[0].model_copy(update={"name": "A"})
            others = {
                language: words.model_copy(update={"sms": SECOND_WORDS[language]})
                if language in SECOND_WORDS else words
                for language, words in first.words.items()
            }  # fmt: skip
            more["variants"] = (first, Variant(name="B", words=others))
        return plan.model_copy(update=more)

    # ------------------------------------------------------------------ one person

    def _write(
        self, n: int, plan: Plan, past: Past, variant: int, who: Known, at: datetime, reason: str
    ) -> int:
        rows = self.rows
        message_id = rows.id_at(who.bucket, at)
        words = plan.variants[variant].words.get(who.language, Words())
        body = "" if reason else self._said(plan, words, who, message_id, at)
        measure = texts.measure(body)
        fate: tuple[Any, ...] = ("dropped", reason, None, at, 0, 0)
        if not reason:
            fate = rows.fate(who, "sms", who.phone, at, measure.parts, message_id)
            if at >= rows.shown_since:
                rows.show(who.phone or "", "to_phone", body, at)
            if at >= rows.kept_since:
                rows.put("touch", who.bucket, who.id, message_id, at, plan.topic, "")
        cost = None if reason else rows.cost(who.phone or "", measure.parts)
        rows.put(
            "message", who.bucket, message_id, who.id, None, "sms", "marketing", plan.topic,
            "campaign", "", None, rows.sms_gateway, who.phone or "", "", body, who.language,
            measure.encoding, measure.parts, at, at + timedelta(hours=48), at, f"campaign/{n}",
            *fate, cost.amount if cost else None, cost.currency if cost else "", n, variant,
            plan.occasion,
        )  # fmt: skip
        return message_id

    def _said(self, plan: Plan, words: Words, who: Known, message_id: int, at: datetime) -> str:
        store = self.rows.store
        (token,) = links.tokens(store.id, [message_id], 0, self.link_key)
        values: dict[str, object] = {
            "customer": {"first_name": who.name.split()[0], "name": who.name},
            "shop": {"name": store.name, "url": store.website},
            "link": links.url_of(store, self.address, token),
            "stop_url": stop_links.url_of(
                self.address, store.id, who.id, lambda text: self.keyed(store.id, text)
            ),
        }
        if plan.offer:
            values["offer"] = self._offer(who, at)
        return texts.render(words.sms, values)

    def _offer(self, who: Known, at: datetime) -> dict[str, str]:
        secret = self.keyed(self.rows.store.id, f"offer/{OFFER.id}")
        (code,) = offers.own_codes(OFFER.prefix, secret, [who.id], 0)
        until = OFFER.ends(at)
        assert until is not None
        self._codes[who.id] = len(self.rows.tables["promo_code"])
        bucket = self.rows.bucket(f"code/{code}")
        self.rows.put("promo_code", bucket, code, OFFER.id, who.id, at, until, None, "")
        return {"code": code, "until": languages.say_day(until.date(), who.language)}

    def _answer(
        self, share: float, has_link: bool, who: Known, person: Person, message_id: int,
        at: datetime,
    ) -> None:  # fmt: skip
        """`share`: of those who open the link, or of those who heed a text without one."""
        rows, chance = self.rows, self._chance
        if chance.happens(STOPS_AFTER):
            self.shop.stop_by_text(who, at + chance.span(60, 7_200))
            return
        if not chance.happens(share):
            return
        heeds_at = at + timedelta(seconds=int(30 + chance.random() ** 4 * 180_000))
        if heeds_at >= rows.now:
            return
        if has_link:
            is_robot = chance.happens(CLICKS_ARE_ROBOTS)
            device = "phone" if chance.happens(0.9) else "desktop"
            rows.put(
                "link_click", who.bucket, rows.id_at(who.bucket, heeds_at), message_id, who.id, 0,
                heeds_at, "preview" if is_robot else "person", "" if is_robot else device,
            )  # fmt: skip
            if is_robot:
                return
            self._clicked.add(who.id)
            who.seen(heeds_at)
        buys_at = heeds_at + chance.span(300, 60 * 3_600)
        if chance.happens(BUYS_AFTER_CLICK) and buys_at < rows.now:
            order_id = self.shop.order(who, person, buys_at, self.next_number)
            self._redeem(who, order_id, buys_at)
            self.next_number += 1

    def _count_offer(self) -> None:
        """What the offer's page adds up, which nothing counts again."""
        for what, table in (("given", "promo_code"), ("used", "offer_use")):
            n = len(self.rows.tables[table])
            bucket = self.rows.bucket(f"reward/{OFFER.id}")
            self.rows.put("way_count", bucket, f"reward/{OFFER.id}/{what}", n)

    def _redeem(self, who: Known, order_id: int, at: datetime) -> None:
        """The order was paid with the code that the person was given, if they were."""
        place = self._codes.pop(who.id, None)
        if place is None:
            return
        given = self.rows.tables["promo_code"]
        code, valid_until = given[place][2], given[place][6]
        if at >= valid_until:
            return
        given[place] = (*given[place][:-2], at, str(self.next_number))
        self.rows.put("offer_use", who.bucket, OFFER.id, order_id, who.id, code, at)

    # ------------------------------------------------------------------ the campaign itself

    def _keep(
        self, n: int, name: str, plan: Plan, state: str, at: datetime,
        made: Mapping[int, list[int]], counts: Mapping[int, Counter[str]],
    ) -> None:  # fmt: skip
        rows = self.rows
        rows.tables["campaign"].append(
            (rows.store.id, n, name, state, json.dumps(plan.model_dump(mode="json")), at, 1, at, 1,
             at, at, at + timedelta(minutes=11))
        )  # fmt: skip
        for bucket in buckets_of_store(rows.store.bucket_base, rows.store.bucket_span):
            ids = made.get(bucket, [])
            rows.put(
                "campaign_run", bucket, n, 1, 2**63 - 1, True, min(ids, default=None),
                max(ids, default=None), json.dumps(counts.get(bucket, {})), at, len(ids),
            )  # fmt: skip

    def _draft(self, n: int) -> None:
        """What a merchant has begun to plan and not finished."""
        rows = self.rows
        plan = self._plan(Past("gifts", 0, (0.0,)))
        at = rows.now - timedelta(days=1)
        name = campaign_recipes.words_of("gifts", rows.store.languages[0])["title"]
        rows.tables["campaign"].append(
            (rows.store.id, n, name, "draft", json.dumps(plan.model_dump(mode="json")), at, 1, at,
             1, None, None, None)
        )  # fmt: skip
