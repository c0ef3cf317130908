"""The test run of an automation on one person with a pretend clock: which steps it takes when, what
it says and what that costs (N2). Nothing is written, sent or given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from ringdove.kit import db
from ringdove.kit.buckets import Ids, bucket_of, bucket_of_id
from ringdove.kit.db import Pool, Tx
from ringdove.records import scenes, wants
from ringdove.records.people import people
from ringdove.records.scenes import Keyed
from ringdove.records.segments import pictures, segments
from ringdove.records.sending import routes
from ringdove.rules import languages
from ringdove.rules.automations import pretending
from ringdove.rules.automations.plans import Plan
from ringdove.rules.automations.pretending import Around, Pretend
from ringdove.rules.automations.rehearsing import Happened, Rehearsal, Told
from ringdove.rules.scenes import Contact, Item, Ref, Scene, Store
from ringdove.rules.segments import pictures as picture_rules

LOOKS_AHEAD = timedelta(days=400)
THEN_MAX = 20


@dataclass(frozen=True, slots=True)
class TryOut:
    """What would happen to a person. `is_sample`: they have no goods of their own to speak of.
    `why_not`: why it would not begin for them: not_meant (the journey's condition), not_begun (its
    trigger means others); "" it begins."""

    person: Contact
    began_at: datetime
    happened: Sequence[Happened]
    is_sample: bool
    why_not: str


async def try_out(
    pool: Pool, store: Store, plan: Plan, contact_id: int, at: datetime, then: Sequence[Pretend],
    ids: Ids, keyed: Keyed, address: str, link_key: bytes,
) -> TryOut | None:  # fmt: skip
    """The plan from its trigger at `at` on, with what happens then; None: nobody is there. Chance
    leaves nobody alone here. `ids` … `link_key`: as records/scenes.load has them. Raises
    ValueError for what cannot be pretended."""
    if len(then) > THEN_MAX:
        raise ValueError(f"{THEN_MAX} things at most can happen then")
    plan = Plan(plan.journey.model_copy(update={"holdout_percent": 0}), plan.own)
    async with db.transaction(pool) as tx, tx.transaction(force_rollback=True):
        person = await people.living(tx, store, contact_id)
        if person is None:
            return None
        about, is_sample = await _around(tx, store, person, at)
        told = [
            Told(person.id, fact)
            for fact in (
                *pretending.beginning(plan.journey, about, at),
                *pretending.following(plan.journey, about, at, then),
            )
        ]
        loaded = await _scene(tx, store, person, told, ids, keyed, address, link_key)

        def walk(scene: Scene) -> list[Happened]:
            return list(Rehearsal(scene, plan, at + LOOKS_AHEAD).tell(told))

        _, happened = await wants.decided(tx, loaded, walk, at, ids)
        began = any(one.what == "began" for one in happened)
        why_not = "" if began else await _why_not(tx, store, plan, person, at)
    return TryOut(person, at, happened, is_sample, why_not)


async def _around(
    tx: Tx, store: Store, person: Contact, at: datetime
) -> tuple[Around, bool]:  # fmt: skip
    """What pretended facts are about: their own newest goods, or a sample."""
    picture = await pictures.one(tx, store, person.id, {})
    bought = max(picture.purchases, key=lambda one: one.at, default=None)
    lines: Sequence[Item] = ()
    if picture.cart and picture.cart.lines:
        lines = picture.cart.lines
    elif bought and bought.lines:
        lines = bought.lines
    is_sample = not lines
    if not lines:
        language = languages.choose(person.language, person.country, store.languages)
        lines = pretending.sample_lines(language)
    return Around(store, person, lines, currency=store.currency), is_sample


async def _scene(
    tx: Tx, store: Store, person: Contact, told: Sequence[Told], ids: Ids, keyed: Keyed,
    address: str, link_key: bytes,
) -> Scene:  # fmt: skip
    scene = Scene(
        store,
        make_id=lambda key: ids.make(bucket_of(store.bucket_base, store.bucket_span, key)),
        make_id_beside=lambda row_id: ids.make(bucket_of_id(row_id)),
        keyed=lambda text: keyed(store.id, text),
        contacts={person.id: person},
        ways=await routes.load(tx, store),
        address=address,
        own_link=partial(scenes.link_of, store, address, link_key),
        known_people={person.id: person},
    )
    for kind, value in (("phone", person.phone), ("email", person.email)):
        if value:
            scene.refs[kind, value] = Ref(person.id, None)
    await scenes.load_categories(tx, scene, [one.fact for one in told])
    return scene


async def _why_not(
    tx: Tx, store: Store, plan: Plan, person: Contact, at: datetime
) -> str:  # fmt: skip
    when = plan.journey.when
    if when is None:
        return "not_begun"
    picture = await pictures.one(tx, store, person.id, await segments.trees(tx, store))
    return "not_begun" if picture_rules.holds(when, picture, at)[0] else "not_meant"
