"""A head: what the log says of itself at one moment, signed, on one line of text.

The signature is over canonical JSON. A head is also written in capitals without quotes, for
paper and QR codes; both forms say the same and can be turned into each other. Source: ADR 0014.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

import orjson

from app.services._log import canonical
from app.services.audit.signing_keys import Keys

FORMAT = "shouwang-head-1"
"""Stands in what is signed, so that no other text signed with this key can pass as a head."""

STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Head:
    """Head number `n`: at `at` (whole seconds) the log had `size` entries under `root`; `prev` is the head before."""

    n: int
    size: int
    root: bytes
    at: datetime
    prev: bytes
    key: str

    def body(self) -> bytes:
        """What is signed: canonical JSON."""
        return canonical({
            "format": FORMAT, "n": self.n, "size": self.size, "root": self.root.hex(), "at": self.at.isoformat(),
            "prev": self.prev.hex(), "key": self.key,
        })  # fmt: skip

    def hash(self) -> bytes:
        """What the next head names as the one before it."""
        return hashlib.sha256(self.body()).digest()

    @classmethod
    def read(cls, body: bytes) -> Self:
        """The head that was signed as `body`. Raises ValueError when it is no head, or not in canonical form."""
        try:
            told = orjson.loads(body)
            head = cls(
                n=told["n"], size=told["size"], root=bytes.fromhex(told["root"]), at=datetime.fromisoformat(told["at"]),
                prev=bytes.fromhex(told["prev"]), key=told["key"],
            )  # fmt: skip
            same = head.body() == body
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("this is no head") from error
        if not same:
            raise ValueError("this is no head in canonical form")
        return head


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head and the signature over its body."""

    head: Head
    signature: bytes

    def holds(self, keys: Keys) -> bool:
        """Whether a trusted key signed it."""
        return keys.holds(self.head.key, self.head.body(), self.signature)

    def line(self) -> str:
        """One line of JSON, as anchors and bundles keep it."""
        return orjson.dumps({"head": self.head.body().decode(), "signature": self.signature.hex()}).decode()

    def paper(self) -> str:
        """The same for paper: capitals, digits and a few signs, which QR codes hold most densely."""
        head = self.head
        parts = (FORMAT, head.n, head.size, head.at.strftime(STAMP), head.root.hex(), head.prev.hex() or "-", head.key,
                 base64.b32encode(self.signature).decode().rstrip("="))  # fmt: skip
        return "/".join(str(part) for part in parts).upper()

    @classmethod
    def of_line(cls, line: str) -> Self:
        """What `line` or `paper` wrote. Raises ValueError."""
        if line.upper().startswith(FORMAT.upper()):
            return cls._of_paper(line.upper())
        try:
            told = orjson.loads(line)
            return cls(Head.read(told["head"].encode()), bytes.fromhex(told["signature"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("this line holds no head") from error

    @classmethod
    def _of_paper(cls, line: str) -> Self:
        _, n, size, at, root, prev, key, signature = "".join(line.split()).split("/")
        instant = datetime.strptime(at, STAMP).replace(tzinfo=UTC)
        before = b"" if prev == "-" else bytes.fromhex(prev)
        head = Head(int(n), int(size), bytes.fromhex(root), instant, before, key.lower())
        return cls(head, base64.b32decode(signature + "=" * (-len(signature) % 8)))


def sign(head: Head, keys: Keys) -> SignedHead:
    """`head` signed with the installation's own key."""
    assert keys.signer is not None, "nothing is signed without a key"
    return SignedHead(head, keys.signer.sign(head.body()))
