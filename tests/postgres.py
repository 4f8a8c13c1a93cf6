"""A PostgreSQL server of the tests' own: started in a temporary folder, never as root."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

USER = "shouwang"
SAYS_HOW = 150000


def binaries() -> Path:
    """The folder of PostgreSQL's programs: on the PATH, or where Debian puts them."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise RuntimeError("PostgreSQL is not installed; `make test` installs it, or use your packages.")
    return found[-1].parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _as_user() -> dict[str, object]:
    """PostgreSQL refuses to run as root: then it runs as the package's own user, or nobody."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    entry = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@dataclass(frozen=True)
class Server:
    """A running server; databases are made on it by name."""

    port: int

    def url(self, name: str) -> str:
        """Where SQLAlchemy finds the database."""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{name}"

    def create(self, name: str, template: str = "template0") -> None:
        """Make a database, a copy of `template`."""
        with self._master() as master:  # from version 15 on files are copied through the log unless one says otherwise
            by_file = " STRATEGY file_copy" if master.info.server_version >= SAYS_HOW else ""
            master.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{by_file}')

    @contextmanager
    def copy(self, template: str) -> Iterator[str]:
        """Where SQLAlchemy finds a copy of `template`, which is gone afterwards: a thousand copies fill a disk."""
        name = f"copy_{uuid.uuid4().hex[:12]}"
        self.create(name, template)
        try:
            yield self.url(name)
        finally:
            with self._master() as master:
                master.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _master(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(f"host=127.0.0.1 port={self.port} user={USER} dbname=postgres", autocommit=True)


@contextmanager
def running(*, durable: bool = False) -> Iterator[Server]:
    """Start a server, stop it and remove its files at the end.

    Tests kill our own processes, never the machine, so only figures need a `durable` one, which waits for the disk.
    """
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    who = _as_user()
    if who:
        os.chown(folder, int(str(who["user"])), int(str(who["group"])))
    data, port, programs = folder / "data", _free_port(), binaries()

    def call(*words: object, check: bool = True) -> None:
        quiet = subprocess.DEVNULL
        subprocess.run([str(word) for word in words], stdout=quiet, stderr=quiet, check=check, cwd="/", **who)  # type: ignore[call-overload]

    call(programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections=200"
    if not durable:
        options += " -c fsync=off -c full_page_writes=off -c synchronous_commit=off"
    call(programs / "pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start")
    try:
        yield Server(port)
    finally:
        call(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop", check=False)
        shutil.rmtree(folder, ignore_errors=True)
