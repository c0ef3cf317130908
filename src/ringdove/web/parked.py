"""Parked facts: what could not be answered, with its error, to be tried again or left (P11)."""

from fastapi import APIRouter

router = APIRouter(prefix="/stores/{store_id}/parked", include_in_schema=False)
