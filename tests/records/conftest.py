"""Records are tried in the same shop as the flows."""

from tests.flows.conftest import play

__all__ = ["play"]
