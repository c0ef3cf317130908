"""Seals, tokens, passwords, signatures."""

import base64
import hashlib
import hmac
import stat
from pathlib import Path

import pytest

from ringdove.kit import crypto


def test_a_document_comes_back_as_it_went_in(tmp_path: Path) -> None:
    sealer = crypto.Sealer.from_settings(None, tmp_path / "secrets.key")
    document = {"password": "пароль", "port": 2775, "ssl": None}
    sealed = sealer.seal(document)
    assert "пароль".encode() not in sealed
    assert sealer.open(sealed) == document
    assert sealer.open(memoryview(sealed)) == document  # type: ignore[arg-type]


def test_the_key_file_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "home" / "secrets.key"
    sealed = crypto.Sealer.from_settings("", file).seal(1)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    assert crypto.Sealer.from_settings("", file).open(sealed) == 1


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secrets.key"
    file.write_text(crypto.new_key())
    file.chmod(0o644)
    with pytest.raises(crypto.KeyWrong, match="chmod 600"):
        crypto.Sealer.from_settings("", file)


def test_keys_rotate_newest_first(tmp_path: Path) -> None:
    old, new = crypto.new_key(), crypto.new_key()
    sealed = crypto.Sealer.from_settings(old, tmp_path / "unused").seal("x")
    both = crypto.Sealer.from_settings(f"{new}, {old}", tmp_path / "unused")
    assert both.open(sealed) == "x"
    only_new = crypto.Sealer.from_settings(new, tmp_path / "unused")
    assert only_new.open(both.reseal(sealed)) == "x"
    with pytest.raises(crypto.SealBroken, match="RINGDOVE_SECRETS_KEY"):
        only_new.open(sealed)
    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize("key", ["short", "я" * 44, "=" * 44, ","])
def test_a_wrong_key_is_refused_without_being_shown(tmp_path: Path, key: str) -> None:
    with pytest.raises(crypto.KeyWrong) as refusal:
        crypto.Sealer.from_settings(key, tmp_path / "unused")
    assert "RINGDOVE_SECRETS_KEY" in str(refusal.value)
    assert len(key) < 5 or key not in str(refusal.value)


def test_a_sealer_does_not_show_its_keys(tmp_path: Path) -> None:
    key = crypto.new_key()
    assert key not in repr(crypto.Sealer.from_settings(key, tmp_path))


def test_tokens_differ_and_only_their_hash_is_kept() -> None:
    tokens = {crypto.new_token() for _ in range(100)}
    assert len(tokens) == 100
    token = tokens.pop()
    assert crypto.hash_token(token) == hashlib.sha256(token.encode()).digest()


def test_passwords() -> None:
    hashed = crypto.hash_password("длинная фраза")
    assert hashed.startswith("$argon2id$")
    assert crypto.verify_password(hashed, "длинная фраза")
    assert not crypto.verify_password(hashed, "другая")
    assert not crypto.verify_password("rubbish", "длинная фраза")


def test_signatures_in_both_spellings() -> None:
    body, secret = b'{"id":1}', "geheim"
    digest = hmac.new(b"geheim", body, hashlib.sha256).digest()
    assert crypto.verify(secret, body, digest.hex())
    assert crypto.verify(secret, body, digest.hex().upper())
    assert crypto.verify(secret, body, base64.b64encode(digest).decode())
    assert not crypto.verify(secret, body + b" ", digest.hex())
    assert not crypto.verify("other", body, digest.hex())
    for rubbish in ("", "\udcff", "жук", digest.hex()[:-1]):
        assert not crypto.verify(secret, body, rubbish)
