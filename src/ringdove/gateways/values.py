"""What several operators over HTTP share beyond edge.py: signatures, sums of money, validity.

Secrets are compared in constant time (hmac.compare_digest), and what has no secret or no signature
does not fit. A function that is given an operator's octets takes anything at all; none raises but
CallWrong.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from pydantic import SecretStr

from ringdove.gateways.edge import (
    FIELDS_MAX,
    Call,
    CallWrong,
    Outgoing,
    Refused,
    Reply,
    Unclear,
    at,
    by_status,
    demand_secret,
    moment,
    reason,
    tree,
    word,
)

SIGNATURE_AGE_MAX: Final = timedelta(minutes=10)  # their clock, ours, and the way between
_STOPPED = re.compile(r"(?<![a-z])(opted[ _-]?out|unsubscribed)(?![a-z])", re.I)
_PERMANENT: Final = {400, 406, 409, 410, 411, 413, 414, 415, 422}
_ACCOUNT: Final = {402, 403, 404, 405}  # money, rights, a wrong account in the address


# ------------------------------------------------------------------ requests


def seconds_left(outgoing: Outgoing, least: int, most: int) -> int:
    """How long the operator may try, within what it takes."""
    left = int((outgoing.not_after - outgoing.now).total_seconds())
    return min(max(left, least), most)


def json_body(value: Any) -> bytes:
    """As octets; letters of all scripts as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def basic(user: str, password: SecretStr) -> str:
    """HTTP Basic (RFC 7617)."""
    pair = f"{user}:{password.get_secret_value()}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def segment(id_: str) -> str:
    """An operator's id as one step of an address."""
    return quote(id_, safe="")


# ------------------------------------------------------------------ replies


def refused(reply: Reply, outgoing: Outgoing, *said: Any) -> Refused | Unclear:
    """What an answer without success means where the operator's code does not say it."""
    why = reason(f"HTTP {reply.status}", *said)
    if reply.status in _PERMANENT:
        return Refused(why, "permanent", opted_out=is_stopped(why))
    if reply.status in _ACCOUNT:
        return Refused(why, "later", account=True)
    return by_status(reply, outgoing.now, reason(*said)) or Unclear(why)


def is_stopped(words: str) -> bool:
    """The operator says in words that the recipient stopped us there."""
    return bool(_STOPPED.search(words))


def price(amount: Any, currency: Any, times: Any = 1) -> str:
    """`0.0075 USD`; empty where it is no sum. Some write what is paid as less than nothing."""
    try:
        total = abs(Decimal(word(amount).strip())) * max(int(word(times) or 1), 1)
    except (InvalidOperation, ValueError, ArithmeticError):
        return ""
    if not total.is_finite() or total.adjusted() > 9 or total.as_tuple().exponent < -12:  # type: ignore[operator]
        return ""
    return f"{total:f} {word(currency, 3).upper()}".strip()


# ------------------------------------------------------------------ signatures


def pairs(encoded: bytes | str) -> list[tuple[str, str]]:
    """All fields of a form or a query, each as often as it stands there: for signatures."""
    words = encoded.decode("utf-8", "replace") if isinstance(encoded, bytes) else encoded
    try:
        return parse_qsl(words, keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        raise CallWrong("The call has too many fields.", 400) from None


def is_form(call: Call) -> bool:
    """The body is a form, as its header says."""
    return "x-www-form-urlencoded" in call.headers.get("content-type", "").lower()


def split(url: str) -> tuple[str, str, str, str]:
    """Scheme, host, path and query of an address."""
    try:
        scheme, host, path, query, _ = urlsplit(url)
    except ValueError:
        raise CallWrong("The address of the call cannot be read.", 400) from None
    return scheme, host, path, query


def join(scheme: str, host: str, path: str, query: str = "") -> str:
    """The address again."""
    return urlunsplit((scheme, host, path, query, ""))


def octets(words: str | bytes) -> bytes:
    """UTF-8."""
    return words.encode("utf-8", "replace") if isinstance(words, str) else words


def same(one: str | bytes, other: str | bytes) -> bool:
    """Equal and not empty, in constant time."""
    left, right = octets(one), octets(other)
    return bool(left) and hmac.compare_digest(left, right)


def mac(secret: SecretStr | bytes, message: str | bytes, digest: str = "sha256") -> bytes:
    """HMAC (RFC 2104). Raises CallWrong without a secret: anybody could sign with none."""
    key = octets(secret.get_secret_value()) if isinstance(secret, SecretStr) else secret
    if not key:
        raise CallWrong("This gateway has no secret to check signatures with: enter it.")
    return hmac.digest(key, octets(message), digest)


def mac_base64(secret: SecretStr, message: str | bytes, digest: str = "sha256") -> str:
    """HMAC as most operators write it."""
    return base64.b64encode(mac(secret, message, digest)).decode()


def sha256(message: str | bytes) -> str:
    """In hex."""
    return hashlib.sha256(octets(message)).hexdigest()


def unwrapped(words: str) -> bytes:
    """What base64 holds, in its usual letters or those for addresses; nothing where it is none."""
    try:
        return base64.urlsafe_b64decode(words.encode() + b"=" * (-len(words) % 4))
    except (ValueError, binascii.Error):
        return b""


def claims(token: str, secret: SecretStr) -> dict[str, Any]:
    """What a JWT signed with HS256 says (RFC 7519). Raises CallWrong: another algorithm, above
    all "none", is no signature."""
    head, _, rest = token.strip().partition(".")
    body, _, signature = rest.partition(".")
    if at(tree(unwrapped(head)), "alg") != "HS256":
        raise CallWrong("The call is not signed with a JWT and HS256.")
    if not same(unwrapped(signature), mac(secret, f"{head}.{body}")):
        raise CallWrong("The signature does not fit: copy the signing secret again.")
    found = tree(unwrapped(body))
    if not isinstance(found, dict):
        raise CallWrong("The signature says nothing.")
    return found


def demand_fresh(call: Call, signed_at: Any) -> None:
    """Raises CallWrong for a signature that is too old or of a time to come: a call that somebody
    caught on its way must not be believed for ever."""
    if call.now is None:
        return
    made = moment(signed_at)
    if made is None or abs(call.now - made) > SIGNATURE_AGE_MAX:
        raise CallWrong("The signature is too old, or the clock of this machine is wrong.")


def with_secret(url: str, secret: SecretStr) -> str:
    """Our address with the secret that edge.demand_secret looks for."""
    if not url or not secret.get_secret_value():
        return url
    return f"{url}{'&' if '?' in url else '?'}secret={quote(secret.get_secret_value(), safe='')}"


def demand_password(call: Call, secret: SecretStr) -> None:
    """Raises CallWrong without the secret, as an HTTP Basic password or in our address."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic" and secret.get_secret_value():
        given = unwrapped(token.strip()).partition(b":")[2]
        if not same(given, secret.get_secret_value()):
            raise CallWrong("The password of the call does not fit: enter it again.")
        return
    demand_secret(secret, call)
