"""Nine attacks by somebody who owns the database, each done four ways.

Raw: rows are changed and no more. Re-chained: the case's chain, its row, and the whole log are made to
fit again, and heads that no longer fit are signed with a key of the attacker's own. Heads dropped: the same,
but those heads are taken away, as if they were never signed. Re-signed: they are signed with the stolen
key. What still fits (an old head over an untouched beginning) is left as it is.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.db import db
from app.rules.merkle import Frontier
from app.services._log import canonical
from app.services.audit import tree
from app.services.audit.heads import Head
from app.services.audit.signing_keys import Keys

Rows = list[dict[str, Any]]
WAYS = ("raw", "re-chained", "heads dropped", "re-signed")
FIRST = ("log_anchor", "log_head", "log_node", "log_entry", "log_case", "log_state", "event", "case")
"""Tables in an order in which they can be emptied."""


@dataclass(frozen=True)
class Harm:
    """What an auditor must name: this event (or the one it was exchanged with), its place in the log, or this head."""

    case_id: int | None = None
    seq: int | None = None
    position: int | None = None
    head: int | None = None
    other: tuple[int, int] | None = None

    def is_named_by(self, breaks: list[Any]) -> bool:
        """Whether one of the breaks names it."""
        events = {one for one in ((self.case_id, self.seq), self.other) if one and one[0] is not None}
        return any(
            (one.case_id, one.seq) in events
            or (self.position is not None and one.position == self.position)
            or (self.head is not None and one.head == self.head)
            for one in breaks
        )


class Intruder:
    """The record in the attacker's hands: every row of it, and what can be made of it."""

    def __init__(self, tables: dict[str, Rows], rng: random.Random) -> None:
        self.tables = copy.deepcopy(tables)
        self.rng = rng
        place = {row["event_id"]: row["position"] for row in self.tables["log_entry"]}
        self.events = sorted(self.tables["event"], key=lambda row: place[row["id"]])
        """Events in the order of the log."""

    # --- choosing ------------------------------------------------------------------------

    def of(self, case_id: int) -> Rows:
        """A case's events."""
        return [event for event in self.events if event["case_id"] == case_id]

    def a_case(self) -> int:
        """Some case."""
        return int(self.rng.choice(self.tables["case"])["id"])

    def inner(self) -> dict[str, Any]:
        """Some event that is neither the first nor the last of its case."""
        return self.rng.choice([event for event in self.events if 1 < event["seq"] < len(self.of(event["case_id"]))])

    # --- making it fit -------------------------------------------------------------------

    def write(self, event: dict[str, Any], **data: Any) -> None:
        """Change what an event says happened."""
        body = json.loads(event["body"])
        body["data"] |= data
        event["body"] = canonical(body).decode()

    def rechain(self) -> None:
        """Number, link and hash every chain anew, bodies and columns alike; the case's row names the new end."""
        for case in self.tables["case"]:
            case["last_seq"], case["last_hash"] = 0, b""
            for event in self.of(case["id"]):
                body = json.loads(event["body"]) | {"case": case["id"], "seq": case["last_seq"] + 1}
                event["body"], event["seq"], event["prev"] = canonical(body).decode(), body["seq"], case["last_hash"]
                event["hash"] = hashlib.sha256(event["prev"] + event["body"].encode()).digest()
                case["last_seq"], case["last_hash"] = event["seq"], event["hash"]

    def relog(self) -> None:
        """Build order, leaves, nodes, reach and edge of the log from the events."""
        frontier, tables = Frontier(), self.tables
        tables["log_entry"], tables["log_node"] = [], []
        for event in self.events:
            leaf = tree.leaf_of(event["hash"], event["sealed"])
            tables["log_entry"].append({"position": frontier.size, "event_id": event["id"], "leaf": leaf})
            completed = frontier.append(leaf)
            for level, index, node in tree.kept(frontier.size, completed):
                tables["log_node"].append({"level": level, "index": index, "hash": node})
        tables["log_case"] = [{"case_id": case["id"], "seq": len(self.of(case["id"]))} for case in tables["case"]]
        tables["log_state"][0] |= {"size": frontier.size, "frontier": frontier.dump()}

    def resign(self, key: Ed25519PrivateKey | None, name: str) -> None:
        """Heads over the log as it is now: what still fits stays, the rest is signed with `key` under its `name`.

        Without a key, the rest is dropped.
        """
        leaves = [row["leaf"] for row in self.tables["log_entry"]]
        made: Rows = []
        before = b""
        for row in self.tables["log_head"]:
            size = min(row["size"], len(leaves))
            frontier = Frontier()
            for leaf in leaves[:size]:
                frontier.append(leaf)
            head = Head.read(row["body"].encode())
            new = dataclasses.replace(head, size=size, root=frontier.root(), prev=before)
            if new != head and key is None:
                break
            if new != head and key is not None:
                body = dataclasses.replace(new, key=name).body()
                row |= {"size": size, "body": body.decode(), "signature": key.sign(body)}
            before = hashlib.sha256(row["body"].encode()).digest()
            made.append(row)
        self.heads(made)

    def heads(self, kept: Rows) -> None:
        """These are all heads there ever were."""
        self.tables["log_head"] = kept
        self.tables["log_state"][0]["heads"] = len(kept)
        self.tables["log_anchor"] = [row for row in self.tables["log_anchor"] if row["n"] <= len(kept)]

    def strike(self) -> None:
        """Put it all back into the database, past every constraint, as its owner can."""
        self.tables["event"] = self.events
        overwrite(self.tables)


def overwrite(tables: dict[str, Rows]) -> None:
    """Make these rows the whole content of these tables; foreign keys are not asked."""
    sqlite = db.engine.dialect.name == "sqlite"
    with db.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys=OFF" if sqlite else "SET session_replication_role = replica")
        for name in FIRST:
            connection.execute(sa.delete(db.metadata.tables[name]))
        for name in reversed(FIRST):
            if tables[name]:
                connection.execute(sa.insert(db.metadata.tables[name]), tables[name])
        connection.commit()
        driver.execute("PRAGMA foreign_keys=ON" if sqlite else "SET session_replication_role = origin")
        driver.commit()


# --- the nine ----------------------------------------------------------------------------


def edit(hand: Intruder) -> Harm:
    """Somebody else is said to have done something else."""
    event = hand.rng.choice(hand.events)
    hand.write(event, element="t99")
    return Harm(event["case_id"], event["seq"])


def delete(hand: Intruder) -> Harm:
    """Something never happened."""
    event = hand.inner()
    position = hand.events.index(event)
    hand.events.remove(event)
    return Harm(event["case_id"], event["seq"], position)


def insert(hand: Intruder) -> Harm:
    """Something happened back then that did not."""
    after = hand.inner()
    position = hand.events.index(after) + 1
    body = json.loads(after["body"]) | {"seq": after["seq"] + 1}
    new = copy.deepcopy(after) | {
        "id": max(event["id"] for event in hand.events) + 1, "seq": len(hand.of(after["case_id"])) + 1,
        "body": canonical(body).decode(), "prev": after["hash"],
    }  # fmt: skip
    new["hash"] = hashlib.sha256(new["prev"] + new["body"].encode()).digest()
    hand.events.insert(position, new)
    return Harm(after["case_id"], new["seq"], position)


def reorder(hand: Intruder) -> Harm:
    """Two things of a case happened the other way round."""
    first = hand.inner()
    second = hand.of(first["case_id"])[first["seq"]]
    here, there = hand.events.index(first), hand.events.index(second)
    hand.events[here], hand.events[there] = second, first
    first["seq"], second["seq"] = second["seq"], first["seq"]
    return Harm(first["case_id"], second["seq"], here, other=(first["case_id"], first["seq"]))


def truncate(hand: Intruder) -> Harm:
    """The latest events never happened."""
    position = len(hand.events) - hand.rng.randint(3, 9)
    first = hand.events[position]
    del hand.events[position:]
    return Harm(first["case_id"], first["seq"], position)


def drop_head(hand: Intruder) -> Harm:
    """The last head was never signed."""
    return Harm(head=hand.tables["log_head"].pop()["n"])


def rewrite(hand: Intruder) -> Harm:
    """Everything in a case was otherwise."""
    case = hand.a_case()
    for event in hand.of(case):
        hand.write(event, element="t99")
    hand.rechain()
    return Harm(case, 1)


def swap(hand: Intruder) -> Harm:
    """What happened in one case happened in another."""
    mine = hand.inner()
    theirs = hand.rng.choice([event for event in hand.events if event["seq"] == mine["seq"] and event is not mine])
    mine["case_id"], theirs["case_id"] = theirs["case_id"], mine["case_id"]
    here, there = hand.events.index(mine), hand.events.index(theirs)
    hand.events[here], hand.events[there] = theirs, mine
    return Harm(theirs["case_id"], mine["seq"], here, other=(mine["case_id"], mine["seq"]))


ATTACKS: dict[str, Callable[[Intruder], Harm]] = {
    "edit": edit,
    "delete": delete,
    "insert back-dated": insert,
    "reorder": reorder,
    "truncate tail": truncate,
    "drop last head": drop_head,
    "rewrite whole chain without key": rewrite,
    "rewrite whole chain with stolen key": rewrite,
    "swap two cases' events": swap,
}


def attack(tables: dict[str, Rows], name: str, way: str, stolen: Keys, seed: int) -> Harm:
    """Carry out an attack on the database; returns what an auditor must name."""
    hand = Intruder(tables, random.Random(seed))
    harm = ATTACKS[name](hand)
    if way != "raw":
        hand.rechain()
        hand.relog()
        hand.heads(hand.tables["log_head"])
    if way != "raw" or "stolen" in name:
        hand.resign(None if way == "heads dropped" else _key(name, way, stolen), stolen.own)
    hand.strike()
    return harm


def _key(name: str, way: str, stolen: Keys) -> Ed25519PrivateKey:
    """The key that this attacker has."""
    own = "without key" in name or (way == "re-chained" and "stolen" not in name)
    assert stolen.signer is not None
    return Ed25519PrivateKey.generate() if own else stolen.signer


def moments(start: datetime, count: int) -> list[datetime]:
    """When heads are signed: every half minute."""
    return [start + timedelta(seconds=30 * number) for number in range(count)]
