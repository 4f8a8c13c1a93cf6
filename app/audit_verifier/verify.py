"""守望 Shouwang: checks an exported piece of the record, without the program that wrote it and without its database.

    python verify.py [BUNDLE] [--anchors FILE] [--key FILE]

BUNDLE is the folder or .zip (by default, where this file lies). Needed: Python 3.11 and the package
`cryptography`. It reads, and writes nothing; it ends with 0 when everything holds, else with 1.

How the record is made, and so what is checked:
1. Every case has a chain of events. An event's hash is SHA-256(hash of the event before + its body).
2. All events of all cases stand in one log, a Merkle tree after RFC 6962. An event's leaf is
   SHA-256(0x00 + its hash + SHA-256(what is sealed with it)), a node SHA-256(0x01 + left + right).
3. Now and then a head is signed (Ed25519): number, size of the log, root of the tree, time, SHA-256 of the head before.
4. Heads are kept elsewhere, as anchors. Only these tell you that the bundle's key and log are the ones you know:
   get them, or the key's fingerprint, from an office other than the one that gave you the bundle.
Personal data is not in the bundle; bodies hold ids, codes and salted commitments.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
import zipfile
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

# --- RFC 6962 ----------------------------------------------------------------------------


def sha(*parts: bytes) -> bytes:
    """SHA-256 over the parts, one after the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees."""
    return sha(b"\1", left, right)


def climb(index: int, last: int, path: list[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each sibling on the way from node `index` of a row that ends at `last` up to the root; True when on the left.

    Raises ValueError when the path is not as long as the way.
    """
    for sibling in path:
        if last == 0:
            raise ValueError("the path is too long")
        while index == last and index % 2 == 0:  # a last node without a sibling rises as it is
            index, last = index // 2, last // 2
        yield sibling, index % 2 == 1
        index, last = index // 2, last // 2
    if last:
        raise ValueError("the path is too short")


def root_over(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root of a tree of `size` leaves that has `leaf` at `index` and `path` beside it."""
    if not 0 <= index < size:
        raise ValueError("there is no such place")
    for sibling, left in climb(index, size - 1, path):
        leaf = node(sibling, leaf) if left else node(leaf, sibling)
    return leaf


def grown(old: int, old_root: bytes, new: int, path: list[bytes]) -> bytes:
    """The root of the tree of `new` leaves that begins with the tree of `old` leaves under `old_root`."""
    if old == new:
        return old_root
    whole = old.bit_count() == 1
    if not (whole or path):
        raise ValueError("the path is too short")
    start, rest = (old_root, path) if whole else (path[0], path[1:])
    older = newer = start
    shift = (old & -old).bit_length() - 1
    for sibling, left in climb((old - 1) >> shift, (new - 1) >> shift, rest):
        older = node(sibling, older) if left else older
        newer = node(sibling, newer) if left else node(newer, sibling)
    if older != old_root:
        raise ValueError("the path belongs to another tree")
    return newer


class Tree:
    """A tree that grows by one leaf at a time; `peaks` are the roots of its complete subtrees, the largest first."""

    def __init__(self, size: int, peaks: list[bytes]) -> None:
        self.size, self.peaks = size, peaks
        if len(peaks) != size.bit_count():
            raise ValueError("the beginning of the tree does not fit its size")

    def add(self, leaf: bytes) -> None:
        """One more leaf."""
        level = 0
        while self.size >> level & 1:
            leaf = node(self.peaks.pop(), leaf)
            level += 1
        self.peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root as the tree stands."""
        found = self.peaks[-1] if self.peaks else sha()
        for peak in reversed(self.peaks[:-1]):
            found = node(peak, found)
        return found


# --- what is in a bundle -----------------------------------------------------------------


class Wrong(Exception):
    """Something does not hold: said in Chinese and in English."""


def need(holds: object, words: str) -> None:
    """Raises Wrong unless it holds."""
    if not holds:
        raise Wrong(words)


class Head:
    """A signed head."""

    def __init__(self, body: str, signature: str, path: list[str] | None = None) -> None:
        told = json.loads(body)
        if told["format"] != "shouwang-head-1" or canonical(told) != body:
            raise ValueError("this is no head")
        self.n, self.size, self.root = told["n"], told["size"], bytes.fromhex(told["root"])
        self.at, self.prev, self.key = told["at"], bytes.fromhex(told["prev"]), told["key"]
        self.body, self.signature = body.encode(), bytes.fromhex(signature)
        self.path = [bytes.fromhex(digest) for digest in path or []]

    @staticmethod
    def on_paper(line: str) -> "Head":
        """From a sheet of paper or its QR code."""
        form, n, size, at, root, prev, key, signature = line.lower().split("/")
        instant = datetime.strptime(at, "%Y%m%dt%H%M%Sz").replace(tzinfo=UTC)
        told = {"format": form, "n": int(n), "size": int(size), "root": root, "at": instant.isoformat(),
                "prev": "" if prev == "-" else prev, "key": key}  # fmt: skip
        padded = signature.upper() + "=" * (-len(signature) % 8)
        return Head(canonical(told), base64.b32decode(padded).hex())


def grew(old: Head, new: Head) -> bool:
    """Whether the log of `old` is how the log of `new` begins."""
    try:
        return old.size == 0 or grown(old.size, old.root, new.size, old.path) == new.root
    except ValueError:
        return False


def canonical(told: dict[str, Any]) -> str:
    """JSON with sorted keys and no spaces."""
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def keys_in(text: bytes) -> dict[str, Ed25519PublicKey]:
    """The public keys of a PEM file, by their fingerprints: 16 digits of their SHA-256."""
    found = {}
    for block in re.findall(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", text, re.DOTALL):
        key = load_pem_public_key(block)
        if isinstance(key, Ed25519PublicKey):
            found[sha(key.public_bytes_raw()).hex()[:16]] = key
    return found


class Check:
    """The whole check. Each method says what holds, or raises Wrong."""

    def __init__(self, bundle: Any, keys: dict[str, Ed25519PublicKey]) -> None:
        self.bundle, self.keys = bundle, keys
        self.manifest = json.loads(self.read("manifest.json"))
        self.heads = [Head(told["head"], told["signature"], told["path"]) for told in self.lines("heads.jsonl")]
        self.leaves: dict[int, tuple[bytes, int, int]] = {}
        """Place in the log → leaf, case, number in the case."""

    def read(self, name: str) -> bytes:
        """A file of the bundle."""
        content: bytes = self.bundle.joinpath(name).read_bytes()
        return content

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        """The JSON objects of a file, one a line."""
        with self.bundle.joinpath(name).open("rb") as file:
            yield from map(json.loads, file)

    def signed(self, head: Head) -> bool:
        """Whether a key that counts signed the head."""
        try:
            self.keys[head.key].verify(head.signature, head.body)
        except (KeyError, InvalidSignature):
            return False
        return True

    def check_heads(self) -> None:
        """Every head was signed, and the log of the last head begins with the log of each other."""
        need(self.heads, "没有签名 / there is no head")
        before, last = None, self.heads[-1]
        for head in self.heads:
            zh, en = f"第 {head.n} 次签名", f"head {head.n}"
            need(self.signed(head), f"{zh}不是这把密钥签的 / {en} was not signed with this key")
            if before:
                forwards = head.n > before.n and head.size >= before.size and head.at >= before.at
                need(forwards, f"{zh}比前一次还早 / {en} is earlier than the one before")
                follows = head.n > before.n + 1 or head.prev == sha(before.body)
                need(follows, f"{zh}接不上前一次 / {en} does not follow from the one before")
            need(grew(head, last), f"{zh}时的日志不是最后一次的开头 / the log of {en} is not how the last one begins")
            before = head
        say(f"{len(self.heads)} 次签名是这把密钥签的，日志只增不改；最后是第 {last.n} 次（{last.at}，{last.size} 条）",
            f"{len(self.heads)} heads were signed with this key, and the log only grew; the last is head {last.n},"
            f" {last.at}, over {last.size} entries")  # fmt: skip

    def check_events(self) -> None:
        """Every event fits its chain, and stands in the log that was signed."""
        ends: dict[int, tuple[int, bytes]] = {}
        if self.manifest["from"] is None:
            for event in self.lines("events.jsonl"):
                self.check_proof(event, self.check_chain(event, ends))
        else:
            self.check_range(ends)
        say(f"{len(ends)} 个个案的 {len(self.leaves)} 条记录：编号连续，逐条相接，内容和校验值相符，都在签过名的日志里",
            f"{len(self.leaves)} events of {len(ends)} cases: numbered without gaps, each follows from the one before,"
            " content fits its hash, all stand in the log that was signed")  # fmt: skip

    def check_chain(self, event: dict[str, Any], ends: dict[int, tuple[int, bytes]]) -> bytes:
        """An event against its chain; returns its leaf. Where the bundle begins in the midst, so may a chain."""
        case, seq, prev = event["case"], event["seq"], bytes.fromhex(event["prev"])
        zh, en = f"个案 {case} 第 {seq} 条", f"case {case} event {seq}"
        begins = self.manifest["from"] is None or seq == 1
        last, end = ends.get(case) or ((0, b"") if begins else (seq - 1, prev))
        need(seq == last + 1, f"{zh}之前缺了记录 / an event before {en} is missing")
        need(prev == end, f"{zh}接不上前一条 / {en} does not follow from the event before")
        hashed = sha(prev, event["body"].encode())
        need(hashed.hex() == event["hash"], f"{zh}的内容被改过 / the content of {en} was altered")
        body = json.loads(event["body"])
        need((body["case"], body["seq"]) == (case, seq), f"{zh}的内容是别处的 / the content of {en} belongs elsewhere")
        ends[case] = seq, hashed
        leaf = sha(b"\0", hashed, bytes.fromhex(event["sealed"]))
        self.leaves[event["position"]] = leaf, case, seq
        return leaf

    def check_proof(self, event: dict[str, Any], leaf: bytes) -> None:
        """The event's own proof leads to the root of the last head."""
        last, path = self.heads[-1], [bytes.fromhex(digest) for digest in event["path"]]
        zh, en = f"个案 {event['case']} 第 {event['seq']} 条", f"case {event['case']} event {event['seq']}"
        try:
            found = root_over(leaf, event["position"], last.size, path)
        except ValueError:
            found = b""
        need(found == last.root, f"{zh}不在签过名的日志里 / {en} is not in the log that was signed")

    def check_range(self, ends: dict[int, tuple[int, bytes]]) -> None:
        """All events from a place on, none left out: the tree grows from there, through every head, to the last."""
        tree = Tree(self.manifest["from"], [bytes.fromhex(peak) for peak in self.manifest["frontier"]])
        heads = deque(head for head in self.heads if head.size >= tree.size)
        for event in self.lines("events.jsonl"):
            need(event["position"] == tree.size, f"日志缺第 {tree.size} 位 / place {tree.size} of the log is missing")
            self.reached(tree, heads)
            tree.add(self.check_chain(event, ends))
        self.reached(tree, heads)
        need(not heads, f"日志缺第 {tree.size} 位以后的记录 / the log is missing from place {tree.size} on")

    def reached(self, tree: Tree, heads: deque[Head]) -> None:
        """Compare the heads over a tree of this size with it; those that are still to come stay."""
        while heads and heads[0].size == tree.size:
            head = heads.popleft()
            zh, en = f"第 {head.n} 次签名", f"head {head.n}"
            need(
                head.root == tree.root(),
                f"{zh}前的记录和签名时不同 / the events before {en} are not those that were signed",
            )

    def check_definitions(self) -> None:
        """The diagrams under which the steps ran are here, byte for byte."""
        known = self.manifest["definitions"]
        for name, told in known.items():
            whole = hashlib.sha256(told["process"].encode())
            for process, file in sorted(told["files"].items()):
                whole.update(process.encode() + b"\0" + sha(self.read(file)))
            diagram = told["process"]
            need(
                whole.hexdigest() == name,
                f"流程图 {diagram} 和当时的不同 / the diagram {diagram} is not that of the time",
            )
        for event in self.lines("events.jsonl"):
            body, en = json.loads(event["body"]), f"case {event['case']} event {event['seq']}"
            here = body["kind"] != "step" or body["data"]["definition"] in known
            need(here, f"{en} 所用的流程图不在包里 / the diagram of {en} is not in the bundle")
        say(f"{len(known)} 张流程图和步骤记录所指的相符", f"{len(known)} diagrams are those that the steps name")

    def check_anchors(self, lines: Iterator[str]) -> None:
        """What another office kept says the same."""
        heads, held = {head.n: head for head in self.heads}, list[str]()
        same = other = leaves = 0
        for line in filter(None, map(str.strip, lines)):
            if re.fullmatch(r"[0-9a-f]{64} \d+ \d+", line):
                held.append(line)
                continue
            head = anchored(line)
            zh, en = f"存证的第 {head.n} 次签名", f"the anchored head {head.n}"
            need(self.signed(head), f"{zh}不是这把密钥签的 / {en} was not signed with this key")
            leaves += self.same_leaves(head.size - len(held), held)
            ours = heads.get(head.n)
            need(ours is None or ours.body == head.body, f"{zh}和包里的不同 / {en} is not the one in the bundle")
            same, other, held = same + (ours is not None), other + (ours is None), []
        need(same or leaves, "存证里没有这个包的内容 / nothing of this bundle is among the anchors")
        say(f"和存证相符：{same} 次签名，{leaves} 条记录（另有 {other} 次签名不在包里）",
            f"The anchors say the same: {same} heads, {leaves} events ({other} more heads are not in the bundle)")  # fmt: skip

    def same_leaves(self, first: int, lines: list[str]) -> int:
        """Anchored leaves that are in the bundle are the same; returns how many."""
        here = [(self.leaves[place], line) for place, line in enumerate(lines, start=first) if place in self.leaves]
        for (leaf, case, seq), line in here:
            zh, en = f"个案 {case} 第 {seq} 条", f"case {case} event {seq}"
            need(leaf.hex() == line[:64], f"{zh}和存证的不同 / {en} is not what was anchored")
        return len(here)


def anchored(line: str) -> Head:
    """A head from a line of an anchors file."""
    try:
        if line.upper().startswith("SHOUWANG-HEAD-1/"):
            return Head.on_paper(line)
        told = json.loads(line)
        return Head(told["head"], told["signature"])
    except (ValueError, KeyError, TypeError):
        raise Wrong(f"存证的一行读不出来 / a line of the anchors cannot be read: {line[:40]}") from None


def say(zh: str, en: str, sign: str = "✓") -> None:
    """One line of each language."""
    sys.stdout.write(f"{sign} {zh}\n  {en}\n")


def run(bundle: Any, key: Path | None, anchors: Path | None) -> None:
    """Check everything; raises Wrong at the first thing that does not hold."""
    keys = keys_in(key.read_bytes() if key else bundle.joinpath("public-key.pem").read_bytes())
    check = Check(bundle, keys)
    check.check_heads()
    check.check_events()
    check.check_definitions()
    if anchors:
        with anchors.open(encoding="utf-8") as file:
            check.check_anchors(iter(file))
    names = ", ".join(keys)
    if not key:
        say(f"密钥指纹 {names}：请向另一个单位核对", f"Key fingerprint {names}: compare it at another office", "!")
    if not anchors:
        say(
            "没有比对存证：有数据库和密钥的人改写全部记录，这样查不出来",
            "No anchors were compared: who has the database and the key could have rewritten all of this unseen",
            "!",
        )


def main() -> int:
    """Read the command line and check."""
    parser = argparse.ArgumentParser(description="Check an exported piece of the record. 核对导出的记录。")
    parser.add_argument("bundle", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--anchors", type=Path, help="heads kept by another office, as a file or typed from paper")
    parser.add_argument("--key", type=Path, help="the public key, got from another office")
    given = parser.parse_args()
    bundle = zipfile.Path(given.bundle) if given.bundle.suffix == ".zip" else given.bundle
    try:
        run(bundle, given.key, given.anchors)
    except Wrong as wrong:
        sys.stdout.write(f"✗ {wrong}\n")
        return 1
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        sys.stdout.write(f"✗ 包读不出来 / the bundle cannot be read: {type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
