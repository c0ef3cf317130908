"""`ringdove inspect callback`: what an operator over HTTP tells, read without a database."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from typing import Any

import pytest

from ringdove import inspect
from ringdove.runtime import GATEWAYS

URL = "https://desk.example/in/gateways/abc"
WORD = "a-word-of-ours"


def callback(*told: Any, gateway: str = "kannel", secret: str = WORD, **its: Any) -> list[Any]:
    lines = [one if isinstance(one, str) else json.dumps(one) for one in told]
    return list(inspect.callback(lines, gateway, secret, its))


def test_receipts_and_texts_are_shown() -> None:
    dlr = {
        "method": "GET",
        "url": f"{URL}?secret={WORD}&ref=r1&dlr=2&said=stat:EXPIRED",
        "body": "",
    }
    text = {"url": f"{URL}?secret={WORD}&from=375291112233&to=77&body=Stop", "headers": {}}
    assert callback(dlr, text) == [
        {"accepted": True, "reason": None,
         "receipts": [{"id": "r1", "state": "expired", "error": "stat:EXPIRED"}], "texts": []},
        {"accepted": True, "reason": None, "receipts": [],
         "texts": [{"from": "+375291112233", "to": "77", "text": "Stop"}]},
    ]  # fmt: skip


def test_what_is_not_authentic_is_refused_with_its_reason() -> None:
    """P8."""
    (wrong,) = callback({"method": "GET", "url": f"{URL}?secret=guess&ref=r1&dlr=1"})
    assert wrong["accepted"] is False and "secret" in wrong["reason"]
    assert (wrong["receipts"], wrong["texts"]) == ([], [])


def test_a_signed_form_of_twilio_needs_nothing_but_its_token() -> None:
    form = {"MessageSid": "SM" + "0" * 32, "MessageStatus": "delivered"}
    signed = URL + "".join(name + form[name] for name in sorted(form))
    signature = base64.b64encode(hmac.digest(WORD.encode(), signed.encode(), hashlib.sha1))
    told = {
        "method": "POST", "url": URL, "body": "&".join(f"{k}={v}" for k, v in form.items()),
        "headers": {"X-Twilio-Signature": signature.decode(),
                    "Content-Type": "application/x-www-form-urlencoded"},
    }  # fmt: skip
    for its in ({}, {"auth_token": WORD}):
        (heard,) = callback(told, gateway="twilio", secret="" if its else WORD, **its)
        assert heard["accepted"], heard
        assert heard["receipts"] == [{"id": form["MessageSid"], "state": "delivered", "error": ""}]
    as_octets = {**told, "body_base64": base64.b64encode(told["body"].encode()).decode()}
    del as_octets["body"]
    assert callback(as_octets, gateway="twilio")[0]["accepted"]


@pytest.mark.parametrize("gateway", sorted(n for n, m in GATEWAYS.items() if hasattr(m, "hear")))
def test_every_operator_answers_every_line_and_fails_closed(gateway: str) -> None:
    lines = ["{", "[]", '{"url": 5}', '{"body_base64": "?"}', '{"heard_at": "x"}', "{}"]
    lines += ['{"body": "\\ud800", "headers": {"a": 1}}', json.dumps({"body": "a=1", "url": URL})]
    for secret in ("", WORD):
        answers = callback(*lines, gateway=gateway, secret=secret)
        assert len(answers) == len(lines)
        assert all("error" in one for one in answers[:5])
        assert all(one.get("accepted") is False for one in answers[5:]), answers[5:]


def test_settings_that_cannot_be_used_are_named_without_their_values() -> None:
    with pytest.raises(inspect.LineWrong, match="url") as wrong:
        callback("{}", url="geheim")
    assert "geheim" not in str(wrong.value)
    with pytest.raises(inspect.LineWrong, match="choose one of"):
        callback("{}", gateway="smpp")


@pytest.mark.slow
def test_the_command_reads_lines_and_writes_lines() -> None:
    told = json.dumps({"method": "GET", "url": f"{URL}?secret={WORD}&ref=r1&dlr=1"})
    done = subprocess.run(
        [sys.executable, "-m", "ringdove", "inspect", "callback", "--gateway", "kannel",
         "--settings", json.dumps({"callback_secret": WORD})],
        input=told + "\n", capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["receipts"] == [{"id": "r1", "state": "delivered", "error": ""}]
