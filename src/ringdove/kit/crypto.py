"""Secrets: sealed at rest, tokens kept as hashes, passwords by argon2, webhook signatures.

Keys come from RINGDOVE_SECRETS_KEY (newest first) or from a key file that only its owner reads,
made at the first start. Losing the key loses the sealed credentials, nothing else.

It must never write a secret into a log or an error text.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

TOKEN_BYTES = 32
_HASHER = PasswordHasher()


class KeyWrong(ValueError):
    """The secrets key cannot be used; the text says what to do."""


class SealBroken(ValueError):
    """Sealed with a key that we do not have, or changed since."""


@dataclass(frozen=True, slots=True, repr=False)
class Sealer:
    """Seals small JSON documents, such as a gateway's password."""

    keys: MultiFernet

    @classmethod
    def from_settings(cls, key: str | None, key_file: Path) -> Self:
        """The keys of the setting, else of the file, which is made if there is none."""
        if key:
            return cls(_keys(key, "RINGDOVE_SECRETS_KEY"))
        return cls(_keys(_file_key(key_file), str(key_file)))

    def seal(self, document: Any) -> bytes:
        """With the newest key."""
        return self.keys.encrypt(json.dumps(document, ensure_ascii=False).encode())

    def open(self, sealed: bytes) -> Any:
        """With whichever key fits. Raises SealBroken."""
        try:
            return json.loads(self.keys.decrypt(bytes(sealed)))
        except InvalidToken:
            raise SealBroken(
                "Sealed with another secrets key: put the old key after the new one in"
                " RINGDOVE_SECRETS_KEY, or enter the credentials again."
            ) from None

    def reseal(self, sealed: bytes) -> bytes:
        """The same document under the newest key. Raises SealBroken."""
        return self.seal(self.open(sealed))


def new_key() -> str:
    """A key for RINGDOVE_SECRETS_KEY."""
    return Fernet.generate_key().decode()


def _keys(text: str, source: str) -> MultiFernet:
    try:
        return MultiFernet([Fernet(part) for part in text.replace(",", " ").split()])
    except (ValueError, binascii.Error):
        raise KeyWrong(
            f"{source} does not hold a secrets key (44 characters, from"
            " `cryptography.fernet.Fernet.generate_key()`; several by comma): correct it."
        ) from None


def _file_key(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _make_key_file(path)
    if path.stat().st_mode & 0o077:
        raise KeyWrong(f"Others can read {path}: run `chmod 600 {path}`.")
    return path.read_text(encoding="ascii")


def _make_key_file(path: Path) -> None:
    """Whole or not at all, and only by the first of two starts at once."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(new_key() + "\n")
        file.flush()
        os.fsync(descriptor)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


# ---------------------------------------------------------------- tokens and passwords


def new_token(nbytes: int = TOKEN_BYTES) -> str:
    """Random, safe in an address."""
    return secrets.token_urlsafe(nbytes)


def hash_token(token: str) -> bytes:
    """What we keep of a token. It is random and long: a fast hash does."""
    return hashlib.sha256(token.encode()).digest()


def hash_password(password: str) -> str:
    """Argon2id; takes some 50 ms on purpose: call it in a thread from async code."""
    return _HASHER.hash(password)


def verify_password(hashed: str, password: str) -> bool:
    """Whether that is the password; as slow as hashing."""
    try:
        return _HASHER.verify(hashed, password)
    except (Argon2Error, InvalidHashError):
        return False


# ---------------------------------------------------------------- signatures of webhooks


def sign(secret: str | bytes, body: bytes) -> bytes:
    """HMAC-SHA256 of a body."""
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.digest(key, body, "sha256")


def sign_hex(secret: str | bytes, body: bytes) -> str:
    """As lower-case hexadecimal."""
    return sign(secret, body).hex()


class Hasher:
    """sign_hex with one key, for who makes millions: what the key itself does to a hash is done
    once. `keyed` is Runtime.keyed."""

    def __init__(self, key: bytes) -> None:
        block = key if len(key) <= 64 else hashlib.sha256(key).digest()
        block = block.ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in block))  # RFC 2104
        self._outer = hashlib.sha256(bytes(octet ^ 0x5C for octet in block))

    def sign_hex(self, body: bytes) -> str:
        """HMAC-SHA256 of a body as lower-case hexadecimal."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(body)
        outer.update(inner.digest())
        return outer.hexdigest()

    def keyed(self, store_id: int, text: str) -> str:
        """As Runtime.keyed."""
        return self.sign_hex(f"{store_id}/{text}".encode())


def sign_base64(secret: str | bytes, body: bytes) -> str:
    """As base64, the way WooCommerce and Shopify send it."""
    return base64.b64encode(sign(secret, body)).decode()


def verify(secret: str | bytes, body: bytes, signature: str) -> bool:
    """Whether a signature, in hexadecimal or base64, belongs to this body; in constant time."""
    given = signature.strip().encode("utf-8", "replace")
    as_hex = hmac.compare_digest(sign_hex(secret, body).encode(), given.lower())
    as_base64 = hmac.compare_digest(sign_base64(secret, body).encode(), given)
    return as_hex or as_base64
