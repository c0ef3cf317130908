"""Catch-up by REST as a conversation: what is asked, and what each answer leads to."""

import hmac
import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from ringdove.stores.edge import Caught, KeysWrong, Request, Response, StoreBusy, StoreRefused
from ringdove.stores.woocommerce import Settings, history

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
SINCE = datetime(2026, 3, 20, 11, tzinfo=UTC)
SHOP = Settings(store_url="https://shop.example/", rest_key="ck_1", rest_secret="cs_2")


def order(number: int, changed_at: datetime) -> dict[str, Any]:
    stamp = f"{changed_at:%Y-%m-%dT%H:%M:%S}"
    return {
        "id": number,
        "status": "processing",
        "date_created_gmt": "2026-03-19T10:00:00",
        "date_modified_gmt": stamp,
        "date_paid_gmt": stamp,
    }


def converse(settings: Settings, pages: list[Any]) -> tuple[list[Request], Any]:
    """Plays the shop: one response a request, the last one repeats."""
    asked = []
    talk = history(settings, SINCE, "BY", NOW)
    request = next(talk)
    while True:
        asked.append(request)
        page = pages[min(len(asked), len(pages)) - 1]
        response = (
            page if isinstance(page, Response) else Response(200, {}, json.dumps(page).encode())
        )
        try:
            request = talk.send(response)
        except StopIteration as end:
            return asked, end.value


def test_pages_are_asked_until_one_is_not_full() -> None:
    first = [order(n, SINCE + timedelta(seconds=n)) for n in range(1, 101)]
    last = [order(101, SINCE + timedelta(minutes=5)), {"id": 5}, "dirt"]
    asked, caught = converse(SHOP, [first, last])
    assert [parse_qs(urlsplit(one.url).query)["page"] for one in asked] == [["1"], ["2"]]
    query = parse_qs(urlsplit(asked[0].url).query)
    assert query["modified_after"] == ["2026-03-20T11:00:00"]
    assert query["dates_are_gmt"] == ["true"] and query["order"] == ["asc"]
    assert isinstance(caught, Caught) and not caught.more
    assert caught.seen_until == SINCE + timedelta(minutes=5)
    assert caught.unreadable == 2
    assert len(caught.facts) == 101 * 3


def test_a_long_history_comes_in_runs_and_never_stands_still() -> None:
    full = [order(n, SINCE + timedelta(seconds=n)) for n in range(1, 101)]
    asked, caught = converse(SHOP, [full])
    assert len(asked) == 20 and caught.more and caught.seen_until > SINCE
    same_second = [order(n, SINCE) for n in range(1, 101)]
    asked, caught = converse(SHOP, [same_second] * 25 + [[]])
    assert len(asked) == 26 and not caught.more


def test_keys_travel_over_https_only() -> None:
    asked, _ = converse(SHOP, [[]])
    scheme, _, keys = asked[0].headers["authorization"].partition(" ")
    assert scheme == "Basic" and b64decode(keys) == b"ck_1:cs_2"
    asked, _ = converse(SHOP.model_copy(update={"store_url": "shop.example/wp"}), [[]])
    assert asked[0].url.startswith("https://shop.example/wp/wp-json/wc/v3/orders?")
    asked, _ = converse(SHOP.model_copy(update={"store_url": "http://shop.example"}), [[]])
    assert "authorization" not in asked[0].headers and "cs_2" not in asked[0].url
    query = parse_qs(urlsplit(asked[0].url).query)
    assert query["oauth_consumer_key"] == ["ck_1"]
    assert query["oauth_signature_method"] == ["HMAC-SHA256"]
    assert query["oauth_signature"] == [signature_of(query)]


def signature_of(query: dict[str, list[str]]) -> str:
    """RFC 5849 §3.4 once more, written for this test by the letter of the text."""

    def percent(text: str) -> str:
        return quote(text, safe="-._~")

    given = {name: values[0] for name, values in query.items() if name != "oauth_signature"}
    encoded = sorted((percent(name), percent(value)) for name, value in given.items())
    parameters = "&".join(f"{name}={value}" for name, value in encoded)
    address = "http://shop.example/wp-json/wc/v3/orders"
    base = "&".join(["GET", percent(address), percent(parameters)])
    return b64encode(hmac.new(b"cs_2&", base.encode(), sha256).digest()).decode()


@pytest.mark.parametrize(
    ("response", "word"),
    [
        (Response(401, {}, b""), KeysWrong),
        (Response(403, {}, b""), KeysWrong),
        (Response(404, {}, b""), StoreRefused),
        (Response(301, {"location": "https://www.shop.example/?k=1"}, b""), StoreRefused),
        (Response(429, {}, b""), StoreBusy),
        (Response(502, {}, b"<html>"), StoreBusy),
        (Response(200, {}, b"<html>"), StoreRefused),
        (Response(200, {}, b"{}"), StoreRefused),
        (Response(418, {}, b"[]"), StoreRefused),
    ],
)
def test_every_refusal_has_its_word_and_a_sentence(response: Response, word: type) -> None:
    _, answer = converse(SHOP, [response])
    assert type(answer) is word and answer.detail.endswith(".")
    assert "k=1" not in answer.detail
