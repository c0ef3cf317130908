"""Gateways are tried on whole shops too."""

from tests.flows.conftest import play

__all__ = ["play"]
