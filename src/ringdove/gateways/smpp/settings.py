"""What a merchant fills in for an SMPP link; forms are drawn from these lines.

Most providers need the first few only. The rest is for providers that differ: every field says what
to do when the provider's letter does not mention it.
"""

from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from ringdove.gateways.edge import written_sender

SENDER_DIGITS_MAX: Final = 20  # SMPP 3.4 §5.2.8: a provider's own numbers may be longer than E.164
ERRORS_MAX: Final = 100
"""So many numbers of an error list; there are not more errors in the standard."""


def _numbers(told: Any) -> Any:
    """`0x0B, 12` as a person types it, or the same numbers in a list."""
    if isinstance(told, str):
        told = told.replace(",", " ").replace(";", " ").split()
    if not isinstance(told, list | tuple):
        return told
    return [int(one, 0) if isinstance(one, str) else one for one in told]


Errors: TypeAlias = Annotated[
    tuple[Annotated[int, Field(ge=1, le=0xFFFFFFFF)], ...],
    BeforeValidator(_numbers),
    Field(max_length=ERRORS_MAX),
]
"""command_status numbers."""


class Settings(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    host: str = Field(
        min_length=1,
        max_length=253,
        pattern=r"^[^\s/@]+$",  # a name or an address, not a URL: nobody would ever answer there
        title="Server",
        description="Name or address of the provider's SMPP server.",
    )
    port: int = Field(
        2775, ge=1, le=65535, title="Port", description="2775 unless the provider says otherwise."
    )
    tls: bool = Field(
        False, title="Encrypted (TLS)", description="Switch on if the provider gave a TLS port."
    )
    system_id: str = Field(
        min_length=1, max_length=64, title="System ID", description="Your login at the provider."
    )
    password: SecretStr = Field(
        SecretStr(""), max_length=64, title="Password", description="Kept sealed, never shown."
    )
    system_type: str = Field(
        "",
        max_length=12,
        title="System type",
        description="Leave empty unless the provider names one; a wrong one is refused like a"
        " wrong password.",
    )
    sender: str = Field(
        "",
        max_length=20,
        title="Sender",
        description="What the phone shows: a number that can receive answers, or up to 11 letters"
        " that cannot.",
    )
    throughput_per_s: float = Field(
        10,
        gt=0,
        le=100_000,
        title="Messages per second",
        description="What the provider allows for the account; parts of a long text count each.",
    )
    window: int = Field(
        10,
        ge=1,
        le=5_000,
        title="Window",
        description="How many submits may wait for their answer at once on one connection.",
    )
    binds: int = Field(
        1,
        ge=1,
        le=16,
        title="Connections",
        description="How many connections the provider allows at the same time. They share the"
        " messages per second.",
    )
    bind_as: Literal["transceiver", "pair"] = Field(
        "transceiver",
        title="Kind of connection",
        description="pair: one connection for sending and one for receiving, for providers that"
        " know no transceiver.",
    )
    keep_packets: bool = Field(
        True,
        title="Keep packets",
        description="Shows on a message's page what was said and heard of it, octet by octet. Not"
        " kept above 200 messages per second.",
    )
    repeat_unknown: bool = Field(
        False,
        title="Repeat when in doubt",
        description="Service texts whose answer was lost are sent again: they may arrive twice."
        " Safe where the provider guards against doubles. Marketing is never repeated.",
    )
    enquire_link_s: float = Field(
        30,
        ge=1,
        le=3600,
        title="Link check, seconds",
        description="After so much silence the link is tested.",
    )
    response_timeout_s: float = Field(
        30,
        ge=1,
        le=600,
        title="Answer time-out, seconds",
        description="Without an answer by then the outcome of a message is unknown.",
    )
    source_ton: int | None = Field(
        None, ge=0, le=7, title="Sender TON", description="Empty: chosen by the kind of sender."
    )
    source_npi: int | None = Field(
        None, ge=0, le=18, title="Sender NPI", description="Empty: chosen by the kind of sender."
    )
    dest_ton: int = Field(
        1, ge=0, le=7, title="Recipient TON", description="1: an international number."
    )
    dest_npi: int = Field(
        1, ge=0, le=18, title="Recipient NPI", description="1: an ordinary telephone number."
    )
    default_alphabet: Literal["gsm", "latin1", "ascii", "latin1_coding3"] = Field(
        "gsm",
        title="Default alphabet",
        description="What the provider takes data_coding 0 for. Wrong: @ and é arrive as others."
        " latin1_coding3 says Latin-1 in so many words, with data_coding 3.",
    )
    long_texts: Literal["udh", "udh16", "sar", "payload"] = Field(
        "udh",
        title="Long texts",
        description="How parts are marked so that the phone joins them; udh is understood almost"
        " everywhere.",
    )
    shift: Literal[
        "", "tr", "es", "pt", "bn", "gu", "hi", "kn", "ml", "or", "pa", "ta", "te", "ur"
    ] = Field(
        "",
        title="National letters",
        description="A language whose letters go without UCS-2, by its national tables (GSM 03.38)."
        " Only where the provider and the phones of your country know them.",
    )
    id_rule: Literal[
        "learn",
        "exact",
        "ignore_case",
        "strip_zeros",
        "strip_zeros_ignore_case",
        "hex_to_dec",
        "dec_to_hex",
    ] = Field(
        "learn",
        title="Message ids in receipts",
        description="How an id in a receipt is written other than in the answer to the submit:"
        " hex_to_dec when the answer has hexadecimal and the receipt decimal. learn: seen from"
        " the first receipts.",
    )
    validity: Literal["absolute", "relative", "none"] = Field(
        "absolute",
        title="Validity period",
        description="How the provider is told until when a text may be delivered. relative: for"
        " providers whose clock is not ours; none: for those who refuse it.",
    )
    registered_delivery: Literal["all", "failures", "none"] = Field(
        "all",
        title="Receipts",
        description="Which receipts are asked for. Without them nobody knows what arrived.",
    )
    service_type: str = Field(
        "",
        max_length=5,
        pattern=r"^[!-~]*$",
        title="Service type",
        description="Leave empty unless the provider names one.",
    )
    protocol_id: int = Field(
        0, ge=0, le=255, title="Protocol ID", description="0 unless the provider says otherwise."
    )
    priority_flag: int = Field(
        0, ge=0, le=3, title="Priority", description="0 unless the provider says otherwise."
    )
    permanent_errors: Errors = Field(
        (),
        title="Errors that are final",
        description="Numbers, such as 0x0B or 1041: such a text is not tried again. They go before"
        " what the standard says.",
    )
    later_errors: Errors = Field(
        (),
        title="Errors that pass",
        description="Numbers: such a text is tried again later.",
    )
    throttle_errors: Errors = Field(
        (),
        title="Errors that mean: slower",
        description="Numbers: such a text waits a moment and goes again.",
    )

    @field_validator("sender")
    @classmethod
    def _is_a_sender(cls, value: str) -> str:
        return written_sender(value, SENDER_DIGITS_MAX)

    @model_validator(mode="after")
    def _national_letters_need_a_header(self) -> Self:
        if self.shift and self.long_texts in ("sar", "payload"):
            raise ValueError("national letters need long texts in the way udh or udh16")
        return self


def sandbox(gateway_id: int, given: dict[str, Any], port: int) -> Settings:
    """How our own sandbox SMSC is reached: only its password and pace are anybody's choice."""
    fast: dict[str, Any] = {"throughput_per_s": 2_000, "window": 200, "enquire_link_s": 60}
    # A pretend short number, so that phones can answer.
    fast |= {"id_rule": "exact", "sender": "1234"}
    there = {"host": "127.0.0.1", "port": port, "system_id": f"sandbox-{gateway_id}"}
    return Settings.model_validate(fast | given | there)
