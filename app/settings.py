"""Settings, frozen at start, read from the environment; a wrong one stops the start with a plain reason."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
LARGEST_FILE_MB = 200


class BadSetting(Exception):
    """A setting that the program cannot start with."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over: `tls` from the first byte, else STARTTLS, which only this machine itself may lack."""

    host: str
    port: int
    tls: bool
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Outward:
    """How notices leave the house; nothing does where neither mail nor webhook is set. Times are of Asia/Shanghai."""

    mail: MailServer | None = None
    webhook_url: str = ""
    """Address of a gateway that sends text messages."""
    webhook_secret: str = field(default="", repr=False)
    public_url: str = ""
    """How people reach this installation from outside; without a slash at the end."""
    quiet: tuple[time, time] | None = None
    """From when until when only what protects a child may wake anybody."""
    digest_at: time | None = None
    """When the day's digest goes out; without it there is none."""

    def is_quiet(self, at: time) -> bool:
        """Whether people are left in peace at this hour."""
        if self.quiet is None:
            return False
        start, end = self.quiet
        return start <= at < end if start < end else at >= start or at < end


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
    outward: Outward = Outward()
    """How notices reach people who are not looking at a page."""

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
            outward=_outward(env),
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


# --- notices that leave the house -----------------------------------------------------------

CLOCK_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
SMTP_PORTS = {"smtp": 587, "smtps": 465}


def _outward(env: Mapping[str, str]) -> Outward:
    made = Outward(
        mail=_mail_server(env),
        webhook_url=_webhook(env),
        webhook_secret=env.get("NOTICE_WEBHOOK_SECRET", ""),
        public_url=_public_url(env),
        quiet=_quiet(env),
        digest_at=_clock_time(env["DIGEST_AT"], "DIGEST_AT") if env.get("DIGEST_AT") else None,
    )
    if (made.mail or made.webhook_url) and not made.public_url:
        raise BadSetting("PUBLIC_URL is missing: a notice must lead to this installation.")
    if made.digest_at and made.is_quiet(made.digest_at):
        raise BadSetting("DIGEST_AT lies within QUIET_HOURS.")
    return made


def _split(value: str, name: str) -> tuple[SplitResult, int | None]:
    """An address in its parts; errors never repeat it, for it may hold a password."""
    try:
        parts = urlsplit(value)
        return parts, parts.port
    except ValueError as error:
        raise BadSetting(f"{name} is no address.") from error


def _mail_server(env: Mapping[str, str]) -> MailServer | None:
    if not env.get("SMTP_URL"):
        return None
    parts, port = _split(env["SMTP_URL"], "SMTP_URL")
    sender = parse_qs(parts.query).get("from", [""])[0]
    if parts.scheme not in SMTP_PORTS or not parts.hostname or not re.fullmatch(r"[!-~]+@[!-~]+", sender):
        raise BadSetting("SMTP_URL must look like smtps://user:password@host:465?from=notices@example.org")
    return MailServer(
        parts.hostname, port or SMTP_PORTS[parts.scheme], parts.scheme == "smtps", sender,
        unquote(parts.username or ""), unquote(parts.password or ""),
    )  # fmt: skip


def _webhook(env: Mapping[str, str]) -> str:
    value = env.get("NOTICE_WEBHOOK_URL", "")
    parts, _port = _split(value, "NOTICE_WEBHOOK_URL")
    if value and parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise BadSetting("NOTICE_WEBHOOK_URL must begin with https://; http:// is for this machine only.")
    if value and len(env.get("NOTICE_WEBHOOK_SECRET", "")) < 16:
        raise BadSetting("NOTICE_WEBHOOK_SECRET is missing or shorter than 16 characters.")
    return value


def _public_url(env: Mapping[str, str]) -> str:
    value = env.get("PUBLIC_URL", "").rstrip("/")
    if value and not value.startswith(("https://", "http://")):
        raise BadSetting("PUBLIC_URL must begin with https:// or http://.")
    return value


def _quiet(env: Mapping[str, str]) -> tuple[time, time] | None:
    value = env.get("QUIET_HOURS", "")
    if not value:
        return None
    start, _dash, end = value.partition("-")
    return _clock_time(start, "QUIET_HOURS"), _clock_time(end, "QUIET_HOURS")


def _clock_time(value: str, name: str) -> time:
    if not CLOCK_TIME.fullmatch(value):
        raise BadSetting(f"{name} holds {value!r}; a time looks like 08:30, quiet hours like 22:00-07:00.")
    return time.fromisoformat(value)
