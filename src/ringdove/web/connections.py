"""Connections: the shops that tell a store facts, and the gateways over which it speaks.

Only owners see settings. Secrets are sealed as they come in and never shown again; one that is
made here is shown once.
"""

from fastapi import APIRouter

router = APIRouter(prefix="/stores/{store_id}/connections", include_in_schema=False)
