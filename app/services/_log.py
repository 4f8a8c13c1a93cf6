"""The case's record: events numbered without gaps and chained by hash, inside the business transaction.

Body: canonical JSON of ids and codes. orjson with sorted keys is byte-equal to RFC 8785 for
what is let in: no floats, ASCII keys, integers within 2^53 (checked here). Personal data goes
to `sealed`; the body carries its salted commitment. Source: ARCHITECTURE, RELIABILITY §5; ADR 0008.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from app.services._seal import CaseKey

SAFE_INTEGER = 2**53
PLAIN = frozenset({str, bool, type(None)})


def canonical(value: Mapping[str, Any]) -> bytes:
    """`value` as canonical JSON. Raises ValueError for a float, an odd key or a huge integer."""
    _check(value)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _check(value: Any) -> None:
    kind = type(value)
    if kind in PLAIN:
        return
    if kind is int and -SAFE_INTEGER <= value <= SAFE_INTEGER:
        return
    if kind is dict:
        if not all(type(key) is str and key.isascii() for key in value):
            raise ValueError("keys of an event are ASCII")
        value = value.values()
    elif kind not in (list, tuple):
        raise ValueError(f"an event holds no {kind.__name__} and no integer beyond 2^53")
    for inner in value:
        _check(inner)


def commit_to(secret: Any) -> tuple[str, dict[str, Any]]:
    """A salted commitment to `secret`, and what must be sealed to open it again."""
    salt = secrets.token_hex(16)
    return digest_of(salt, secret), {"salt": salt, "secret": secret}


def digest_of(salt: str, secret: Any) -> str:
    """The commitment that `salt` and `secret` make, shown together: what an event's body must hold."""
    return hashlib.sha256(salt.encode() + orjson.dumps(secret, option=orjson.OPT_SORT_KEYS)).hexdigest()


class Chain:
    """The end of one case's chain, growing within one transaction.

    `stands_in_for`: for whom the person acts; each of their events says so beside who they are (`data.for`).
    """

    def __init__(
        self, case_id: int, last_seq: int, last_hash: bytes, key: CaseKey, stands_in_for: int | None = None
    ) -> None:
        self.case_id = case_id
        self.seq = last_seq
        self.head = last_hash
        self.rows: list[dict[str, Any]] = []
        self._key = key
        self._for = {} if stands_in_for is None else {"for": stands_in_for}

    def append(  # noqa: PLR0913 - an event has this many sides
        self,
        kind: str,
        data: Mapping[str, Any],
        *,
        at: datetime,
        occurred_at: datetime | None = None,
        actor_id: int | None = None,
        instance_id: int | None = None,
        task_id: int | None = None,
        secret: Any = None,
    ) -> int:
        """Add one event and return its number; `secret` is sealed, `data` is not."""
        self.seq += 1
        body: dict[str, Any] = {
            "case": self.case_id,
            "seq": self.seq,
            "kind": kind,
            "at": at.isoformat(),
            "occurred": (occurred_at or at).isoformat(),
            "actor": actor_id,
            "instance": instance_id,
            "task": task_id,
            "data": {**data, **self._for} if actor_id is not None else data,
        }
        sealed = None
        if secret is not None:
            body["commitment"], opening = commit_to(secret)
            sealed = self._key.seal(opening, f"event.sealed:{self.case_id}:{self.seq}")
        text = canonical(body)
        prev, self.head = self.head, hashlib.sha256(self.head + text).digest()
        self.rows.append({
            "case_id": self.case_id, "seq": self.seq, "kind": kind, "instance_id": instance_id, "task_id": task_id,
            "actor_id": actor_id, "occurred_at": occurred_at or at, "recorded_at": at, "body": text.decode(),
            "sealed": sealed, "prev": prev, "hash": self.head,
        })  # fmt: skip
        return self.seq
