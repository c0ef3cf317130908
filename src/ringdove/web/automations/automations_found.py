"""An automation of an address, and a version that is kept with its audit."""

from dataclasses import replace

from starlette.exceptions import HTTPException

from ringdove.kit.db import Tx
from ringdove.records.automations import automations
from ringdove.rules.automations.plans import Automation, Plan
from ringdove.web.views import StorePage

OWN = "own_"


def is_own(key: str) -> bool:
    """Whether a store wrote it itself."""
    return key.startswith(OWN)


async def find(tx: Tx, page: StorePage, key: str) -> Plan:
    """The automation, or no such page."""
    plan = (await automations.plans(tx, page.store.id)).newest.get(key)
    if plan is None:
        raise HTTPException(404)
    return plan


async def next_own(tx: Tx, store_id: int) -> str:
    """A key for a new one of the store's own."""
    known = (await automations.plans(tx, store_id)).versions
    numbers = [int(key[len(OWN) :]) for key in known if is_own(key) and key[len(OWN) :].isdigit()]
    return f"{OWN}{max(numbers, default=0) + 1}"


async def keep(tx: Tx, page: StorePage, key: str, wanted: Automation, before: Automation) -> bool:
    """Saves the next version with its audit; False: somebody was quicker."""
    own = replace(wanted, version=before.version + 1)
    now = page.runtime.clock()
    if not await automations.save(tx, page.store.id, key, own, now, page.user.id):
        return False
    if own.is_on != before.is_on:
        action = "automation.switched_on" if own.is_on else "automation.switched_off"
        await page.audit(tx, action, key, version=own.version)
    if own.is_gone != before.is_gone:
        action = "automation.removed" if own.is_gone else "automation.restored"
        await page.audit(tx, action, key, version=own.version)
    if (own.plan, own.steps, own.texts) != (before.plan, before.steps, before.texts):
        await page.audit(tx, "automation.changed", key, version=own.version)
    return True
