"""Sealing: what is personal lies encrypted under its case's own key (AES-256-GCM).

Each case has a data key, wrapped under the master key. A sealed value is bound to its
place ("table.column:natural key") as associated data, so a ciphertext that was moved to
another row or column does not open. Source: ARCHITECTURE rule 8; ADR 0007.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import lru_cache
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.db import settings
from app.errors import Refused
from app.text import Text

FORMAT = b"\x01"
NONCE = 12


class CaseKey:
    """The open data key of one case: seals and opens JSON-ready values."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, value: Any, place: str) -> bytes:
        """`value` as ciphertext that opens at `place` only."""
        return self.seal_bytes(orjson.dumps(value), place)

    def open(self, blob: bytes, place: str) -> Any:
        """The value sealed at `place`. Raises Refused("seal_broken") when it does not fit."""
        return orjson.loads(self.open_bytes(blob, place))

    def seal_bytes(self, content: bytes, place: str) -> bytes:
        """A file's bytes as ciphertext that opens at `place` only."""
        nonce = secrets.token_bytes(NONCE)
        return FORMAT + nonce + self._cipher.encrypt(nonce, content, place.encode())

    def open_bytes(self, blob: bytes, place: str) -> bytes:
        """The bytes sealed at `place`. Raises Refused("seal_broken") when they do not fit."""
        if blob[:1] != FORMAT:
            raise _broken(place)
        nonce, body = blob[1 : 1 + NONCE], blob[1 + NONCE :]
        try:
            return self._cipher.decrypt(nonce, body, place.encode())
        except InvalidTag as error:
            raise _broken(place) from error


def _master() -> bytes:
    """The installation's master key. Raises BadSetting when none is set."""
    known = settings()
    known.complete()
    return known.seal_key


def new_key() -> bytes:
    """A fresh data key, wrapped under the master key, ready to be stored with its case."""
    nonce = secrets.token_bytes(NONCE)
    return FORMAT + nonce + AESGCM(_master()).encrypt(nonce, secrets.token_bytes(32), b"case.wrapped_key")


def open_key(wrapped: bytes | None) -> CaseKey:
    """The data key of a case. Raises Refused("erased") when it was destroyed by lawful erasure."""
    if wrapped is None:
        raise Refused(
            "erased", Text("这份档案的个人信息已依法删除。", "The personal data of this file was lawfully erased.")
        )
    return _open_key(wrapped, _master())


@lru_cache(maxsize=4096)
def _open_key(wrapped: bytes, master: bytes) -> CaseKey:
    nonce, body = wrapped[1 : 1 + NONCE], wrapped[1 + NONCE :]
    return CaseKey(AESGCM(master).decrypt(nonce, body, b"case.wrapped_key"))


def blind_index(field: str, value: str) -> bytes:
    """A keyed fingerprint of `value`, equal for equal values: finds exact matches without opening any."""
    key = _subkey(_master(), f"blind:{field}")
    return hmac.digest(key, value.strip().encode(), "sha256")[:16]


def account_key() -> CaseKey:
    """The key under which lies what belongs to a person who signs in."""
    return CaseKey(_subkey(_master(), "account"))


def state_key() -> bytes:
    """The key that authenticates stored engine state."""
    return _subkey(_master(), "state")


@lru_cache(maxsize=64)
def _subkey(master: bytes, purpose: str) -> bytes:
    return hashlib.blake2b(purpose.encode(), key=master, digest_size=32).digest()


def _broken(place: str) -> Refused:
    table = place.split(":", 1)[0]
    return Refused(
        "seal_broken",
        Text(
            "这项内容打不开，可能被改动过。请告诉管理员。",
            "This content does not open; it may have been altered. Tell the administrator.",
        ),
        table=table,
    )
