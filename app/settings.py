"""Settings, frozen at start, read from the environment; a wrong one stops the start with a plain reason."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LARGEST_FILE_MB = 200


class BadSetting(Exception):
    """A setting that the program cannot start with."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that differs between two installations; without `metrics_token` figures are for this machine only."""

    database_url: str
    secret_key: str
    seal_key: bytes
    port: int
    demo: bool
    instance_dir: Path
    metrics_token: str = ""
    audit_key_file: Path | None = None
    """PEM file, kept off the database's machine: the Ed25519 key that signs the log's heads, and older public keys."""
    audit_anchor_file: Path | None = None
    """Append-only file to which signed heads are written."""
    audit_anchor_url: str = ""
    """Address of a second office that keeps our signed heads."""
    file_max_bytes: int = 20 * 2**20
    """How large an attached file may be."""
    file_scan_command: str = ""
    """A command that is given each attached file on its standard input: 0 lets it in, 1 refuses it."""

    @classmethod
    def read(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Settings from `env` (default: the process environment). Raises BadSetting."""
        env = os.environ if env is None else env
        demo = env.get("DEMO", "") == "1"
        folder = Path(env.get("INSTANCE_DIR", str(ROOT / "instance")))
        return cls(
            database_url=env.get("DATABASE_URL") or f"sqlite:///{folder / 'shouwang.db'}",
            secret_key=_secret(env, demo),
            seal_key=_seal_key(env, demo),
            port=_port(env),
            demo=demo,
            instance_dir=folder,
            metrics_token=env.get("METRICS_TOKEN", ""),
            audit_key_file=_key_file(env),
            audit_anchor_file=Path(env["AUDIT_ANCHOR_FILE"]) if env.get("AUDIT_ANCHOR_FILE") else None,
            audit_anchor_url=_anchor_url(env),
            file_max_bytes=_file_max(env),
            file_scan_command=env.get("FILE_SCAN_COMMAND", ""),
        )

    def complete(self) -> None:
        """Nothing: all that serving people takes is set. Raises BadSetting for what is missing.

        Commands that touch no personal data (verdict, deadline due, db upgrade) run without.
        """
        if len(self.secret_key) < 16:
            raise BadSetting("SECRET_KEY is missing or shorter than 16 characters. Set it, or set DEMO=1 to practise.")
        if len(self.seal_key) != 32:
            raise BadSetting("SEAL_KEY is missing or not 64 hex digits. Make one with: openssl rand -hex 32")

    @property
    def sqlite(self) -> bool:
        """True when the database is a file on this machine."""
        return self.database_url.startswith("sqlite")

    @property
    def audit_key(self) -> Path | None:
        """Where the key of the log is; practice makes one of its own in the instance folder."""
        return self.audit_key_file or (self.instance_dir / "audit-key.pem" if self.demo else None)

    @property
    def audit_anchors(self) -> Path | None:
        """Where heads are written; practice keeps them in the instance folder."""
        return self.audit_anchor_file or (self.instance_dir / "audit-anchors.txt" if self.demo else None)


def _secret(env: Mapping[str, str], demo: bool) -> str:
    return env.get("SECRET_KEY") or ("demo-only-not-secret" if demo else "")


def _seal_key(env: Mapping[str, str], demo: bool) -> bytes:
    """The 32-byte master key, 64 hex digits in SEAL_KEY; it wraps each child's own key."""
    value = env.get("SEAL_KEY") or ("00" * 32 if demo else "")
    try:
        return bytes.fromhex(value)
    except ValueError as error:
        raise BadSetting("SEAL_KEY must be 64 hex digits.") from error


def _port(env: Mapping[str, str]) -> int:
    value = env.get("PORT", "8000")
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise BadSetting(f"PORT is {value!r}; it must be a number from 1 to 65535.")
    return int(value)


def _file_max(env: Mapping[str, str]) -> int:
    value = env.get("FILE_MAX_MB", "20")
    if not value.isdigit() or not 0 < int(value) <= LARGEST_FILE_MB:
        raise BadSetting(f"FILE_MAX_MB is {value!r}; it must be a number from 1 to {LARGEST_FILE_MB}.")
    return int(value) * 2**20


def _key_file(env: Mapping[str, str]) -> Path | None:
    if not env.get("AUDIT_KEY_FILE"):
        return None
    path = Path(env["AUDIT_KEY_FILE"])
    if not path.is_file():
        raise BadSetting("AUDIT_KEY_FILE names no file. Make one with: openssl genpkey -algorithm ed25519")
    return path


def _anchor_url(env: Mapping[str, str]) -> str:
    value = env.get("AUDIT_ANCHOR_URL", "")
    if value and not value.startswith(("https://", "http://")):
        raise BadSetting("AUDIT_ANCHOR_URL must begin with https:// or http://.")
    return value
