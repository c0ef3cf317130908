"""Kannel's sendsms: requests, answers, receipts and texts, as its user's guide gives them."""

from dataclasses import replace
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest

from ringdove.gateways import kannel
from ringdove.gateways.edge import Call, CallWrong, ReceiptHeard, Refused, Sent, Unclear
from tests.gateways.operators import (
    CYRILLIC,
    DOOR,
    LONG,
    NOW,
    keeps_secrets,
    never_raises,
    outgoing,
    refuses,
    reply,
)

WORD = "a-word-of-ours"
PASSWORD = "pass-0123456789"
ITS = kannel.Settings(
    url="http://127.0.0.1:13013/cgi-bin/sendsms", username="desk", password=PASSWORD,
    callback_secret=WORD,
)  # fmt: skip
REFERENCE = outgoing().reference


def fields(made: object) -> dict[str, str]:
    query = urlsplit(made.url).query  # type: ignore[attr-defined]
    return dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True))


def filled(told: str, state: str, said: str) -> Call:
    """What Kannel opens: our dlr-url with its escapes filled in."""
    url = told.replace("%d", state).replace("%A", quote(said, safe=""))
    return Call("GET", url, {}, b"", NOW)


# ------------------------------------------------------------------ sending


def test_a_text_is_one_get_with_where_receipts_go():
    """R113."""
    made = kannel.request(ITS, outgoing())
    assert made.method == "GET" and made.url.startswith(ITS.url + "?") and made.body == b""
    assert fields(made) == {
        "username": "desk", "password": PASSWORD, "from": "Linden", "to": "+375291234567",
        "coding": "0", "charset": "UTF-8", "validity": "120",
        "text": "Your order 42 is on its way & soon there", "dlr-mask": "31",
        "dlr-url": f"{DOOR}?secret={WORD}&ref={REFERENCE}&dlr=%d&said=%A",
    }  # fmt: skip


@pytest.mark.parametrize("text", [CYRILLIC, LONG, "%A + %d & = ?"])
def test_any_text_comes_out_as_it_went_in(text: str):
    made = kannel.request(ITS, outgoing(text=text, encoding="UCS-2"))
    assert (fields(made)["text"], fields(made)["coding"]) == (text, "2")
    assert " " not in made.url and "+" not in made.url


def test_without_an_address_or_a_secret_no_receipts_are_asked_for():
    bare = ITS.model_copy(update={"callback_secret": kannel.SecretStr("")})
    for its, out in ((ITS, outgoing(callback_url="")), (bare, outgoing())):
        assert not {"dlr-mask", "dlr-url"} & set(fields(kannel.request(its, out)))


def test_an_offer_that_ends_soon_is_still_given_a_minute():
    """R18."""
    assert fields(kannel.request(ITS, outgoing(not_after=NOW)))["validity"] == "1"


@pytest.mark.parametrize(
    ("status", "body", "wanted"),
    [
        (202, b"0: Accepted for delivery", Sent((REFERENCE,))),
        (202, b"3: Queued for later delivery", Sent((REFERENCE,))),
        (200, b"<html>welcome</html>", Unclear("HTTP 200 <html>welcome</html>")),
        (503, b"Temporal failure, try again later.",
         Refused("HTTP 503 Temporal failure, try again later.", "throttled")),
        (404, b"Not routable. Do not try again.",
         Refused("HTTP 404 Not routable. Do not try again.", "permanent")),
        (403, b"Authorization failed for sendsms",
         Refused("HTTP 403 Authorization failed for sendsms", "later", account=True)),
        (400, b"Empty receiver number not allowed, rejected",
         Refused("HTTP 400 Empty receiver number not allowed, rejected", "permanent")),
        (500, b"", Unclear("HTTP 500")),
    ],
)  # fmt: skip
def test_what_its_answers_mean(status: int, body: bytes, wanted: object):
    assert kannel.outcome(ITS, outgoing(), reply(status, body)) == wanted


# ------------------------------------------------------------------ hearing


@pytest.mark.parametrize(
    ("state", "said", "wanted"),
    [
        ("1", "id:1 stat:DELIVRD err:000", ("delivered", "")),
        ("2", "id:1 stat:EXPIRED err:027 text:x", ("expired", "027")),
        ("2", "", ("undeliverable", "")),
        ("4", "", ("enroute", "")),
        ("8", "ACK/", ("accepted", "")),
        ("16", "NACK/11/Invalid Destination Address",
         ("rejected", "NACK/11/Invalid Destination Address")),
        ("77", "?", ("unknown", "77 ?")),
    ],
)  # fmt: skip
def test_a_receipt_is_the_address_that_we_gave(state: str, said: str, wanted: tuple[str, str]):
    """R100, P8: it comes back as our request named it, and twice is the same."""
    told = fields(kannel.request(ITS, outgoing()))["dlr-url"]
    (receipt,) = kannel.hear(ITS, filled(told, state, said)).receipts
    assert receipt == ReceiptHeard(REFERENCE, *wanted)  # type: ignore[arg-type]


GET_URL = (
    f"{DOOR}?secret={WORD}&from={{0}}&to=%2B375296660000&id=77-ab&at=1795003200"
    "&coding={1}&charset={2}&body={3}"
)


@pytest.mark.parametrize(
    ("coding", "charset", "octets", "body"),
    [
        ("0", "UTF-8", "Stop + go €".encode(), "Stop + go €"),
        ("0", "GSM", "Così".encode(), "Così"),
        ("0", "WINDOWS-1252", "Così".encode("cp1252"), "Così"),
        ("2", "UTF-16BE", "Стоп 🕊".encode("utf-16-be"), "Стоп 🕊"),
        ("2", "UTF-8", "Стоп".encode(), "Стоп"),
        ("0", "no such", b"Hi", "Hi"),
        ("2", "UTF-16BE", b"\x04", "\ufffd"),
    ],
)
def test_a_persons_text_in_whichever_letters(coding: str, charset: str, octets: bytes, body: str):
    """R79."""
    url = GET_URL.format("375291112233", coding, charset, quote(octets, safe=""))
    heard = kannel.hear(ITS, Call("GET", url, {}, b"", NOW))
    (text,) = heard.texts
    assert (text.id, text.sender, text.recipient) == ("77-ab", "+375291112233", "+375296660000")
    assert text.body == body and text.at is not None and text.at.year == 2026
    assert heard.answer == b""  # what we answered would be sent to the person


def test_a_text_by_post_url():
    headers = {
        "x-kannel-from": "+375291112233", "x-kannel-to": "1234",
        "content-type": 'text/plain; charset="UTF-16BE"',
    }  # fmt: skip
    call = Call("POST", f"{DOOR}?secret={WORD}", headers, "Дзякуй".encode("utf-16-be"), NOW)
    (text,) = kannel.hear(ITS, call).texts
    assert (text.sender, text.recipient, text.body) == ("+375291112233", "1234", "Дзякуй")


def test_without_the_secret_nothing_is_heard():
    """P8: fails closed."""
    url = f"{DOOR}?ref={REFERENCE}&dlr=1&said="
    for wrong in (url, url + "&secret=", url + "&secret=guess"):
        assert refuses(kannel, ITS, Call("GET", wrong, {}, b"", NOW)).status == 401
    bare = ITS.model_copy(update={"callback_secret": kannel.SecretStr("")})
    assert refuses(kannel, bare, Call("GET", url + "&secret=", {}, b"", NOW)).status == 401
    nothing = replace(Call("GET", f"{DOOR}?secret={WORD}", {}, b"", NOW))
    with pytest.raises(CallWrong, match="neither"):
        kannel.hear(ITS, nothing)


def test_it_takes_anything():
    def sign(body: bytes) -> Call:
        return Call("GET", f"{DOOR}?secret={WORD}&{unquote(body.decode('latin-1'))}", {}, b"", NOW)

    never_raises(kannel, ITS, sign)


def test_secrets_are_kept():
    keeps_secrets(kannel, ITS, PASSWORD, WORD)
    for url in ("ftp://x", "kannel", "http://x/?user=a"):
        with pytest.raises(ValueError, match="address"):
            kannel.Settings(url=url, username="x")
