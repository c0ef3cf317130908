"""What a batch of facts must know of a store's ways in, and what it changes of them.

Asked only when somebody may subscribe by it or pay with a code: most batches never come here.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg.errors import SerializationFailure

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of
from ringdove.kit.db import Tx
from ringdove.records.consent import forms
from ringdove.records.offers import codes, offer_uses, rewards
from ringdove.rules import effects, facts
from ringdove.rules.consent.confirming import asked_scopes
from ringdove.rules.consent.ways_in import WaysIn, Welcome
from ringdove.rules.offers import offers
from ringdove.rules.people import people, phones
from ringdove.rules.scenes import Scene, Store

CLOSING = (facts.OrderCancelled, facts.OrderRemoved)


async def load(tx: Tx, scene: Scene, batch: Sequence[facts.Fact]) -> None:
    """Fills scene.ways_in; people and gateways are in the scene already, their rows locked."""
    await _load_used(tx, scene, batch)
    joining = [fact for fact in batch if may_join(fact)]
    if joining:
        await _load_ways(tx, scene, joining)


async def _load_used(tx: Tx, scene: Scene, batch: Sequence[facts.Fact]) -> None:
    """What orders at hand were paid with, and what they gave back."""
    named = {code for fact in batch for code in offers.codes_of(fact)}
    if not named and not any(map(_may_close, batch)):
        return
    ways, store = scene.ways_in, scene.store
    people = {order.contact_id for order in scene.orders.values()}
    people |= {place for one in scene.contacts.values() for place in (one.id, *one.also)}
    ways.uses = await offer_uses.of_people(tx, store, people)
    named |= {use.code for use in ways.uses.values()}
    if named:
        ways.codes = await codes.find(tx, store, named)
        ids = {code.reward_id for code in ways.codes.values()}
        ids |= {use.reward_id for use in ways.uses.values()}
        ways.rewards = await rewards.of_codes(tx, store.id, ids, named)


def _may_close(fact: facts.Fact) -> bool:
    if isinstance(fact, facts.OrderChanged):
        return bool(fact.order.cancelled)
    return isinstance(fact, CLOSING)


def may_join(fact: facts.Fact) -> bool:
    """Whether somebody may begin to get texts by this fact."""
    if isinstance(fact, facts.ConsentChanged):
        return fact.change == "in"
    return isinstance(fact, (facts.SignedUp, facts.TextReceived, facts.Confirmed))


async def _load_ways(tx: Tx, scene: Scene, joining: Sequence[facts.Fact]) -> None:
    store = scene.store
    ways = WaysIn(
        forms={form.id: form for form in await forms.of_store(tx, store.id)},
        keywords=await forms.keywords(tx, store.id),
        rewards={reward.id: reward for reward in await rewards.of_store(tx, store.id)},
        codes=scene.ways_in.codes,
        uses=scene.ways_in.uses,
        number=number_of(scene),
    )
    scene.ways_in = ways
    only_texts = all(isinstance(fact, facts.TextReceived) for fact in joining)
    if not ways.forms and only_texts and not any(map(asked_scopes, scene.contacts.values())):
        return  # nobody can become a subscriber by these
    ways.welcomes = await _welcomes(tx, scene, _numbers(scene, joining))
    if not any(form.reward for form in ways.forms.values()):
        return
    some = {one.id for one in scene.contacts.values()}
    some |= {other for one in scene.contacts.values() for other in one.also}
    ways.rewarded = await rewards.rewarded(tx, store, some)
    offered = {form.reward for form in ways.forms.values()}
    for reward_id in sorted(offered & ways.rewards.keys()):
        if ways.rewards[reward_id].from_list:
            ways.free[reward_id] = await codes.keep(tx, store, reward_id, len(joining))


def number_of(scene: Scene) -> str:
    """To which people text: the sender of the first gateway that is a number."""
    for gateway in scene.ways.gateways:
        if gateway.channel == "sms" and gateway.sender.lstrip("+").isdigit():
            return gateway.sender
    return ""


def _numbers(scene: Scene, joining: Sequence[facts.Fact]) -> set[str]:
    found = {one.phone for one in scene.contacts.values() if one.phone}
    for fact in joining:
        told = (
            people.read_phone(fact.customer, scene.store.country)
            if isinstance(fact, facts.SignedUp)
            else phones.parse(getattr(fact, "sender", ""), scene.store.country)
        )
        if isinstance(told, phones.Phone):
            found.add(told.e164)
    return found


WELCOMES = """
SELECT w.* FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, hash text)
CROSS JOIN LATERAL (
  SELECT w.* FROM welcome w
  WHERE w.bucket = k.bucket AND w.store_id = %(store_id)s AND w.hash = k.hash OFFSET 0
) w
"""


async def _welcomes(tx: Tx, scene: Scene, numbers: set[str]) -> dict[str, Welcome]:
    by_hash = {hash_of(scene, phone): phone for phone in sorted(numbers)}
    keys = [{"bucket": _bucket(scene.store, phone), "hash": one} for one, phone in by_hash.items()]
    if not keys:
        return {}
    cursor = await tx.execute(WELCOMES, {"keys": db.document(keys), "store_id": scene.store.id})
    found = {}
    for row in await cursor.fetchall():
        phone = by_hash[row["hash"]]
        told = {k: v for k, v in row.items() if k not in ("bucket", "store_id", "hash")}
        found[phone] = Welcome(phone, **told)
    return found


def hash_of(scene: Scene, phone: str) -> str:
    """By what a number's welcome is found again, whoever has it then."""
    return scene.keyed(f"welcome/phone/{phone}")


def _bucket(store: Store, phone: str) -> int:
    return bucket_of(store.bucket_base, store.bucket_span, f"phone/{phone}")


# ------------------------------------------------------------------ writing

# No ON CONFLICT: two batches that welcome the same number must not both go on.
PUT_WELCOMES = """
INSERT INTO welcome
  (bucket, store_id, hash, contact_id, form_id, asked_at, welcomed_at, reward_id, given_at)
SELECT r.bucket, %(store_id)s, r.hash, r.contact_id, r.form_id, r.asked_at, r.welcomed_at,
  r.reward_id, r.given_at
FROM jsonb_populate_recordset(NULL::welcome, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
"""
CHANGE_WELCOMES = """
UPDATE welcome w SET contact_id = r.contact_id, form_id = r.form_id, asked_at = r.asked_at,
  welcomed_at = r.welcomed_at, reward_id = r.reward_id, given_at = r.given_at
FROM jsonb_populate_recordset(NULL::welcome, %(rows)s) r
WHERE w.bucket = r.bucket AND w.bucket = ANY(%(buckets)s) AND w.store_id = %(store_id)s
  AND w.hash = r.hash AND (w.given_at IS NULL OR w.given_at = r.given_at)
"""


async def write(
    tx: Tx, scene: Scene, told: list[effects.SaveWelcome], given: list[effects.GiveReward],
    used: list[effects.UseCode], counted: Iterable[effects.CountWay],
    paid: list[effects.UseOffer],
) -> None:  # fmt: skip
    """Writes what a batch changed of ways in."""
    store = scene.store
    new = {one.welcome.phone for one in told if one.is_new}
    last = {one.welcome.phone: one.welcome for one in told}
    for statement, are_new in ((PUT_WELCOMES, True), (CHANGE_WELCOMES, False)):
        rows = [
            _row(scene, one) for phone, one in sorted(last.items()) if (phone in new) == are_new
        ]
        if rows:
            buckets = sorted({row["bucket"] for row in rows})
            about = {"buckets": buckets, "store_id": store.id, "rows": db.document(rows)}
            if (await tx.execute(statement, about)).rowcount != len(rows):
                raise SerializationFailure("another batch has welcomed one of these numbers")
    await rewards.put_given(tx, store, given)
    await codes.give(tx, store, given)
    await codes.use(tx, store, used)
    await offer_uses.put(tx, store, [one.use for one in paid])
    news: dict[str, int] = {}
    for one in counted:
        news[one.name] = news.get(one.name, 0) + one.n
    bucket = bucket_of(store.bucket_base, 1, "")
    await forms.count(tx, store.id, bucket, news)


def _row(scene: Scene, one: Welcome) -> dict[str, Any]:
    return {
        "bucket": _bucket(scene.store, one.phone),
        "hash": hash_of(scene, one.phone),
        "contact_id": one.contact_id,
        "form_id": one.form_id,
        "asked_at": one.asked_at,
        "welcomed_at": one.welcomed_at,
        "reward_id": one.reward_id,
        "given_at": one.given_at,
    }
