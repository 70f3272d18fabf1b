r"""The words of scans, samples, queues and instruments, in an index that triggers keep true.

Beside each table stands one of the words of its rows: a title and the rest. SQLite keeps an FTS5
index of it, PostgreSQL a generated tsvector with a GIN index. What is JSON is taken as text, with
its escapes (``\n``) as spaces; of a scan's tree the instruments' names only. A sample's tags are rows of
their own, whose triggers put its words anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MOST_CHARACTERS = 100_000
"""Of one row's words; PostgreSQL refuses a vector of a megabyte."""

PLAIN = {
    "scans": (["scan_name"], ["scan_id", "project_name", "scan_type", "job_type", "owner"]),
    "samples": (["sample_id"], ["material", "description", "status"]),
    "queues": (["name"], ["queue_id", "operator"]),
    "equipment": (
        ["name", "nickname"],
        [
            "adapter",
            "pybirch_class",
            "type",
            "description",
            "manufacturer",
            "model",
            "serial_number",
            "location",
        ],
    ),
}
"""Table -> the columns of the title, the other columns of text."""
ANEW = "ON CONFLICT (id) DO UPDATE SET title = excluded.title, words = excluded.words"
TREE_KEYS = "'name', 'nickname', 'adapter', 'class'"
"""Where a scan's tree names its instruments."""


class Sqlite:
    """FTS5 beside the words, which it reads its text from."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @staticmethod
    def tables(table: str) -> tuple[str, ...]:
        words, index = f"search_{table}", f"search_{table}_index"
        put = f"INSERT INTO {index} (rowid, title, words) VALUES (new.id, new.title, new.words);"
        take = (
            f"INSERT INTO {index} ({index}, rowid, title, words) "
            "VALUES ('delete', old.id, old.title, old.words);"
        )
        return (
            f"CREATE TABLE {words} (id INTEGER PRIMARY KEY, title TEXT NOT NULL, words TEXT NOT NULL)",
            f"CREATE VIRTUAL TABLE {index} USING fts5(title, words, content='{words}', content_rowid='id', "
            "tokenize='unicode61 remove_diacritics 2', prefix='2')",
            f"CREATE TRIGGER {words}_insert AFTER INSERT ON {words} BEGIN {put} END",
            f"CREATE TRIGGER {words}_delete AFTER DELETE ON {words} BEGIN {take} END",
            f"CREATE TRIGGER {words}_update AFTER UPDATE ON {words} "
            f"WHEN old.title IS NOT new.title OR old.words IS NOT new.words BEGIN {take} {put} END",
        )

    @staticmethod
    def no_tables(table: str) -> tuple[str, ...]:
        return (f"DROP TABLE search_{table}_index", f"DROP TABLE search_{table}")

    @staticmethod
    def json(column: str) -> str:
        return column

    @staticmethod
    def user_fields(column: str) -> str:
        return f"CASE WHEN json_valid({column}) THEN json_extract({column}, '$.user_fields') END"

    @staticmethod
    def tree_names(column: str) -> str:
        tree = f"CASE WHEN json_valid({column}) THEN {column} ELSE 'null' END"
        found = f"SELECT group_concat(atom, ' ') FROM json_tree({tree})"
        return f"({found} WHERE key IN ({TREE_KEYS}) AND type = 'text')"

    @staticmethod
    def tags(sample: str) -> str:
        return f"(SELECT group_concat(tag, ' ') FROM sample_tags WHERE sample_id = {sample})"

    @staticmethod
    def tag_triggers(entry: Callable[[str], str]) -> Iterator[str]:
        for event, row in (("INSERT", "new"), ("DELETE", "old")):
            name = f"search_of_sample_tags_{event.lower()}"
            yield f"CREATE TRIGGER {name} AFTER {event} ON sample_tags BEGIN {entry(row)}; END"

    @staticmethod
    def no_tag_triggers() -> Iterator[str]:
        for event in ("insert", "delete"):
            yield f"DROP TRIGGER search_of_sample_tags_{event}"

    @staticmethod
    def triggers(table: str, columns: str, entry: str) -> Iterator[str]:
        for event in ("INSERT", f"UPDATE OF {columns}"):
            name = f"search_of_{table}_{event[:6].lower()}"
            yield f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN {entry}; END"
        gone = f"DELETE FROM search_{table} WHERE id = old.id"
        yield f"CREATE TRIGGER search_of_{table}_delete AFTER DELETE ON {table} BEGIN {gone}; END"

    @staticmethod
    def no_triggers(table: str) -> Iterator[str]:
        for event in ("insert", "update", "delete"):
            yield f"DROP TRIGGER search_of_{table}_{event}"


class Postgres:
    """A vector of both, in which punctuation separates words and accents do not count.

    `search_json` takes out of JSON what jsonb refuses: NUL, and halves of surrogate pairs.
    """

    before = (
        r"""CREATE FUNCTION search_words(given text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
            SELECT translate(
                normalize(regexp_replace(normalize(given, NFKD), '[\u0300-\u036f]', '', 'g'), NFKC),
                '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', repeat(' ', 32)) $$""",
        r"""CREATE FUNCTION search_json(given json) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
            SELECT regexp_replace(replace(given::text, '\\', '  '),
                '\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})', ' ', 'g')::jsonb $$""",
        """CREATE FUNCTION search_tree_names(tree json) RETURNS text LANGUAGE sql IMMUTABLE AS $$
            SELECT string_agg(entry ->> 'value', ' ')
            FROM jsonb_path_query(
                search_json(tree), 'strict $.** ? (@.type() == "object").keyvalue()') AS entry
            WHERE entry ->> 'key' IN (KEYS) AND jsonb_typeof(entry -> 'value') = 'string' $$""".replace(
            "KEYS", TREE_KEYS
        ),
    )
    after = (
        "DROP FUNCTION search_tree_names(json)",
        "DROP FUNCTION search_json(json)",
        "DROP FUNCTION search_words(text)",
    )

    @staticmethod
    def tables(table: str) -> tuple[str, ...]:
        return (
            f"""CREATE TABLE search_{table} (
                id BIGINT PRIMARY KEY, title TEXT NOT NULL, words TEXT NOT NULL,
                vector tsvector NOT NULL GENERATED ALWAYS AS (
                    setweight(to_tsvector('simple', search_words(title)), 'A')
                    || setweight(to_tsvector('simple', search_words(words)), 'B')) STORED)""",
            f"CREATE INDEX search_{table}_vector ON search_{table} USING gin (vector)",
        )

    @staticmethod
    def no_tables(table: str) -> tuple[str, ...]:
        return (f"DROP TABLE search_{table}",)

    @staticmethod
    def json(column: str) -> str:
        return f"{column}::text"

    @staticmethod
    def user_fields(column: str) -> str:
        return f"(search_json({column}) -> 'user_fields')::text"

    @staticmethod
    def tree_names(column: str) -> str:
        return f"search_tree_names({column})"

    @staticmethod
    def tags(sample: str) -> str:
        return f"(SELECT string_agg(tag, ' ') FROM sample_tags WHERE sample_id = {sample})"

    @staticmethod
    def tag_triggers(entry: Callable[[str], str]) -> Iterator[str]:
        yield (
            "CREATE FUNCTION search_keep_sample_tags() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF TG_OP = 'DELETE' THEN {entry('old')}; ELSE {entry('new')}; END IF; RETURN NULL; END $$"
        )
        yield (
            "CREATE TRIGGER search_of_sample_tags AFTER INSERT OR DELETE ON sample_tags "
            "FOR EACH ROW EXECUTE FUNCTION search_keep_sample_tags()"
        )

    @staticmethod
    def no_tag_triggers() -> Iterator[str]:
        yield "DROP TRIGGER search_of_sample_tags ON sample_tags"
        yield "DROP FUNCTION search_keep_sample_tags()"

    @staticmethod
    def triggers(table: str, columns: str, entry: str) -> Iterator[str]:
        yield (
            f"CREATE FUNCTION search_keep_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF TG_OP = 'DELETE' THEN DELETE FROM search_{table} WHERE id = old.id; "
            f"ELSE {entry}; END IF; RETURN NULL; END $$"
        )
        yield (
            f"CREATE TRIGGER search_of_{table} AFTER INSERT OR DELETE OR UPDATE OF {columns} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION search_keep_{table}()"
        )

    @staticmethod
    def no_triggers(table: str) -> Iterator[str]:
        yield f"DROP TRIGGER search_of_{table} ON {table}"
        yield f"DROP FUNCTION search_keep_{table}()"


def upgrade() -> None:
    dialect = _dialect()
    _run(*dialect.before)
    for table, (title, words) in PLAIN.items():
        into = f"INSERT INTO search_{table} (id, title, words) SELECT"
        _run(*dialect.tables(table))
        _run(f"{into} {_values(dialect, table, 'r')} FROM {table} AS r ORDER BY r.id")
        entry = f"{into} {_values(dialect, table, 'new')} WHERE true {ANEW}"
        _run(*dialect.triggers(table, ", ".join([*title, *words, *_json_columns(table)]), entry))
    _run(*dialect.tag_triggers(partial(_sample_of_tag, dialect)))


def downgrade() -> None:
    dialect = _dialect()
    _run(*dialect.no_tag_triggers())
    for table in PLAIN:
        _run(*dialect.no_triggers(table))
        _run(*dialect.no_tables(table))
    _run(*dialect.after)


def _sample_of_tag(dialect: type[Sqlite] | type[Postgres], tag: str) -> str:
    """Puts the words of the sample anew that a row of sample_tags belongs to, if there still is one."""
    values = _values(dialect, "samples", "r")
    into = f"INSERT INTO search_samples (id, title, words) SELECT {values} FROM samples AS r"
    return f"{into} WHERE r.id = {tag}.sample_id {ANEW}"


def _run(*statements: str) -> None:
    for statement in statements:
        op.get_bind().exec_driver_sql(statement.replace("%", "%%") if _dialect() is Postgres else statement)


def _dialect() -> type[Sqlite] | type[Postgres]:
    return Sqlite if op.get_bind().dialect.name == "sqlite" else Postgres


def _json_columns(table: str) -> list[str]:
    return ["additional_tags", "extra_data", "scan_tree_data"] if table == "scans" else []


def _values(dialect: type[Sqlite] | type[Postgres], table: str, row: str) -> str:
    """Number, title and words of a row of `table`."""
    title, words = PLAIN[table]
    rest = [f"{row}.{column}" for column in words]
    if table == "samples":
        rest += [dialect.tags(f"{row}.id")]
    if table == "scans":
        rest += [
            _unescaped(dialect.json(f"{row}.additional_tags")),
            _unescaped(dialect.user_fields(f"{row}.extra_data")),
            dialect.tree_names(f"{row}.scan_tree_data"),
        ]
    joined = _joined([f"{row}.{column}" for column in title])
    return f"{row}.id, {joined}, substr({_joined(rest)}, 1, {MOST_CHARACTERS})"


def _joined(parts: list[str]) -> str:
    return " || ' ' || ".join(f"coalesce({part}, '')" for part in parts)


def _unescaped(text: str) -> str:
    r"""JSON's text with its escapes as spaces; ``\\`` first, so that what follows it stays a word."""
    for escape in (r"\\", r"\n", r"\r", r"\t"):
        text = f"replace({text}, '{escape}', ' ')"
    return text
