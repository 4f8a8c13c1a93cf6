"""An installation with data moves to the newest tables; nothing it holds is lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


def upgrade(folder: Path, to: str) -> None:
    environment = {
        **os.environ, "DATABASE_URL": f"sqlite:///{folder / 'old.db'}", "DEMO": "1", "INSTANCE_DIR": str(folder),
    }  # fmt: skip
    command = [sys.executable, "-m", "flask", "--app", "app", "db", "upgrade", to]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_report_with_children_outlives_the_remaking_of_its_table(tmp_path: Path) -> None:
    upgrade(tmp_path, "0013")
    rows = (
        'INSERT INTO "case" (id, kind, status, path, risk, sealed, facts, opened_at, version, last_seq, last_hash) '
        "VALUES (1, 'report', 'open', '/62', '', 0, '{}', '2026-03-02 01:00:00', 0, 0, x'')",
        "INSERT INTO report (id, case_id, number, code_hash, received_at, channel) "
        "VALUES (1, 1, '260302-000001', '', '2026-03-02 01:00:00', 'online')",
        "INSERT INTO report_link (id, report_id, case_id, child_ref, kind, recorded_at) "
        "VALUES (1, 1, 1, 1, 'opened', '2026-03-02 01:00:00')",
    )
    with sqlite3.connect(tmp_path / "old.db") as old:
        for row in rows:
            old.execute(row)
    old.close()
    upgrade(tmp_path, "head")
    with sqlite3.connect(tmp_path / "old.db") as new:
        assert new.execute("SELECT report.number FROM report_link JOIN report ON report.id = report_id").fetchall() == [
            ("260302-000001",)
        ]
        assert new.execute("SELECT idempotency_key FROM report").fetchall() == [(None,)]
        assert new.execute("PRAGMA foreign_key_check").fetchall() == []
    new.close()
