"""Any other operator over HTTP, described by a form: its request, answers, receipts, texts (R113).

    outcome of one request
    ├── Sent(id, or our reference)   a status and words of success, and no error
    ├── Refused(…)                   an error or status that the form gives a meaning; 401, 429 …
    └── Unclear(…)                   5xx, and whatever is neither success nor error

What is filled in cannot break out of where it stands (filling.py). Calls are proved by a secret in
our address or in a header; without one nothing is heard. Pure: no socket, no clock.
"""

import hmac
from collections.abc import Iterator
from typing import Any, Final

from ringdove.gateways import edge
from ringdove.gateways.edge import (
    Call,
    CallWrong,
    Heard,
    Outcome,
    Outgoing,
    ReceiptHeard,
    Refused,
    Reply,
    Request,
    Sent,
    State,
    TextHeard,
    Unclear,
)
from ringdove.gateways.template import filling, places
from ringdove.gateways.template.settings import CONTENT_TYPES
from ringdove.gateways.template.settings import Settings as Settings
from ringdove.smpp import receipts

TITLE: Final = "Another operator (HTTP)"
HELP: Final = (
    "Any operator with an address that takes texts: you describe its request and its answers once,"
    " from its guide, and see the request before anything is sent."
)
CHANNEL: Final = "sms"
TRANSPORT: Final = "http"
GUARDS_DOUBLES: Final = False  # Settings.guards_doubles says it for each
CALLBACKS: Final = (
    "Give the operator the address below for receipts and for answers, with ?secret= and the"
    " callback secret behind it, unless it can send the secret in a header. Where it takes the"
    " address with each text, {{ callback }} is that, secret included."
)
LISTED_MAX: Final = 1_000


# ------------------------------------------------------------------ sending


def request(settings: Settings, outgoing: Outgoing) -> Request:
    """The form, filled in. Raises ValueError for what it cannot say."""
    known = settings.known(outgoing)
    headers = {
        name: filling.fill(value, "header", known) for name, value in settings.headers.items()
    }
    body = settings.filled_body(outgoing).encode("utf-8", "replace")
    if body and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = CONTENT_TYPES[settings.content_type]
    url = filling.fill(settings.url, "url", known)
    return Request(settings.method, url, headers, body)


def outcome(settings: Settings, outgoing: Outgoing, reply: Reply) -> Outcome:
    """By the form's words first, then by what every HTTP status means."""
    said, tree = _said(reply.body), edge.tree(reply.body)
    error = places.find(settings.error_at, tree, said)
    why = edge.reason(f"HTTP {reply.status}", error)
    meaning = settings.errors.get(error.lower()) if error else None
    meaning = meaning or settings.errors.get(str(reply.status))
    if meaning:
        return _refused(meaning, why, reply, outgoing)
    if error and reply.status < 500:
        return edge.by_status(reply, outgoing.now, error) or Refused(why, "later")
    if _is_success(settings, reply.status) and places.matches(settings.success_words, said):
        id_ = places.find(settings.id_at, tree, said) if settings.id_at else outgoing.reference
        return Sent((id_,)) if id_ else Unclear("the answer names no id where the form says")
    return edge.by_status(reply, outgoing.now, error) or Unclear(why)


def _said(body: bytes) -> str:
    return body[: places.SAID_LETTERS_MAX * 4].decode("utf-8", "replace")


def _is_success(settings: Settings, status: int) -> bool:
    for some in settings.success_status.split(","):
        first, _, last = some.replace(" ", "").partition("-")
        if int(first) <= status <= int(last or first):
            return True
    return False


def _refused(meaning: str, why: str, reply: Reply, outgoing: Outgoing) -> Refused:
    if meaning == "throttled":
        pause_s = edge.retry_after_s(reply, outgoing.now)
        return Refused(why, "throttled", retry_after_s=pause_s)
    if meaning == "account":
        return Refused(why, "later", account=True)
    if meaning == "stopped":
        return Refused(why, "permanent", opted_out=True)
    return Refused(why, "permanent" if meaning == "permanent" else "later")


# ------------------------------------------------------------------ hearing


def hear(settings: Settings, call: Call) -> Heard:
    """Receipts and texts where the form says that they stand; what it does not name is left."""
    _demand_secret(settings, call)
    told, said = _told(call), _said(call.body)
    receipts_, texts = [], []
    for one in _each(settings, told):
        if receipt := _receipt(settings, one, said):
            receipts_.append(receipt)
        elif text := _text(settings, one, said):
            texts.append(text)
    answer = settings.callback_answer.encode()
    return Heard(tuple(receipts_), tuple(texts), answer=answer)


def _demand_secret(settings: Settings, call: Call) -> None:
    if not settings.secret_header:
        edge.demand_secret(settings.callback_secret, call)
        return
    wanted = settings.callback_secret.get_secret_value().encode()
    given = call.headers.get(settings.secret_header.lower(), "").encode("utf-8", "replace")
    if not wanted:
        raise CallWrong("This gateway has no callback secret: enter one, then tell the operator.")
    if not hmac.compare_digest(given.removeprefix(b"Bearer "), wanted):
        raise CallWrong("The secret in the header does not fit: enter it at the operator again.")


def _told(call: Call) -> Any:
    """JSON, or the fields of the form and of the address together."""
    tree = edge.tree(call.body)
    query = {name: value for name, value in edge.query(call).items() if name != "secret"}
    if isinstance(tree, dict):
        return {**query, **tree}
    if isinstance(tree, list):
        return tree
    return {**query, **edge.form(call)}


def _each(settings: Settings, told: Any) -> Iterator[Any]:
    found = places.branch(settings.list_at, told) if settings.list_at else told
    listed = found if isinstance(found, list) else [found]
    if len(listed) > LISTED_MAX:
        raise CallWrong(f"At most {LISTED_MAX} receipts and texts in one call.", 400)
    yield from listed


def _receipt(settings: Settings, one: Any, said: str) -> ReceiptHeard | None:
    id_ = places.find(settings.receipt_id, one, said)[: edge.WORD_LETTERS_MAX]
    word = places.find(settings.receipt_state, one, said)[: edge.WORD_LETTERS_MAX].strip()
    if not (id_ and word):
        return None
    state, error = state_of(settings, word), places.find(settings.receipt_error, one, said)
    if state == "unknown":
        error = error or word
    return ReceiptHeard(id_, state, edge.reason(error))


def state_of(settings: Settings, word: str) -> State:
    """By the form, else by what most operators mean by a word."""
    told = settings.states.get(word.lower())
    return told if told else receipts.state_of_word(word)  # type: ignore[return-value]


def _text(settings: Settings, one: Any, said: str) -> TextHeard | None:
    sender = places.find(settings.text_from, one, said)
    if not (sender and settings.text_body):
        return None
    return TextHeard(
        places.find(settings.text_id, one, said)[:200],
        edge.international(sender),
        edge.international(places.find(settings.text_to, one, said)),
        places.find(settings.text_body, one, said),
    )
