from __future__ import annotations

import json
import subprocess
import sys
import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from database.errors import SchemaError
from database.migrations import runner
from database.models import Base
from database.services import DatabaseService
from database.session import Database


def test_the_code_knows_its_own_head() -> None:
    assert ScriptDirectory.from_config(runner.config()).get_current_head() == runner.HEAD


def test_up_and_down_and_up(empty_place: str) -> None:
    database = Database(empty_place)
    runner.upgrade(database)
    with database.engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
    assert set(Base.metadata.tables) <= tables
    runner.downgrade(database)
    with database.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    runner.upgrade(database)
    database.dispose()


def test_samples_keep_their_tags_scans_and_times_up_and_down(empty_place: str) -> None:
    database = Database(empty_place)
    runner.upgrade(database)
    runner.downgrade(database, "0007")
    moment = "2025-03-01 12:00:00.000000+00:00"
    with database.write_connection() as connection:
        for name, tags in (
            ("W1", '["cold", "a \\u00b5 \\"word\\""]'),
            ("W2", "[]"),
            ("W3", '["x", "x", " "]'),
        ):
            connection.execute(
                text(
                    "INSERT INTO samples (sample_id, material, additional_tags, description, status,"
                    " extra_data, created_at) VALUES (:name, 'Si', :tags, '', '', '{}', :moment)"
                ),
                {"name": name, "tags": tags, "moment": moment},
            )
        connection.execute(
            text(
                "INSERT INTO scans (scan_id, project_name, scan_name, scan_type, job_type, owner,"
                " additional_tags, extra_data, status, progress, points_done, queue_order, terms,"
                " created_at, sample_id)"
                " SELECT 'S', '', '', '', '', '', '[]', '{}', 'queued', 0, 0, 0, '{}', created_at, id"
                " FROM samples WHERE sample_id = 'W1'"
            )
        )
    with DatabaseService(empty_place) as db:
        rows = {row.sample_id: row for row in db.list_samples()}
        assert [row.additional_tags for row in rows.values()] == [["cold", 'a µ "word"'], [], ["x"]]
        assert rows["W1"].updated_at == rows["W1"].created_at
        assert db.get_scan("S").sample.sample_id == "W1"
        db.create_sample(sample_id="W4", additional_tags=["new"], parents=["W1"])
    runner.downgrade(database, "0007")
    with database.engine.connect() as connection:
        kept = connection.execute(text("SELECT sample_id, additional_tags FROM samples ORDER BY sample_id"))
        told = {name: json.loads(tags) if isinstance(tags, str) else tags for name, tags in kept}
        assert told == {"W1": ["cold", 'a µ "word"'], "W2": [], "W3": ["x"], "W4": ["new"]}
        assert connection.execute(text("SELECT sample_id IS NOT NULL FROM scans")).scalar()
    database.dispose()


def test_the_migrations_build_what_the_models_say(empty_place: str) -> None:
    database = Database(empty_place)
    runner.upgrade(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": not database.is_sqlite, "include_name": runner.is_mapped}
        )
        assert compare_metadata(context, Base.metadata) == []
    database.dispose()


def test_two_processes_that_start_at_once_migrate_once(empty_place: str) -> None:
    start = (
        "import sys; from database.services import DatabaseService;"
        "sys.stdin.readline(); db = DatabaseService(sys.argv[1]); db.labs.count(); db.close()"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", start, empty_place],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors


def test_a_newer_database_is_refused_in_words(empty_place: str) -> None:
    DatabaseService(empty_place).close()
    database = Database(empty_place)
    with database.write_connection() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.dispose()
    for migrate in (True, "wait"):
        with pytest.raises(SchemaError, match="newer PyBirch"):
            DatabaseService(empty_place, migrate=migrate)  # type: ignore[arg-type]


def test_somebody_elses_database_is_refused(empty_place: str) -> None:
    database = Database(empty_place)
    with database.write_connection() as connection:
        connection.execute(text("CREATE TABLE scans (id INTEGER)"))
    database.dispose()
    with pytest.raises(SchemaError, match="scans"):
        DatabaseService(empty_place)


def test_a_station_waits_until_the_server_has_migrated(empty_place: str) -> None:
    found: list[int] = []

    def station() -> None:
        with DatabaseService(empty_place, migrate="wait") as db:
            found.append(db.labs.count())

    thread = threading.Thread(target=station)
    thread.start()
    DatabaseService(empty_place).close()
    thread.join(30)
    assert found == [0]


def test_waiting_ends_with_advice(empty_place: str) -> None:
    database = Database(empty_place)
    with pytest.raises(SchemaError, match="start the server"):
        runner.wait_until_current(database, timeout=0.1)
    database.dispose()


OLD_LAB = (
    "INSERT INTO users (id, username, full_name, email, role, created_at) "
    "VALUES (1, 'ada', '', '', 'admin', '2026-01-01')",
    "INSERT INTO labs (id, name, description, location, created_at) VALUES (1, 'L', '', '', '2026-01-01')",
    "INSERT INTO projects (id, name, description, lab_id, created_at) VALUES (1, 'P', '', 1, '2026-01-01')",
    "INSERT INTO audit_entries (id, timestamp, user_id, actor, action, thing, detail) "
    "VALUES (101, '2026-01-01', 1, 'ada', 'start', 'queue:Q', '{}')",
    "INSERT INTO scans (id, scan_id, project_name, scan_name, scan_type, job_type, owner, additional_tags, "
    "extra_data, status, progress, points_done, queue_order, created_at) "
    "VALUES (7, 'S', 'P', 's', '', '', '', '[]', '{}', 'completed', 1, 10, 0, '2026-01-01')",
    "INSERT INTO measurement_objects (id, scan_id, name, layout, next_index, open_from, open_blocks, "
    "created_at) VALUES (1, 7, 'iv', '[]', 10, 0, 0, '2026-01-01')",
    "INSERT INTO analyses (id, scan_id, name, analysis_type, owner, parameters, results, notes, created_at) "
    "VALUES (101, 7, 'fit', '', 'ada', '{}', '{\"n\": 2}', '', '2026-01-01'), "
    "(102, NULL, 'theory', '', 'ada', '{}', '{}', '', '2026-01-01')",
)


def test_people_audit_and_analyses_are_kept_up_and_down(empty_place: str) -> None:
    database = Database(empty_place)
    with database.write_connection() as connection:
        runner._run(connection, "upgrade", "0007")
        for statement in OLD_LAB:
            connection.execute(text(statement))
    with DatabaseService(empty_place) as db:
        assert (db.labs.get("L").contact, db.projects.get("P").status) == ("", "active")
        [entry] = db.audit.list()
        assert (entry.actor, entry.user_id, entry.address) == ("ada", 1, "")
        fit, theory = db.analyses.list(sort="name")
        assert [(i.scan_id, i.measurement, i.end_index) for i in fit.inputs] == [(7, "iv", 10)]
        assert (fit.results, theory.inputs, theory.scan_id) == ({"n": 2}, [], None)
        db.projects.add_member("P", "ada", "lead")
        db.analyses.create(name="finer", inputs=["S"], derived_from_id=fit.id)
        with database.write_connection() as connection:  # whom the audit trail outlives
            connection.execute(
                text(
                    "INSERT INTO users (id, username, full_name, email, role, created_at) "
                    "VALUES (2, 'eve', '', '', 'admin', '2026-01-01')"
                )
            )
        db.audit.add(db.users.get("eve"), "stop")
        with database.write_connection() as connection:
            connection.execute(text("DELETE FROM users WHERE id = 2"))
    runner.downgrade(database, "0007")
    with database.write_connection() as connection:
        lines = connection.execute(text("SELECT actor, user_id FROM audit_entries ORDER BY actor"))
        assert [tuple(line) for line in lines] == [("ada", 1), ("eve", None)]
        kept = connection.execute(text("SELECT name, scan_id FROM analyses ORDER BY name"))
        assert [tuple(row) for row in kept] == [("finer", 7), ("fit", 7), ("theory", None)]
        connection.execute(text("UPDATE audit_entries SET actor = 'anybody'"))
        connection.execute(text("DELETE FROM users"))
        assert connection.execute(text("SELECT count(user_id) FROM audit_entries")).scalar() == 0
    runner.upgrade(database)
    with DatabaseService(empty_place) as db:
        assert [len(row.inputs) for row in db.analyses.list(sort="name")] == [1, 1, 0]
    database.dispose()
