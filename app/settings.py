"""Settings, frozen at start, read from the environment; a wrong one stops the start with a plain reason."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class BadSetting(Exception):
    """A setting that the program cannot start with."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that differs between two installations."""

    database_url: str
    secret_key: str
    seal_key: bytes
    port: int
    demo: bool
    instance_dir: Path
    metrics_token: str = ""

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
        )

    @property
    def sqlite(self) -> bool:
        """True when the database is a file on this machine."""
        return self.database_url.startswith("sqlite")


def _secret(env: Mapping[str, str], demo: bool) -> str:
    value = env.get("SECRET_KEY") or ("demo-only-not-secret" if demo else "")
    if len(value) < 16:
        raise BadSetting("SECRET_KEY is missing or shorter than 16 characters. Set it, or set DEMO=1 to practise.")
    return value


def _seal_key(env: Mapping[str, str], demo: bool) -> bytes:
    """The 32-byte master key, 64 hex digits in SEAL_KEY; it wraps each child's own key."""
    value = env.get("SEAL_KEY") or ("00" * 32 if demo else "")
    try:
        key = bytes.fromhex(value)
    except ValueError as error:
        raise BadSetting("SEAL_KEY must be 64 hex digits.") from error
    if len(key) != 32:
        raise BadSetting("SEAL_KEY is missing or not 64 hex digits. Make one with: openssl rand -hex 32")
    return key


def _port(env: Mapping[str, str]) -> int:
    value = env.get("PORT", "8000")
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise BadSetting(f"PORT is {value!r}; it must be a number from 1 to 65535.")
    return int(value)
