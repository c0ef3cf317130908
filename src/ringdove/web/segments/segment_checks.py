"""What conditions name and the store has not: fields, offers and campaigns that would silently mean
nobody, and segments."""

from ringdove.kit.db import Tx
from ringdove.records.campaigns import campaigns
from ringdove.records.offers import rewards
from ringdove.records.people import own_fields
from ringdove.rules.scenes import Store
from ringdove.rules.segments import segments as trees
from ringdove.rules.segments.segments import Node


async def missing(tx: Tx, store: Store, tree: Node) -> tuple[str, str] | None:
    """The first of them: where in the tree ("": the tree itself), and what is wrong with which of
    its fields. None: it has all. Segments that it names are looked at when it is answered."""
    fields = await own_fields.of_store(tx, store)
    for at, leaf in trees.placed(tree):
        match leaf:
            case trees.OwnFieldIs(key=key) if key not in fields:
                known = ", ".join(fields) or "-"
                return at, f"key: the store keeps no field {key!r}; it has {known}."
            case trees.Offered(offer=number) if not await rewards.find(tx, store.id, number):
                return at, f"offer: no offer has the number {number}."
            case trees.Texts(campaign=int(number)) if not await campaigns.find(
                tx, store.id, number
            ):
                return at, f"campaign: no campaign has the number {number}."
    return None
