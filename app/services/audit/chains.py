"""Events against their cases' chains: number, link, hash, columns, and what is sealed with them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag

from app.errors import Refused
from app.services import _seal
from app.services._log import digest_of
from app.services._seal import CaseKey
from app.services.audit.findings import Report

SORTED = orjson.OPT_SORT_KEYS
COMMITMENT = b'"commitment":"'
DIGITS = 64
START = (0, b"")
"""The end of a chain that has not begun."""


class Keyring:
    """The data keys of cases, opened when first needed; a case whose data was erased has none."""

    def __init__(self, wrapped: Mapping[int, bytes | None]) -> None:
        self._wrapped = wrapped
        self._open: dict[int, CaseKey | None] = {}

    def of(self, case_id: int) -> CaseKey | None:
        """The case's key. Raises InvalidTag when it is not one that the master key wrapped."""
        if case_id not in self._open:
            wrapped = self._wrapped.get(case_id)
            if wrapped is not None and wrapped[:1] != _seal.FORMAT:
                raise InvalidTag
            self._open[case_id] = None if wrapped is None else _seal.open_key(wrapped)
        return self._open[case_id]


class Chains:
    """The chains as far as they have been followed: for each case the last number and hash."""

    def __init__(self, report: Report, keyring: Keyring | None) -> None:
        self.ends: dict[int, tuple[int, bytes]] = {}
        self._report, self._keyring = report, keyring

    def check(self, event: Any, position: int | None = None) -> bytes:
        """Check the next event (stored_rows.COLUMNS) and go on from it; returns the hash that its content has.

        `position` is its place in the log, if it has one.
        """
        case_id, seq, prev, hash_, body, begin, _, sealed = event
        content = hashlib.sha256(prev + body).digest()
        wrong = self._fault(event, content)
        if wrong:
            self._report.add(wrong, case_id=case_id, seq=seq, position=position)
        elif self._keyring:
            kept = commits(case_id, seq, body, begin, sealed, self._keyring)
            self._report.sealed += bool(kept)
            if kept is False:
                self._report.add("sealed", case_id=case_id, seq=seq, position=position)
        self.ends[case_id] = seq, hash_
        return content

    def _fault(self, event: Any, content: bytes) -> str | None:
        case_id, seq, prev, hash_, body, begin, end, _sealed = event
        last, head = self.ends.get(case_id, START)
        if seq != last + 1:
            return "number"
        if prev != head:
            return "link"
        if content != hash_:
            return "hash"
        if begin is None or end is None or not (body.startswith(begin) and body.endswith(end)):
            return "column" if is_canonical(body) else "form"
        return None


def is_canonical(body: bytes) -> bool:
    """Whether `body` is JSON as this system writes it: keys in order, no spaces."""
    try:
        return orjson.dumps(orjson.loads(body), option=SORTED) == body
    except ValueError:
        return False


def commits(case_id: int, seq: int, body: bytes, begin: bytes, sealed: bytes | None, keys: Keyring) -> bool | None:
    """Whether what is sealed is what the body committed to; None where there is nothing, or its key was destroyed."""
    told = body.startswith(COMMITMENT, len(begin))
    if sealed is None or not told:
        return None if sealed is None and not told else False
    try:
        key = keys.of(case_id)
        if key is None:
            return None
        opening: dict[str, Any] = key.open(sealed, f"event.sealed:{case_id}:{seq}")
    except (InvalidTag, Refused, ValueError):
        return False
    start = len(begin) + len(COMMITMENT)
    return body[start : start + DIGITS] == digest_of(opening["salt"], opening["secret"]).encode()
