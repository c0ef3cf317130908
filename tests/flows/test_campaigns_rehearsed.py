"""The rehearsal of a campaign and its run on the same clock say the same."""

import asyncio
from collections import Counter
from decimal import Decimal

import pytest

from ringdove.kit import db
from ringdove.records.campaigns import rehearsals
from ringdove.records.offers import rewards
from ringdove.records.sending import prices
from ringdove.rules.campaigns.campaigns import Plan, Variant, When, Words
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.sending.prices import Price
from ringdove.workers.campaigns import rehearsing
from tests.flows import campaign as stage
from tests.flows.campaign import EN, PLAN, RU
from tests.flows.conftest import Shop


@pytest.mark.parametrize("people", [1_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_the_rehearsal_says_what_the_run_does(play, people):
    """N2, N6: for 100,000 people on one clock the same by reason, variant, language, hour,
    gateway, parts and money; and nobody was given anything by the rehearsal."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, people)
        await _priced(shop)
        async with db.transaction(shop.runtime.pool) as tx:
            offer = await rewards.create(
                tx, shop.store.id,
                Reward(0, "t", "Sale", "code", source="own", prefix="SALE"), shop.at,
            )  # fmt: skip
        long = " Ещё больше скидок на чайники, чашки и самовары. Код {{ offer.code }}"
        plan = Plan(
            occasion="sale", offer=offer, links=PLAN.links, holdout_percent=5,
            channels="sms_or_email", when=When(mode="own_hour", spread_minutes=90),
            variants=(
                Variant(name="A", words={
                    "ru": Words(sms=RU + long, subject="Скидка", body="{{ offer.code }} СТОП"),
                    "en": Words(sms=EN + " {{ offer.code }}", subject="S", body="{{ link }} x"),
                }),
                Variant(name="B", share=2, words={"en": Words(sms="{{ offer.code }}!")}),
            ),
        )  # fmt: skip
        one = await stage.planned(shop, plan)
        draft = await stage.found(shop, one)
        async with db.transaction(shop.runtime.pool) as tx:
            await rehearsals.ask(tx, shop.store, one, draft.version, shop.at, shop.at)
        assert await rehearsing.next_asked(shop.runtime, asyncio.Event())
        async with db.transaction(shop.runtime.pool) as tx:
            done = await rehearsals.find(tx, shop.store, one)
        assert done is not None and done.state == "done" and done.seen == people, done
        assert not await shop.rows("SELECT 1 FROM promo_code LIMIT 1")
        assert not await shop.rows("SELECT 1 FROM message LIMIT 1")
        foretold = done.result

        campaign = await stage.begin(shop, one)
        await stage.gathered(shop, campaign)
        rows = await shop.rows(
            "SELECT m.*, o.due_at FROM message m LEFT JOIN outbox o ON o.bucket = m.bucket"
            " AND o.store_id = m.store_id AND o.message_id = m.id WHERE m.campaign_id = %(id)s",
            id=campaign.id,
        )
        said = [row for row in rows if row["state"] == "waiting"]
        silent = [row for row in rows if row["state"] == "dropped"]
        assert foretold["people"] == people and foretold["queued"] == len(said)
        assert foretold["reasons"] == Counter(row["reason"] for row in silent)
        assert {"holdout", "no_consent", "no_words"} <= foretold["reasons"].keys()
        for name, column in (("variants", "variant"), ("languages", "language"),
                             ("channels", "channel")):  # fmt: skip
            counted: dict[str, Counter[str]] = {}
            for row in rows:
                what = "queued" if row["state"] == "waiting" else row["reason"]
                counted.setdefault(str(row[column]), Counter())[what] += 1
            assert foretold[name] == counted
        hours = Counter(
            row["due_at"].replace(minute=0, second=0, microsecond=0).isoformat() for row in said
        )
        assert foretold["hours"] == hours and len(hours) > 1
        assert foretold["gateways"] == Counter(str(row["gateway_id"]) for row in said)
        assert foretold["parts"] == Counter(str(row["parts"]) for row in said)
        assert len(foretold["parts"]) > 1
        spent = sum((row["cost"] or 0 for row in said), Decimal(0))
        assert Decimal(foretold["money"]["EUR"]) == spent > 0
        assert Decimal(foretold["worst"]) >= spent
        assert 0 < len(foretold["samples"]) <= 20

    play(story, span=3)


async def _priced(shop: Shop) -> None:
    """One price for most numbers, another for some."""
    lines = [Price("37529", Decimal("0.03")), Price("375290", Decimal("0.05"))]
    async with db.transaction(shop.runtime.pool) as tx:
        await prices.replace(tx, shop.store.id, shop.sms, "EUR", lines, 1, shop.at)


def test_a_rehearsal_forgets_who_is_erased(play):
    """P12: a sample is a text to a person."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 60)
        one = await stage.planned(shop)
        async with db.transaction(shop.runtime.pool) as tx:
            await rehearsals.ask(tx, shop.store, one, 1, shop.at, shop.at)
        await rehearsing.next_asked(shop.runtime, asyncio.Event())
        async with db.transaction(shop.runtime.pool) as tx:
            done = await rehearsals.find(tx, shop.store, one)
            assert done is not None
            gone, *others = [sample["contact_id"] for sample in done.result["samples"]]
            await rehearsals.forget(tx, shop.store, [gone])
            left = await rehearsals.find(tx, shop.store, one)
        assert left is not None
        assert [sample["contact_id"] for sample in left.result["samples"]] == others

    play(story)
