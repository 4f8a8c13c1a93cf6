"""A piece of the record to take away: events with proofs, heads, diagrams, public key, and a verifier that needs nothing else.

A case's bundle proves each event by its audit path. A bundle from a place or a day on holds every event since,
and the right edge of the tree before them: from it the verifier grows the tree again, so that nothing
can have been left out. Bodies hold ids and codes; of what is sealed only the hash goes along. Source: ADR 0014.
"""

from __future__ import annotations

import io
import zipfile
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from app import engine
from app.db import table
from app.errors import NotFound, Refused
from app.models import Case, Definition, Event, LogEntry, LogHead, Release
from app.rules import merkle
from app.services import commands
from app.services._work import Actor
from app.services.audit import register, sequencer, signing_keys, stored_rows, tree
from app.services.audit.heads import Head, SignedHead
from app.services.audit.stored_rows import Octets
from app.settings import ROOT
from app.text import Text

CASE, EVENT, ENTRY, HEAD = table(Case), table(Event), table(LogEntry), table(LogHead)
DEFINITION, RELEASE = table(Definition), table(Release)
FORMAT = "shouwang-bundle-1"
VERIFIER = ROOT / "app" / "audit_verifier" / "verify.py"
README = """守望 Shouwang：导出的记录 / an exported piece of the record

核对 / To check:  python verify.py --anchors FILE
需要 / Needed:    Python 3.11, pip install cryptography

verify.py        核对程序，可以先读一遍 / the verifier; read it first
events.jsonl     记录，一行一条 / events, one a line
heads.jsonl      日志的签名 / signed heads of the log
definitions/     当时执行的流程图和表单 / the diagrams, forms and registers that ran
public-key.pem   公钥；指纹请向另一个单位核对 / compare its fingerprint at another office
manifest.json    包里有什么 / what is in the bundle

FILE 是另一个单位留存的存证，或纸上的一行。/ FILE is what another office kept, or the line from a sheet of paper.
个案的包不能证明最后一条之后没有别的记录；从某天起的包能。
A case's bundle cannot prove that nothing came after its last event; a bundle “since” a day can.
包里没有个人信息。/ There is no personal data in the bundle.
"""
NOTHING = Text("这里没有可以导出的记录。", "There is nothing to export here.")
HASHED = {
    "case": EVENT.c.case_id, "seq": EVENT.c.seq, "prev": Octets(EVENT.c.prev), "hash": Octets(EVENT.c.hash),
    "sealed": Octets(EVENT.c.sealed), "body": Octets(EVENT.c.body),
}  # fmt: skip


@dataclass(slots=True)
class Bundle:
    """A bundle being written: the snapshot it is taken from, the head that covers it, and what is in it so far."""

    connection: Connection
    zip: zipfile.ZipFile
    last: Head
    tree: merkle.Subtree
    scope: Mapping[str, Any]
    """What was asked for: a case, or since when."""
    count: int = 0
    positions: list[int] = field(default_factory=list)
    ran: set[tuple[str, str]] = field(default_factory=set)
    """(process, hash of its definition) of every step."""

    @contextmanager
    def lines(self, name: str) -> Iterator[io.BufferedWriter]:
        """A file of the bundle, to be written."""
        with self.zip.open(name, "w", force_zip64=True) as file:
            yield file  # type: ignore[misc]


def case(case_id: int, target: Path, actor: Actor) -> int:
    """Write a case's bundle to `target` (.zip); returns how many events it has. Raises NotFound, Refused.

    That `actor` takes it away stands in the register before the file is there.
    """
    with _begun(target, actor, {"case": case_id}) as bundle:
        if bundle.connection.scalar(select(CASE.c.id).where(CASE.c.id == case_id)) is None:
            raise NotFound("no_case", Text("没有这个个案。", "There is no such case."), case=case_id)
        _events(bundle, proven=True, where=EVENT.c.case_id == case_id)
        _heads(bundle, _covering(bundle))
        _finish(bundle, {"from": None})
        return bundle.count


def since(day: datetime, target: Path, actor: Actor) -> int:
    """The same with every event recorded from `day` on, and whatever stands between them in the log. Raises Refused."""
    with _begun(target, actor, {"since": day.isoformat()}) as bundle:
        found = select(func.min(ENTRY.c.position)).join(EVENT, EVENT.c.id == ENTRY.c.event_id)
        first = bundle.connection.scalar(found.where(EVENT.c.recorded_at >= day))
        if first is None or first >= bundle.last.size:
            raise Refused("nothing", NOTHING)
        _events(bundle, proven=False, where=ENTRY.c.position >= first)
        _heads(bundle, list(bundle.connection.scalars(select(HEAD.c.n).where(HEAD.c.size > first).order_by(HEAD.c.n))))
        edge = [bundle.tree(level, index).hex() for level, index in merkle.peaks_of(0, first)]
        _finish(bundle, {"from": first, "frontier": edge})
        return bundle.count


@contextmanager
def _begun(target: Path, actor: Actor, scope: Mapping[str, Any]) -> Iterator[Bundle]:
    """A bundle over the log as it stands now, under a head signed for it; no file is left behind when it fails."""
    last = sequencer.head_now().head
    draft = target.with_name(f"{target.name}.part")
    try:
        with stored_rows.snapshot() as connection, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            bundle = Bundle(connection, archive, last, tree.stored(connection), scope)
            yield bundle
        with commands.work_on(actor) as work:
            register.enter(work, "bundled", {"case": None, "since": None, **scope, "events": bundle.count})
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _events(bundle: Bundle, *, proven: bool, where: Any) -> None:
    """Write the events that are under the head, with an audit path each where they are to be proven one by one."""
    query = select(ENTRY.c.position, *HASHED.values()).join(EVENT, EVENT.c.id == ENTRY.c.event_id)
    query = query.where(where, ENTRY.c.position < bundle.last.size)
    query = query.order_by(EVENT.c.seq if proven else ENTRY.c.position)
    with bundle.lines("events.jsonl") as file:
        for rows in stored_rows.stream(bundle.connection, query):
            for position, *values in rows:
                told = {"position": position, **_plain(dict(zip(HASHED, values, strict=True)))}
                if proven:
                    bundle.positions.append(position)
                    told["path"] = [node.hex() for node in merkle.inclusion(position, bundle.last.size, bundle.tree)]
                file.write(orjson.dumps(told) + b"\n")
                _notice_definition(bundle, told["body"])
                bundle.count += 1


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    sealed = sha256(row["sealed"] or b"").hexdigest()
    return {**row, "prev": row["prev"].hex(), "hash": row["hash"].hex(), "sealed": sealed, "body": row["body"].decode()}


def _notice_definition(bundle: Bundle, body: str) -> None:
    if '"kind":"step"' in body:
        data = orjson.loads(body)["data"]
        bundle.ran.add((data["process"], data["definition"]))


def _covering(bundle: Bundle) -> list[int]:
    """The numbers of the heads that first covered each of the bundle's events, and of the last head."""
    rows = bundle.connection.execute(select(HEAD.c.n, HEAD.c.size).order_by(HEAD.c.n)).all()
    sizes = [row.size for row in rows]
    return sorted({rows[bisect_right(sizes, position)].n for position in bundle.positions} | {bundle.last.n})


def _heads(bundle: Bundle, numbers: Sequence[int]) -> None:
    """Write these heads, each with the proof that the log of the last begins with its own."""
    with bundle.lines("heads.jsonl") as file:
        for n in (number for number in numbers if number <= bundle.last.n):
            row = bundle.connection.execute(select(HEAD.c.body, HEAD.c.signature).where(HEAD.c.n == n)).one()
            signed = SignedHead(Head.read(row.body.encode()), row.signature)
            path = merkle.consistency(signed.head.size, bundle.last.size, bundle.tree) if signed.head.size else []
            told = {**orjson.loads(signed.line()), "path": [node.hex() for node in path]}
            file.write(orjson.dumps(told) + b"\n")


def _finish(bundle: Bundle, manifest: Mapping[str, Any]) -> None:
    """Write the definitions, the key, the verifier, and what all this is."""
    bundle.zip.writestr("README.txt", README)
    bundle.zip.writestr("verify.py", VERIFIER.read_bytes())
    bundle.zip.writestr("public-key.pem", signing_keys.keys().public_pem())
    whole = {"format": FORMAT, "scope": bundle.scope, "head": bundle.last.n, "events": bundle.count,
             "definitions": _definitions(bundle)}  # fmt: skip
    bundle.zip.writestr("manifest.json", orjson.dumps({**manifest, **whole}, option=orjson.OPT_INDENT_2))


def _definitions(bundle: Bundle) -> dict[str, Any]:
    """Write every release under which a step ran; returns for each definition where its diagrams lie."""
    found: dict[str, Any] = {}
    missing = set(bundle.ran)
    for release_id, release_hash in bundle.connection.execute(
        select(RELEASE.c.id, RELEASE.c.hash).order_by(RELEASE.c.id)
    ):
        if not missing:
            break
        query = select(DEFINITION.c.path, DEFINITION.c.content).where(DEFINITION.c.release_id == release_id)
        files = {row.path: row.content for row in bundle.connection.execute(query)}
        folder = f"definitions/{release_hash[:12]}"
        here = dict(_run_here(files, missing, folder))
        if here:
            for path, content in sorted(files.items()):
                bundle.zip.writestr(f"{folder}/{path}", content)
        found |= here
        missing = {ran for ran in missing if ran[1] not in found}
    return found


def _run_here(
    files: Mapping[str, bytes], wanted: set[tuple[str, str]], folder: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Those of the wanted definitions that this release holds."""
    diagrams = {path[5:-5]: content for path, content in files.items() if path.endswith(".bpmn")}
    for process, hashed in sorted(wanted):
        try:
            definition = engine.parse(diagrams, process) if process in diagrams else None
        except engine.DiagramError:  # a release that was loaded and never published may be broken
            continue
        if definition and definition.hash == hashed:
            here = {stem: f"{folder}/bpmn/{stem}.bpmn" for stem in definition.processes}
            yield hashed, {"process": process, "files": here}
