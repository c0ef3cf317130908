"""Automations: the ready recipes of a store, each with its switch, its steps and its texts.

What is changed becomes a new version; runs that have begun keep theirs. A text with a mistake in
it is never saved, and says what is wrong in words.
"""

from fastapi import APIRouter

router = APIRouter(prefix="/stores/{store_id}/automations", include_in_schema=False)
