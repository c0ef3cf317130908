"""What every shop's file speaks with: refusals, "nothing to tell", requests and their responses.

A refusal is a value with a plain sentence that says what to do; the door turns it into an
RFC 9457 problem. No file in this folder opens a socket, reads a clock or knows the database.

    Refusal
    ├── SignatureWrong   401  not signed, signed with another secret, or too long ago
    ├── BodyUnreadable   400  not JSON, or not the JSON that was announced
    ├── FactWrong        422  JSON, but a field of one event cannot be taken
    ├── TopicUnknown     422  nobody can tell what the body is about
    └── StoreRefused     502  the shop did not let us read (only history())
        ├── KeysWrong         its REST keys are wrong or may not read
        └── StoreBusy         it is too busy or broken now: later
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel

from ringdove.rules.facts import Fact


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something was not taken, and what to do."""

    detail: str
    title: ClassVar[str] = "This cannot be taken"
    slug: ClassVar[str] = "refused"  # stable: programs may compare it
    status: ClassVar[int] = 400


@dataclass(frozen=True, slots=True)
class SignatureWrong(Refusal):
    title: ClassVar[str] = "The signature is wrong"
    slug: ClassVar[str] = "signature-wrong"
    status: ClassVar[int] = 401


@dataclass(frozen=True, slots=True)
class BodyUnreadable(Refusal):
    title: ClassVar[str] = "The body cannot be read"
    slug: ClassVar[str] = "body-unreadable"
    status: ClassVar[int] = 400


@dataclass(frozen=True, slots=True)
class FactWrong(Refusal):
    """`errors` names each event's index, its field and what is wrong with it."""

    errors: tuple[Mapping[str, Any], ...] = ()
    title: ClassVar[str] = "An event cannot be taken"
    slug: ClassVar[str] = "event-wrong"
    status: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class TopicUnknown(Refusal):
    title: ClassVar[str] = "The topic is unknown"
    slug: ClassVar[str] = "topic-unknown"
    status: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class StoreRefused(Refusal):
    title: ClassVar[str] = "The shop did not answer as it should"
    slug: ClassVar[str] = "store-refused"
    status: ClassVar[int] = 502


@dataclass(frozen=True, slots=True)
class KeysWrong(StoreRefused):
    title: ClassVar[str] = "The shop refused the REST keys"
    slug: ClassVar[str] = "keys-wrong"


@dataclass(frozen=True, slots=True)
class StoreBusy(StoreRefused):
    title: ClassVar[str] = "The shop is busy or out of order"
    slug: ClassVar[str] = "store-busy"


@dataclass(frozen=True, slots=True)
class Nothing:
    """Read and understood, and there is nothing to tell: a ping, a draft."""

    reason: str


@dataclass(frozen=True, slots=True)
class Request:
    """What history() and coupons() ask the worker to send."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """What the shop said. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Caught:
    """What a catch-up found. `more`: call again from `seen_until` at once."""

    facts: list[Fact]
    seen_until: datetime
    more: bool = False
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What became of coupons that were to be made, by code: empty, the shop knows it; else its
    words."""

    said: Mapping[str, str]


Answer = list[Fact] | Nothing | Refusal

# PostgreSQL's jsonb knows no NUL, and UTF-8 no half of a surrogate pair.
_UNSTORABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")


def clean(text: str) -> str:
    """The text on one line, without what a database cannot keep."""
    return _UNSTORABLE.sub(" ", text).strip()


def parse(body: bytes) -> Any:
    """The JSON of a body, or a BodyUnreadable. Never raises, whatever the bytes are."""
    try:
        return json.loads(body)
    except RecursionError:
        return BodyUnreadable("The JSON is nested too deeply. Send it as the shop makes it.")
    except ValueError as wrong:
        return BodyUnreadable(f"The body is not JSON ({clean(str(wrong))[:200]}). Send UTF-8 JSON.")


# ------------------------------------------------------------------ settings, plain and secret


def secret_names(model: type[BaseModel]) -> frozenset[str]:
    """The fields that are sealed at rest and never shown again."""
    return frozenset(
        name
        for name, field in model.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("secret")
    )


def divided(settings: BaseModel) -> tuple[dict[str, Any], dict[str, str]]:
    """Settings as they are kept: what anybody may read, and what is to be sealed."""
    secret = secret_names(type(settings))
    told = settings.model_dump(mode="json", exclude_defaults=True)
    plain = {name: value for name, value in told.items() if name not in secret}
    return plain, {name: value for name, value in told.items() if name in secret}


def united(
    model: type[BaseModel], plain: Mapping[str, Any], secret: Mapping[str, Any], time_zone: str
) -> Any:
    """Settings as they are used. A time zone that was left empty is the store's."""
    told = {**plain, **secret}
    if "time_zone" in model.model_fields and not told.get("time_zone"):
        told["time_zone"] = time_zone
    return model.model_validate(told)
