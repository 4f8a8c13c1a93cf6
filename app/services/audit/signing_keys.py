"""The key that signs heads: an Ed25519 key in a PEM file outside the database.

The file may also hold public keys that signed before it, so that old heads can still be checked
after a change of key. An auditor's machine needs public keys only. Source: ADR 0014.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.db import settings
from app.errors import Refused
from app.text import Text

BLOCK = re.compile(rb"-----BEGIN (PRIVATE|PUBLIC) KEY-----.+?-----END \1 KEY-----", re.DOTALL)
BAD_KEY = Text(
    "签名密钥文件读不出来：需要 PEM 格式的 Ed25519 密钥。",
    "The audit key file cannot be read: it must hold Ed25519 keys in PEM format.",
)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of an installation: whose signatures count, by fingerprint, and the one to sign with, if it is here."""

    trusted: Mapping[str, Ed25519PublicKey]
    signer: Ed25519PrivateKey | None = None

    @property
    def own(self) -> str:
        """The fingerprint of the signing key. Only asked where there is one."""
        assert self.signer is not None, "nothing is signed without a key"
        return fingerprint(self.signer.public_key())

    def holds(self, key: str, body: bytes, signature: bytes) -> bool:
        """Whether `signature` over `body` was made by the trusted key with fingerprint `key`."""
        if key not in self.trusted:
            return False
        try:
            self.trusted[key].verify(signature, body)
        except InvalidSignature:
            return False
        return True

    def public_pem(self) -> bytes:
        """Every trusted key, to be handed out."""
        form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return b"".join(key.public_bytes(*form) for key in self.trusted.values())


NO_KEYS = Keys({})


def fingerprint(key: Ed25519PublicKey) -> str:
    """A short name of a public key: 16 hex digits of its SHA-256."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def keys() -> Keys:
    """The keys of this installation; none when no key file is set. Raises Refused("audit_key")."""
    path = settings().audit_key
    return read(path) if path is not None and path.is_file() else NO_KEYS


def signing_keys() -> Keys:
    """As `keys`; where practice has no key yet, it makes one."""
    path = settings().audit_key
    if path is not None and settings().demo and not path.is_file():
        make(path)
    return keys()


def read(path: Path) -> Keys:
    """The keys of a PEM file. Raises Refused("audit_key")."""
    signer: Ed25519PrivateKey | None = None
    trusted: dict[str, Ed25519PublicKey] = {}
    for block in BLOCK.finditer(path.read_bytes()):
        private = _private(block[0]) if block[1] == b"PRIVATE" else None
        public = private.public_key() if private else _public(block[0])
        signer = signer or private
        trusted[fingerprint(public)] = public
    if not trusted:
        raise Refused("audit_key", BAD_KEY)
    return Keys(trusted, signer)


def _private(block: bytes) -> Ed25519PrivateKey:
    try:
        found = serialization.load_pem_private_key(block, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Refused("audit_key", BAD_KEY) from error
    if not isinstance(found, Ed25519PrivateKey):
        raise Refused("audit_key", BAD_KEY)
    return found


def _public(block: bytes) -> Ed25519PublicKey:
    try:
        found = serialization.load_pem_public_key(block)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Refused("audit_key", BAD_KEY) from error
    if not isinstance(found, Ed25519PublicKey):
        raise Refused("audit_key", BAD_KEY)
    return found


def make(path: Path) -> None:
    """Write a fresh key to `path` unless there is one; of two that try at once, the first wins."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
