"""Segments: kept, counted, asked of everybody in SQL and of one in Python."""

from ringdove.kit import db
from ringdove.records import segments as records
from ringdove.rules import segments as s
from tests.flows.conftest import Shop, order


def test_smoke(play):
    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await shop.answer()
        now = shop.later(days=1)
        some = s.TREE.validate_python
        for tree in EVERY:
            n = await records.count(shop.runtime.pool, shop.store, some(tree), now)
            print(tree, n)
            async with db.transaction(shop.runtime.pool) as tx:
                page = await records.people(tx, shop.store, some(tree), now)
                assert len(page.rows) == n.people

    play(story)

R = {"at_least": 1, "at_most": 40}
S = {"within_days": 30, "until": "2026-12-01"}
G = {"categories": ["a"], "brands": ["b"], "skus": ["x"]}
EVERY = [
    {"leaf": "bought"}, {"leaf": "bought", "goods": G, "when": S, "times": R, "pieces": R, "spent": R, "channels": ["web"]},
    {"leaf": "bought", "when": S, "times": R, "pieces": R, "spent": R, "channels": ["web"]},
    {"leaf": "bought", "goods": {"categories": ["a", "b"]}, "spent": R},
    {"leaf": "bought", "goods": {"categories": ["a"]}, "when": {"within_days": 3}},
    {"leaf": "bought", "when": {"before_days": 3}},
    {"leaf": "orders", "times": R, "spent": R, "average": R, "first": S, "last": S},
    {"leaf": "visited", "goods": G, "pages": ["/a"], "when": S, "times": R, "channels": ["web"]},
    {"leaf": "visited", "goods": {"categories": ["a"]}}, {"leaf": "visited"},
    {"leaf": "visited", "goods": {"categories": ["a"]}, "when": {"within_days": 3}},
    {"leaf": "cart", "goods": G, "total": R, "hours": R}, {"leaf": "cart"},
    {"leaf": "place", "countries": ["by"], "regions": ["x"], "cities": ["Минск"]},
    {"leaf": "age", "years": R}, {"leaf": "sex", "sex": "unknown"}, {"leaf": "birthday", "in_days": R},
    {"leaf": "children", "years": R, "birthday_in_days": R, "number": R}, {"leaf": "language", "languages": ["", "ru"]},
    {"leaf": "origin", "origins": ["order"], "notes": ["x"], "when": S},
    {"leaf": "field", "key": "k", "words": ["a"], "number": R, "when": S, "in_days": R, "yes": True},
    *[{"leaf": "texts", "what": w, "campaign": c, "when": S, "times": R} for w in ("sent", "delivered", "failed", "clicked", "replied") for c in (None, 3)],
    {"leaf": "permission", "scope": "topic/x", "states": ["none"]}, {"leaf": "permission", "states": ["in"]},
    {"leaf": "reach", "channel": "sms"}, {"leaf": "offer", "offer": 3}, {"leaf": "offer", "offer": 3, "used": False},
    {"leaf": "rfm", "classes": ["new"]}, {"leaf": "due", "in_days": R}, {"leaf": "due", "category": "a", "in_days": R},
    {"leaf": "all"}, {"leaf": "any"},
]
EVERY += [{"leaf": "not", "of": one} for one in EVERY]
EVERY += [{"leaf": "all", "of": EVERY[:60]}, {"leaf": "any", "of": EVERY[:60]}]
