"""Virtual phones (N11): what pretend customers received, and answers written as they would.

Nothing here reaches a real phone: writing goes to the sandbox SMSC, and an order is placed only
while the store's texts leave over the sandbox. A phone is named by one of its texts, so that no
address holds a number.
"""

from fastapi import APIRouter

router = APIRouter(prefix="/stores/{store_id}/phones", include_in_schema=False)
