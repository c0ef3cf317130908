"""What would Ringdove make of this? Reads JSON lines, gives JSON lines; writes nothing anywhere.

Each edge has its reader: `webhook` for what a shop sends, `text` for what a phone will show, `pdu`
and `receipt` for what an SMSC sends, `callback` for what an operator over HTTP tells, `reply` for
what a person writes back. A line that
cannot be read is answered with its error, and the next line is read: nothing is raised.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr, ValidationError

from ringdove.gateways.edge import Call, CallWrong, Heard
from ringdove.rules import replies, texts
from ringdove.rules.policy import Topic
from ringdove.runtime import GATEWAYS, STORES
from ringdove.smpp import codec, receipts, shown, tlvs
from ringdove.smpp.pdu import Pdu, Tlv
from ringdove.stores.edge import Nothing, Refusal, united

LINE_CHARS_MAX = 20_000_000


class LineWrong(ValueError):
    """A line that is not what the reader asks for; the text says what to do."""


def webhook(
    lines: Iterable[str],
    store: str,
    secret: str,
    country: str,
    settings: Mapping[str, Any] | None = None,
) -> Iterator[dict[str, Any]]:
    """{"headers": {}, "body_base64": ""} → {"accepted", "reason", "facts"}; also
    {"heard_at": ISO time} where a signature's time is to be checked against another clock."""
    module = STORES.get(store)
    if module is None:
        raise LineWrong(f"--store {store}: choose one of {', '.join(sorted(STORES))}.")
    try:
        known = united(module.Settings, settings or {}, {"webhook_secret": secret}, "")
    except ValidationError as wrong:
        raise LineWrong(f"These settings cannot be used: {wrong}") from None
    for line in _told_lines(lines):
        if line.strip():
            yield _answered(line, lambda told: _heard(told, module, known, secret, country))


def _told_lines(lines: Iterable[str]) -> Iterator[str]:
    """Of standard input its octets: one line that is not UTF-8 must not end the reading."""
    for line in getattr(lines, "buffer", lines):
        yield line.decode("utf-8", "replace") if isinstance(line, bytes) else line


def _answered(line: str, reader: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = reader(_told(line))
    except LineWrong as wrong:
        return {"error": str(wrong)}
    except Exception as error:  # a program is asked one question a line: each has its answer
        return {"error": f"{type(error).__name__}: {error}"[:500]}
    return answer


def _told(line: str) -> dict[str, Any]:
    if len(line) > LINE_CHARS_MAX:
        raise LineWrong("The line is too long.")
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as wrong:
        raise LineWrong(f"The line is not JSON: {wrong}") from None
    if not isinstance(told, dict):
        raise LineWrong("Each line is a JSON object.")
    return told


def _heard(
    told: dict[str, Any], module: Any, settings: Any, secret: str, country: str
) -> dict[str, Any]:
    headers = _headers(told.get("headers", {}))
    body = _body(told)
    heard_at = _heard_at(told.get("heard_at"))
    refusal = module.verify(headers, body, {"webhook_secret": secret}, heard_at)
    if refusal is None:
        answer = module.read(headers, body, settings, country.upper(), heard_at)
        if isinstance(answer, Nothing):
            return {"accepted": True, "reason": answer.reason, "facts": []}
        if not isinstance(answer, Refusal):
            facts = [fact.model_dump(mode="json") for fact in answer]
            return {"accepted": True, "reason": None, "facts": facts}
        refusal = answer
    return {"accepted": False, "reason": f"{refusal.slug}: {refusal.detail}", "facts": []}


def _headers(told: Any) -> dict[str, str]:
    if not isinstance(told, dict):
        raise LineWrong('"headers" is an object of names and values.')
    return {str(name).lower(): str(value) for name, value in told.items()}


def _body(told: dict[str, Any]) -> bytes:
    text = told.get("body_base64")
    if not isinstance(text, str):
        raise LineWrong('"body_base64" is missing: the raw body in base64.')
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise LineWrong('"body_base64" is not base64.') from None


def _heard_at(told: Any) -> datetime:
    if told is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(told)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError):
        raise LineWrong('"heard_at" is an ISO time, or left out.') from None


# ------------------------------------------------------------------ what a text will be


def text(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """{"text": ""} → {"encoding", "units", "segments", "parts"}: units are septets or UTF-16 units
    of the whole text, parts the texts of its parts. With "shift" ("tr", "es" …) national tables
    may be used, as a gateway's setting allows them."""
    for line in _told_lines(lines):
        if line.strip():
            yield _answered(line, _measured)


def _measured(told: dict[str, Any]) -> dict[str, Any]:
    said, shift = told.get("text"), told.get("shift") or ""
    if not isinstance(said, str) or not isinstance(shift, str):
        raise LineWrong('"text" is missing: the text as the phone shall show it.')
    try:
        size, parts = texts.measure(said, shift), texts.split(said, shift)
    except (texts.TextTooLong, texts.ShiftUnknown) as wrong:
        raise LineWrong(f"This text cannot be sent: {wrong}") from None
    found = {"encoding": size.encoding, "units": size.units, "segments": size.parts, "parts": parts}
    return found | ({"header_octets": size.elements} if shift else {})


# ------------------------------------------------------------------ what an SMSC sends


def pdu(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """{"hex": ""} → {"command", "status", "sequence", "fields", "tlvs", "encoded"}. Octets are hex;
    `status` is the number, `status_name` its word (SMPP 3.4 §5.1.3)."""
    for line in _told_lines(lines):
        if line.strip():
            yield _answered(line, _packet)


def _packet(told: dict[str, Any]) -> dict[str, Any]:
    octets = _octets(told.get("hex"))
    decoder = codec.Decoder()
    decoder.feed(octets)
    packet = decoder.next_pdu()
    if packet is None:
        raise LineWrong(f"The packet is cut off: {len(octets)} octets are less than it announces.")
    length = int.from_bytes(octets[:4], "big")
    if length < len(octets):
        raise LineWrong(f"{len(octets) - length} octets stand behind the packet: one a line.")
    return shown.packet(packet) | {"encoded": _encoded(packet)}


def _encoded(packet: Pdu) -> str | None:
    """None: it says more than we may, such as an address of 30 digits."""
    try:
        return codec.encode(packet).hex()
    except ValueError:
        return None


def receipt(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """{"text": "", "tlvs": {}} → {"id", "state", "error", "submitted_at", "done_at"}. Parameters by
    name as `pdu` shows them, octets in hex; they win over the text. Times are the SMSC's own."""
    for line in _told_lines(lines):
        if line.strip():
            yield _answered(line, _receipt)


def _receipt(told: dict[str, Any]) -> dict[str, Any]:
    text, given = told.get("text") or "", told.get("tlvs") or {}
    if not isinstance(text, str) or not isinstance(given, dict):
        raise LineWrong('"text" is the words of a receipt, "tlvs" an object of its parameters.')
    extra = tuple(_parameter(name, value) for name, value in given.items())
    octets = text.encode("latin-1", "replace") or tlvs.find(extra, "message_payload") or b""
    found = receipts.understand(octets, extra)
    submitted_at, done_at = receipts.dates(octets)
    return {
        "id": found.provider_id or None,
        "state": found.state,
        "error": found.error,
        "submitted_at": submitted_at.isoformat() if submitted_at else None,
        "done_at": done_at.isoformat() if done_at else None,
    }


def _parameter(name: str, value: Any) -> Tlv:
    try:
        if isinstance(value, int | str) and not isinstance(value, bool):
            return tlvs.told(name, value)
    except (ValueError, OverflowError):
        pass
    raise LineWrong(f'"{name}" in "tlvs" is no parameter of SMPP, or its value says nothing.')


def _octets(text: Any) -> bytes:
    if not isinstance(text, str):
        raise LineWrong('"hex" is missing: the packet in hexadecimal.')
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise LineWrong('"hex" is not hexadecimal.') from None


# ------------------------------------------------------------------ what a person writes back

SCALE_MAX = 100


def reply(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """{"text", "awaiting": null or "rating", "scale", "language", "contests": ["WIN"]} → {"intent",
    "value"}. The value of a stop is what ends: marketing, all, pause, a topic, or the number that
    was named; of a start marketing or a topic; of a rating the score, a whole number; of an
    order_status or complaint the number that was named; of rules order or complaint; of a contest
    its word. {"topics": [{"key", "code", "names"}]} stand for those of a store."""
    for line in _told_lines(lines):
        if line.strip():
            yield _answered(line, _understood)


def _understood(told: dict[str, Any]) -> dict[str, Any]:
    text, awaiting, language = told.get("text"), told.get("awaiting"), told.get("language")
    scale = told.get("scale")
    if not isinstance(text, str):
        raise LineWrong('"text" is missing: what the person wrote.')
    if awaiting not in (None, "rating"):
        raise LineWrong('"awaiting" is null or "rating": what the person was asked before.')
    if scale is not None and (type(scale) is not int or not 2 <= scale <= SCALE_MAX):
        raise LineWrong(f'"scale" is the highest rating, a number from 2 to {SCALE_MAX}, or null.')
    if language is not None and not isinstance(language, str):
        raise LineWrong('"language" is a code such as "ru", or null when it is not known.')
    heard = replies.read(
        text,
        awaiting=awaiting,
        language=language,
        topics=_topics(told["topics"]) if told.get("topics") else replies.READY,
        contests=_contests(told.get("contests") or []),
        scale=replies.Scale(high=scale) if scale else replies.Scale(),
    )
    return {"intent": heard.intent, "value": _value(heard)}


def _value(heard: replies.Reply) -> str | int | None:
    match heard.intent:
        case "rating":
            return int(heard.value)
        case "start":
            return heard.scope.removeprefix("topic/") or "marketing"
        case "stop" | "rules":
            return heard.scope.removeprefix("topic/") or None
        case "order_status" | "complaint" | "contest":
            return heard.value or None
        case _:
            return None


def _contests(told: Any) -> list[str]:
    if not isinstance(told, list) or not all(isinstance(word, str) for word in told):
        raise LineWrong('"contests" are a list of words, such as ["WIN"].')
    return told


def _topics(told: Any) -> tuple[Topic, ...]:
    try:
        return tuple(
            Topic(str(one["key"]), dict(one.get("names", {})), str(one.get("code", "")))
            for one in told
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise LineWrong('"topics" are a list of {"key", "code", "names": {"en": ""}}.') from None


# ------------------------------------------------------------------ what an operator tells


def callback(
    lines: Iterable[str], gateway: str, secret: str = "", settings: Mapping[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """{"method", "url", "headers", "body"} → {"accepted", "reason", "receipts", "texts"}. Also
    {"body_base64"} for a body that is no text, and {"heard_at": ISO time} where a signature's age
    is to be checked. `secret` stands for each secret that `settings` do not name."""
    module = GATEWAYS.get(gateway)
    if not hasattr(module, "hear"):
        known = sorted(name for name, one in GATEWAYS.items() if hasattr(one, "hear"))
        raise LineWrong(f"--gateway {gateway}: choose one of {', '.join(known)}.")
    its = _gateway_settings(module, secret, settings or {})
    for line in _told_lines(lines):
        if line.strip():
            yield _answered(line, lambda told: _called(told, module, its))


def _gateway_settings(module: Any, secret: str, given: Mapping[str, Any]) -> Any:
    """What is only needed for sending may be left out: a call is read without it."""
    about = module.Settings.model_fields
    secrets = {name: secret for name, one in about.items() if one.annotation is SecretStr}
    told = {name: value for name, value in secrets.items() if value} | dict(given)
    try:
        return module.Settings.model_validate(told)
    except ValidationError as wrong:
        places = {str(error["loc"][0]) for error in wrong.errors() if error["loc"]}
        if places & set(given) or not places <= set(about):
            raise LineWrong(
                f"These settings cannot be used: {', '.join(sorted(places))}."
            ) from None
    sealed = {n: SecretStr(str(v)) if n in secrets else v for n, v in told.items()}
    empty = {name: SecretStr("") if name in secrets else "" for name in about}
    empty = {name: value for name, value in empty.items() if about[name].is_required()}
    return module.Settings.model_construct(**(empty | sealed))


def _called(told: dict[str, Any], module: Any, settings: Any) -> dict[str, Any]:
    url, body = told.get("url", ""), told.get("body", "")
    if not isinstance(url, str) or not isinstance(body, str):
        raise LineWrong('"url" and "body" are texts; "body_base64" is for a body that is none.')
    octets = _body(told) if "body_base64" in told else body.encode("utf-8", "surrogatepass")
    heard_at = _heard_at(told["heard_at"]) if told.get("heard_at") else None
    method = str(told.get("method") or "POST").upper()
    call = Call(method, url, _headers(told.get("headers") or {}), octets, heard_at)
    try:
        heard: Heard = module.hear(settings, call)
    except CallWrong as wrong:
        return {"accepted": False, "reason": str(wrong), "receipts": [], "texts": []}
    return {
        "accepted": True,
        "reason": None,
        "receipts": [
            {"id": one.provider_id, "state": one.state, "error": one.error}
            for one in heard.receipts
        ],
        "texts": [
            {"from": one.sender, "to": one.recipient, "text": one.body} for one in heard.texts
        ],
    }
