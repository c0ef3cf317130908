"""What an automation made of the carts of the last weeks: runs, texts, taps, orders, and the tenth
that it left alone; so that its numbers have what to tell. Deterministic as all of the past.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ringdove.demo.chance import Chance
from ringdove.demo.people import Person
from ringdove.demo.purchases import Shop
from ringdove.demo.rows import Keyed, Known, Rows, refusal
from ringdove.rules import languages, texts
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.consent import stop_links
from ringdove.rules.links import links

RECIPE = "cart_left"
WAITS = timedelta(hours=3)
HELD_OUT = 0.1
TAPS, BUYS_AFTER_TAP, BUYS_ALONE = 0.24, 0.3, 0.05
ORDERS_MAX = 200  # that it brings: the shop counts on from there


@dataclass
class Reminding:
    """Tells runs of the cart's reminder into rows. `next_number`: of the shop's orders."""

    rows: Rows
    shop: Shop
    keyed: Keyed
    link_key: bytes
    address: str
    next_number: int
    _chance: Chance = field(default_factory=lambda: Chance("reminding"))

    def __post_init__(self) -> None:
        self._last_number = self.next_number + ORDERS_MAX - 1

    def cart(
        self, who: Known, person: Person, fact: dict[str, Any], at: datetime, left_alone: bool
    ) -> None:  # fmt: skip
        """One cart. `left_alone`: it was emptied again before its time."""
        rows, remind_at = self.rows, at + WAITS
        if at < rows.kept_since or remind_at >= rows.now:
            return
        if self._chance.happens(HELD_OUT):
            self._keep(who, fact, at, "stopped", "holdout")
            rows.count(at, f"step/{RECIPE}//holdout")
            self._maybe_buy(who, person, BUYS_ALONE, remind_at)
            return
        rows.count(at, f"step/{RECIPE}//began")
        if left_alone:
            self._keep(who, fact, at, "stopped", "cart.changed")
            rows.count(at, f"step/{RECIPE}/pause/cart.changed")
            return
        run_id = self._keep(who, fact, at, "done", "")
        for place in ("pause", "remind"):
            rows.count(remind_at, f"step/{RECIPE}/{place}/passed")
        self._say(who, person, fact, run_id, remind_at)

    def _keep(
        self, who: Known, fact: dict[str, Any], at: datetime, state: str, reason: str
    ) -> int:  # fmt: skip
        run_id = self.rows.id_at(who.bucket, at)
        subject = f"cart/{fact['cart']}/{RECIPES[RECIPE].about}"
        place = "pause" if state == "stopped" else ""
        self.rows.put("enrollment", who.bucket, run_id, RECIPE, subject, who.id, None, 0, place,
                      state, json.dumps(fact, ensure_ascii=False), at, reason)  # fmt: skip
        return run_id

    def _say(
        self, who: Known, person: Person, fact: dict[str, Any], run_id: int, at: datetime
    ) -> None:  # fmt: skip
        rows, reason = self.rows, refusal(who, at)
        message_id = rows.id_at(who.bucket, at)
        body = "" if reason else self._words(who, fact, message_id)
        measure = texts.measure(body)
        fate: tuple[Any, ...] = ("dropped", reason, None, at, 0, 0)
        if not reason:
            fate = rows.fate(who, "sms", who.phone, at, measure.parts, message_id)
            rows.put("touch", who.bucket, who.id, message_id, at, "cart", "")
            if at >= rows.shown_since:
                rows.show(who.phone or "", "to_phone", body, at)
        cost = None if reason else rows.cost(who.phone or "", measure.parts)
        rows.put(
            "message", who.bucket, message_id, who.id, None, "sms", "marketing", "cart",
            "automation", RECIPE, run_id, rows.sms_gateway, who.phone or "", "", body,
            who.language, measure.encoding, measure.parts, at, at + timedelta(hours=12), at,
            f"automation/{RECIPE}/cart.changed", *fate, cost.amount if cost else None,
            cost.currency if cost else "", None, 0, RECIPE,
        )  # fmt: skip
        taps_at = at + self._chance.span(40, 20_000)
        if not reason and self._chance.happens(TAPS) and taps_at < rows.now:
            device = "phone" if self._chance.happens(0.93) else "desktop"
            rows.put("link_click", who.bucket, rows.id_at(who.bucket, taps_at), message_id, who.id,
                     0, taps_at, "person", device)  # fmt: skip
            who.seen(taps_at)
            self._maybe_buy(who, person, BUYS_AFTER_TAP, taps_at)

    def _maybe_buy(self, who: Known, person: Person, share: float, after: datetime) -> None:
        buys_at = after + self._chance.span(200, 40_000)
        is_late = buys_at >= self.rows.now or self.next_number > self._last_number
        if self._chance.happens(share) and not is_late:
            self.shop.order(who, person, buys_at, self.next_number)
            self.next_number += 1

    def _words(self, who: Known, fact: dict[str, Any], message_id: int) -> str:
        store = self.rows.store
        (token,) = links.tokens(store.id, [message_id], 0, self.link_key)
        values: dict[str, object] = {
            "customer": {"first_name": who.name.split()[0], "name": who.name},
            "shop": {"name": store.name, "url": store.website},
            "cart": {"items": ", ".join(line["name"] for line in fact["lines"])},
            "link": links.url_of(store, self.address, token),
            "stop_url": stop_links.url_of(
                self.address, store.id, who.id, lambda text: self.keyed(store.id, text)
            ),
        }
        return texts.render(languages.phrases(who.language)["recipes"][RECIPE]["sms"], values)
