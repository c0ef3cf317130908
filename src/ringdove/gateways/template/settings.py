"""What a merchant fills in to describe an operator that has no file of its own (R113).

Everything is checked when it is saved, with a sample text: a body that would be no JSON, a name
that nobody fills in, or an expression that cannot be read is refused, with the reason.
"""

import json
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from ringdove.gateways import edge, values
from ringdove.gateways.edge import Outgoing, State
from ringdove.gateways.template import filling, places

CONTENT_TYPES: Final = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "xml": "text/xml; charset=utf-8",
    "text": "text/plain; charset=utf-8",
}
CLASSES: Final = ("permanent", "later", "throttled", "account", "stopped")
STATES: Final = get_args(State)
HEADERS_MAX, WORDS_MAX = 30, 200
NAMES: Final = frozenset(
    {"to", "from", "text", "reference", "unicode", "parts", "class", "minutes", "until",
     "callback", "user", "key", "password"}
)  # fmt: skip


class Settings(edge.Settings):
    """The form."""

    method: Literal["POST", "GET", "PUT"] = Field(
        "POST", title="Method", description="How the operator's address is called."
    )
    url: str = Field(
        max_length=2_000,
        title="Address",
        description="As the operator's guide gives it. {{ to }}, {{ from }}, {{ text }} and the"
        " others are filled in: to, from, text, reference, unicode, parts, class, minutes, until,"
        " callback, user, key, password.",
    )
    content_type: Literal["json", "form", "xml", "text"] = Field(
        "json",
        title="The body is",
        description="What is filled in is written so that it cannot break this.",
    )
    body: str = Field(
        "",
        max_length=filling.LETTERS_MAX,
        title="Body",
        description='Such as {"to": "{{ to }}", "text": "{{ text }}"}. {% if unicode %} … {% endif'
        " %} and filters (digits, base64, hex, ucs2_hex, md5, sha256, url, json, xml, raw) work"
        " too.",
        json_schema_extra={"lines": True},
    )
    headers: dict[str, str] = Field(
        {},
        title="Headers",
        description="One a line, such as Authorization = Bearer {{ key }}.",
    )
    key: SecretStr = Field(
        SecretStr(""),
        max_length=2_000,
        title="Key",
        description="Filled in as {{ key }}. Kept sealed, never shown.",
    )
    user: str = Field("", max_length=200, title="User name", description="Filled in as {{ user }}.")
    password: SecretStr = Field(
        SecretStr(""),
        max_length=2_000,
        title="Password",
        description="Filled in as {{ password }}. Kept sealed, never shown.",
    )
    success_status: str = Field(
        "200-299",
        max_length=100,
        pattern=r"^\s*\d{3}(\s*-\s*\d{3})?(\s*,\s*\d{3}(\s*-\s*\d{3})?)*\s*$",
        title="Statuses of success",
        description="HTTP statuses with which the operator says that it took the text: 200-299,"
        " or 200, 202.",
    )
    success_words: str = Field(
        "",
        max_length=places.PLACE_LETTERS_MAX,
        title="Words of success",
        description='A regular expression that a good answer holds, such as "status": ?"ok".'
        " Empty: the HTTP status alone says it.",
    )
    id_at: str = Field(
        "",
        max_length=places.PLACE_LETTERS_MAX,
        title="Where the message's id is",
        description="In the answer: a path such as messages.0.id, or a regular expression between"
        " slashes. Empty: receipts come back with our {{ reference }}.",
    )
    error_at: str = Field(
        "",
        max_length=places.PLACE_LETTERS_MAX,
        title="Where the error is",
        description="In the answer, in the same way. Where one is found, the text was not taken.",
    )
    errors: dict[str, str] = Field(
        {},
        title="What errors mean",
        description="One a line: an error or an HTTP status, then = and permanent, later,"
        " throttled, account (nothing goes until it is put right) or stopped (the recipient"
        " stopped there).",
    )
    guards_doubles: bool = Field(
        False,
        title="Knows a reference again",
        description="Only if the operator promises that the same {{ reference }} twice is sent"
        " once: service texts of unknown outcome are then asked again.",
    )
    callback_secret: SecretStr = Field(
        SecretStr(""),
        max_length=200,
        title="Callback secret",
        description="A word of your own that only the operator is told: it proves its calls.",
        json_schema_extra={"generate": True},
    )
    secret_header: str = Field(
        "",
        max_length=100,
        pattern=r"^[A-Za-z0-9-]*$",
        title="Header with the secret",
        description="Empty: the secret stands in the address as ?secret=….",
    )
    callback_answer: str = Field(
        "OK",
        max_length=500,
        title="Our answer to calls",
        description="What the operator wants to read, such as OK.",
    )
    list_at: str = Field(
        "",
        max_length=places.PLACE_LETTERS_MAX,
        title="Where a list of receipts or texts is",
        description="A path in the call's JSON; the places below are then within each of the list."
        " Empty: a call tells one.",
    )
    receipt_id: str = Field(
        "",
        max_length=places.PLACE_LETTERS_MAX,
        title="Receipt: the id",
        description="Field or path. The id that the answer named, or our reference.",
    )
    receipt_state: str = Field(
        "",
        max_length=places.PLACE_LETTERS_MAX,
        title="Receipt: the state",
        description="Field or path.",
    )
    receipt_error: str = Field(
        "",
        max_length=places.PLACE_LETTERS_MAX,
        title="Receipt: the error",
        description="Field or path; may be empty.",
    )
    states: dict[str, str] = Field(
        {},
        title="What states mean",
        description="One a line: the operator's word, then = and delivered, undeliverable,"
        " expired, rejected, failed, accepted or enroute. Common words are known.",
    )
    text_from: str = Field(
        "",
        max_length=places.PLACE_LETTERS_MAX,
        title="Answer: from",
        description="Field or path of the phone that wrote to you.",
    )
    text_to: str = Field(
        "",
        max_length=places.PLACE_LETTERS_MAX,
        title="Answer: to",
        description="Field or path of your number.",
    )
    text_body: str = Field(
        "",
        max_length=places.PLACE_LETTERS_MAX,
        title="Answer: the text",
        description="Field or path.",
    )
    text_id: str = Field(
        "",
        max_length=places.PLACE_LETTERS_MAX,
        title="Answer: the id",
        description="Field or path of the operator's own id of it; may be empty.",
    )

    @field_validator("headers", "errors", "states", mode="before")
    @classmethod
    def _from_lines(cls, value: Any) -> Any:
        """A form sends lines; a header's value may hold more of the signs that part them."""
        if not isinstance(value, str):
            return value
        lines = [line for line in value.splitlines() if line.strip()]
        pairs = [(n.strip(), v.strip()) for n, _, v in (line.partition("=") for line in lines)]
        if any(not name or not meaning for name, meaning in pairs):
            raise ValueError("write each line as name = value")
        return dict(pairs)

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        if len(headers) > HEADERS_MAX:
            raise ValueError(f"at most {HEADERS_MAX} headers")
        for name, value in headers.items():
            if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
                raise ValueError(f"{name[:40]} is no name of a header")
            filling.check(value, "header", NAMES)
        return headers

    @field_validator("errors", "states")
    @classmethod
    def _have_meanings(cls, told: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        known = CLASSES if info.field_name == "errors" else STATES
        for word, meaning in told.items():
            if meaning not in known:
                raise ValueError(f"{word[:40]} = {meaning[:40]}: write one of {', '.join(known)}")
        if len(told) > WORDS_MAX:
            raise ValueError(f"at most {WORDS_MAX} lines")
        return {word.lower(): meaning for word, meaning in told.items()}

    @field_validator(
        "id_at", "error_at", "list_at", "receipt_id", "receipt_state", "receipt_error",
        "text_from", "text_to", "text_body", "text_id",
    )  # fmt: skip
    @classmethod
    def _is_a_place(cls, place: str) -> str:
        places.check(place)
        return place

    @field_validator("success_words")
    @classmethod
    def _is_an_expression(cls, words: str) -> str:
        places.check_expression(words)
        return words

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("an address begins with https:// (or http://)")
        filling.check(url, "url", NAMES)
        return url

    @field_validator("body")
    @classmethod
    def _is_filled(cls, body: str) -> str:
        filling.check(body, "text", NAMES)
        return body

    @model_validator(mode="after")
    def _makes_a_request(self) -> "Settings":
        """As with a real text; the reason stands beside the form."""
        whole = self.filled_body(SAMPLE)
        if self.content_type == "json" and whole:
            try:
                json.loads(whole)
            except ValueError as error:
                raise ValueError(f"the body is no JSON once it is filled in: {error}") from None
        return self

    def known(self, outgoing: Outgoing) -> dict[str, Any]:
        """What is filled in, by name (NAMES)."""
        callback = outgoing.callback_url
        if not self.secret_header:
            callback = values.with_secret(callback, self.callback_secret)
        left = max(1, int((outgoing.not_after - outgoing.now).total_seconds() // 60))
        return {
            "to": outgoing.recipient,
            "from": outgoing.sender,
            "text": outgoing.text,
            "reference": outgoing.reference,
            "unicode": outgoing.encoding != "GSM-7",
            "parts": outgoing.parts,
            "class": outgoing.klass,
            "minutes": left,
            "until": outgoing.not_after.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "callback": callback,
            "user": self.user,
            "key": self.key.get_secret_value(),
            "password": self.password.get_secret_value(),
        }

    def filled_body(self, outgoing: Outgoing) -> str:
        """The body with everything in it."""
        return filling.fill(self.body, self.content_type, self.known(outgoing))


SAMPLE: Final = Outgoing(
    reference="0a1b2c3d4e5f6",
    recipient="+375291112233",
    sender="Shop",
    text='A sample "text" & more',
    encoding="GSM-7",
    parts=1,
    klass="service",
    not_after=datetime(2026, 1, 1, 14, tzinfo=UTC),
    now=datetime(2026, 1, 1, 12, tzinfo=UTC),
    callback_url="https://shop.example/in/gateways/sample",
)
