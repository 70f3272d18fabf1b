"""The audit trail: who, what, from where; added to and nothing else."""

from __future__ import annotations

import getpass
import socket
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from database.models.base import now
from database.services import DatabaseService
from pybirch.errors import FieldError


def test_the_database_itself_refuses_to_change_or_delete_a_line(db: DatabaseService) -> None:
    entry = db.audit.add("ada", "abort", "queue:Q1")
    changes = [
        "UPDATE audit_entries SET actor = 'eve'",
        "DELETE FROM audit_entries",
    ]
    if db.database.is_sqlite:
        changes += [
            "INSERT OR REPLACE INTO audit_entries (id, timestamp, actor, action, thing, detail) "
            f"VALUES ({entry.id}, '2026-01-01', 'eve', 'nothing', '', '{{}}')",
            "UPDATE OR REPLACE audit_entries SET id = 99",
        ]
    else:
        changes += [
            "TRUNCATE audit_entries",
            "SET LOCAL session_replication_role = replica; DELETE FROM audit_entries",
            "INSERT INTO audit_entries (id, timestamp, actor, action, thing, detail) "
            f"VALUES ({entry.id}, '2026-01-01', 'eve', 'nothing', '', '{{}}') "
            "ON CONFLICT (id) DO UPDATE SET actor = 'eve'",
        ]
    for change in changes:
        with pytest.raises(IntegrityError, match="only added to"), db.database.write() as session:
            session.execute(text(change))
    [kept] = db.audit.list()
    assert (kept.id, kept.actor) == (entry.id, "ada")


def test_no_service_changes_a_line(db: DatabaseService) -> None:
    entry = db.audit.add("ada", "abort")
    with pytest.raises(FieldError, match="only added to"):
        db.audit.update(entry.id, actor="eve")
    with pytest.raises(FieldError, match="not archived"):
        db.audit.archive(entry.id)


def test_a_line_outlives_the_person(db: DatabaseService) -> None:
    user = db.users.create("ada")
    db.audit.add(user, "start", "queue:Q")
    with db.database.write() as session:
        session.execute(text("DELETE FROM users"))
    [entry] = db.audit.list()
    assert (entry.user_id, entry.actor) == (user.id, "ada")


def test_a_program_says_where_it_runs(db: DatabaseService) -> None:
    entry = db.audit.add("", "create_token")
    assert (entry.actor, entry.address) == (getpass.getuser(), f"{getpass.getuser()}@{socket.gethostname()}")
    entry = db.audit.add("ada", "start", address="10.0.0.7", token="bench", why="because")
    assert (entry.address, entry.token, entry.detail) == ("10.0.0.7", "bench", {"why": "because"})


def test_lines_are_paged_newest_first_and_filtered(db: DatabaseService) -> None:
    before = now() - timedelta(seconds=1)
    for number in range(6):
        db.audit.add("ada" if number % 2 else "bob", "start" if number < 4 else "stop", f"queue:Q{number}")

    def things(**filters: Any) -> list[str]:
        return [entry.thing for entry in db.audit.list(sort="-id", **filters)]

    assert things(limit=2, offset=1) == ["queue:Q4", "queue:Q3"]
    assert things(actor="ada", action="start") == ["queue:Q3", "queue:Q1"]
    assert things(thing=["queue:Q0", "queue:Q5"]) == ["queue:Q5", "queue:Q0"]
    assert db.audit.count(since=before, until=now() + timedelta(seconds=1), actor="bob") == 3
    assert db.audit.count(until=before) == db.audit.count(since="2100-01-01") == 0
    assert db.audit.count(search="q5") == 1
    with pytest.raises(FieldError) as caught:
        db.audit.list(since="yesterday")
    assert caught.value.field == "since"
