# ruff: noqa: S608 - table and column names come from the database's own catalogue, values are parameters
"""Erasing people from what was landed, built, published and handed over; and dropping them when they land again.

Landing files are the operator's own and stay as they are: what is read of them again is dropped here.
"""

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from assets.duck import writer
from assets.home import Home
from assets.intake.contract import SOURCES
from assets.ledger.forget import Person, person_of

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "contact_id": ("contact_id", "contact_id_a", "contact_id_b", "customer_key"),
    "customer_id": ("customer_id",),
    "email": ("email", "customer_key"),
    "email_sha256": ("email_sha256", "identifier", "customer_key"),
    "phone": ("phone", "identifier", "customer_key"),
    "phone_sha256": ("phone_sha256", "customer_key"),
    "loyalty_id": ("loyalty_id", "identifier", "customer_key"),
    "device_token": ("device_token", "identifier", "customer_key"),
    "visitor_id": ("visitor_id", "identifier", "customer_key"),
}
"""Columns in which each kind of identifier is found, in landing's tables and in what dbt makes of them."""
_BLOCK: Final = 64
CURSOR: Final = "forgotten"


def find(home: Home, name: str) -> Person | None:
    """Everything that a person goes by, from any one of their identifiers; None where nobody has it."""
    people = _published(home, name)
    with writer(home) as connection:
        contacts = set(people.get("contact_id", ())) | _contacts(connection, name)
        if not contacts:
            return None
        rows = _rows_of(connection, contacts)
    return person_of(
        {kind: [*people.get(kind, ()), *rows.get(kind, ())] for kind in KINDS} | {"contact_id": list(contacts)}
    )


def erase(home: Home, person: Person) -> dict[str, int]:
    """Remove a person's rows everywhere that the system wrote them. Again is harmless.

    Returns:
        Rows or lines that went, by place: `warehouse`, `published`, `training`, `outbound`, `quarantine`.
    """
    counts = {"warehouse": 0}
    if home.warehouse.exists():
        with writer(home) as connection:
            counts["warehouse"] = _erase_tables(connection, person)
        if counts["warehouse"]:
            rewrite_warehouse(home)
    counts["published"] = sum(_rewrite_parquet(path, person) for path in sorted(home.published.glob("*/*.parquet")))
    counts["training"] = sum(_rewrite_parquet(path, person) for path in sorted(home.training.glob("*.parquet")))
    counts["outbound"] = sum(_rewrite_outbound(path, person) for path in sorted(home.outbound.rglob("*.jsonl")))
    quarantined = sorted((home.root / "quarantine").rglob("*.jsonl"))
    counts["quarantine"] = sum(_rewrite_quarantine(path, person) for path in quarantined)
    return counts


def drop_forgotten(connection: duckdb.DuckDBPyConnection, hashes: Sequence[str], key: bytes) -> dict[str, int]:
    """Remove what landed of erased people since the last time, by the keyed hashes that are left of them.

    Args:
        connection: The warehouse, after landing and before anything reads it.
        hashes: `Forgotten.hashes`.
        key: The key that they were made with.

    Returns:
        Rows dropped, by source; nothing is hashed where nobody was erased.
    """
    connection.execute("create table if not exists raw.cursors (name varchar primary key, value bigint)")
    done = connection.execute("select value from raw.cursors where name = ?", [CURSOR]).fetchall()
    since = int(done[0][0]) if done else 0
    newest = connection.execute("select coalesce(max(load_id), 0) from raw.landed_files").fetchall()[0][0]
    dropped: dict[str, int] = {}
    if hashes:
        for source in SOURCES.values():
            tests = [
                f"{_hmac(kind, column)} in (select unnest($hashes))"
                for kind, columns in KINDS.items()
                for column in columns
                if column in source.column_names
            ]
            parameters = {"hashes": list(hashes), "since": since, **_pads(key)}
            statement = f"delete from raw.{source.name} where _load_id > $since and ({' or '.join(tests)})"
            count = int(connection.execute(statement, parameters).fetchall()[0][0])
            if count:
                dropped[source.name] = count
    connection.execute("insert or replace into raw.cursors values (?, ?)", [CURSOR, newest])
    return dropped


def _hmac(kind: str, column: str) -> str:
    """HMAC-SHA256 in SQL, as `ledger.forget.keyed_hash` has it in Python."""
    cleaned = f"trim({column})"
    if kind == "phone":
        cleaned = f"regexp_replace({column}, '[^0-9+]', '', 'g')"
    elif kind.startswith(("email", "phone_")):
        cleaned = f"lower({cleaned})"
    inner = f"sha256($inner_pad || encode('{kind}:' || {cleaned}))"
    return f"sha256($outer_pad || unhex({inner}))"


def _pads(key: bytes) -> dict[str, bytes]:
    padded = key.ljust(_BLOCK, b"\0")
    return {"inner_pad": bytes(each ^ 0x36 for each in padded), "outer_pad": bytes(each ^ 0x5C for each in padded)}


def _published(home: Home, name: str) -> dict[str, list[str]]:
    """What the published generations, whose people are unified over their contacts, know under a name."""
    found: dict[str, list[str]] = {}
    columns = ("customer_id", "email", "email_sha256", "phone", "phone_sha256", "device_token")
    for path in home.published.glob("*/dim_recipients.parquet"):
        is_theirs = " or ".join(
            [*(f"lower({column}) = lower($name)" for column in columns), "list_contains(contact_ids, $name)"]
        )
        is_theirs += " or list_contains(visitor_ids, $name)"
        with duckdb.connect() as connection:
            sql = f"select {', '.join(columns)}, contact_ids, visitor_ids from read_parquet($path) where {is_theirs}"
            for row in connection.execute(sql, {"path": str(path), "name": name.strip()}).fetchall():
                for kind, value in zip(columns, row, strict=False):
                    found.setdefault(kind, []).append(value)
                found.setdefault("contact_id", []).extend(row[-2])
                found.setdefault("visitor_id", []).extend(row[-1])
    return found


def _contacts(connection: duckdb.DuckDBPyConnection, name: str) -> set[str]:
    """CRM contacts that have an identifier."""
    sql = """select contact_id from raw.crm_contacts where $name in (trim(contact_id), trim(loyalty_id), trim(device_token))
             or lower(trim(email)) = lower($name) or sha256(lower(trim(email))) = lower($name)
             or regexp_replace(phone, '[^0-9+]', '', 'g') = $name"""
    return {str(contact).strip() for (contact,) in connection.execute(sql, {"name": name.strip()}).fetchall()}


def _rows_of(connection: duckdb.DuckDBPyConnection, contacts: Collection[str]) -> dict[str, list[Any]]:
    """Every identifier that the contacts ever had, older versions included."""
    columns = ("email", "phone", "loyalty_id", "device_token")
    sql = f"select {', '.join(columns)} from raw.crm_contacts where trim(contact_id) in (select unnest($contacts))"
    rows = connection.execute(sql, {"contacts": sorted(contacts)}).fetchall()
    return {kind: [row[number] for row in rows] for number, kind in enumerate(columns)}


def _erase_tables(connection: duckdb.DuckDBPyConnection, person: Person) -> int:
    """Delete by every column that names the person, and by the keys that stand for their identifiers."""
    tables = _tables(connection)
    keys = _keys(connection, tables, person)
    count = 0
    for table, columns in tables.items():
        tests, parameters = _tests(columns, person)
        for column in ("key_id", "customer_number"):
            if column in columns and keys[column]:
                tests.append(f"{column} in (select unnest(${column}))")
                parameters[column] = keys[column]
        if tests:
            deleted = connection.execute(f"delete from {table} where {' or '.join(tests)}", parameters).fetchall()
            count += int(deleted[0][0])
    return count


def _keys(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Mapping[str, str]], person: Person
) -> dict[str, list[Any]]:
    """Dbt's own numbers for the person and for combinations of their identifiers."""
    keys: dict[str, set[Any]] = {"key_id": set(), "customer_number": set()}
    for table, columns in tables.items():
        tests, parameters = _tests(columns, person)
        for column in keys:
            if column in columns and tests:
                rows = connection.execute(
                    f"select distinct {column} from {table} where {' or '.join(tests)}", parameters
                )
                keys[column] |= {value for (value,) in rows.fetchall() if value is not None}
    return {column: sorted(values) for column, values in keys.items()}


def _tables(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Columns with their types of every table, by its quoted name."""
    rows = connection.execute("""
        select '"' || c.table_schema || '"."' || c.table_name || '"', c.column_name, c.data_type
        from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
        where t.table_type = 'BASE TABLE'
    """).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        tables.setdefault(table, {})[column] = kind
    return tables


def _tests(columns: Mapping[str, str], person: Person) -> tuple[list[str], dict[str, Any]]:
    """SQL that is true of the person's rows, for the columns that are there."""
    tests, parameters = [], {}
    for kind, values in person.by_kind().items():
        if not values:
            continue
        used = [column for column in KINDS[kind] if column in columns]
        for column in used:
            value = (
                f"lower(trim({column}::varchar))"
                if kind.startswith(("email", "phone_"))
                else f"trim({column}::varchar)"
            )
            value = f"regexp_replace({column}::varchar, '[^0-9+]', '', 'g')" if kind == "phone" else value
            tests.append(f"{value} in (select unnest(${kind}))")
        if kind == "contact_id" and "contact_ids" in columns:
            listed = (
                "contact_ids" if columns["contact_ids"].endswith("[]") else "from_json(contact_ids, '[\"VARCHAR\"]')"
            )
            tests.append(f"list_has_any({listed}, $contact_id)")
            used.append("contact_ids")
        if used:
            parameters[kind] = sorted(values)
    return tests, parameters


def rewrite_warehouse(home: Home) -> None:
    """A deleted row stays in the file's free blocks: copy what is left to a new file and put it in the old one's place."""
    fresh = home.warehouse.with_name("rewritten.duckdb")
    fresh.unlink(missing_ok=True)
    with writer(home) as connection:
        (old,) = connection.execute("select current_database()").fetchall()[0]
        connection.execute(f"attach '{str(fresh).replace(chr(39), chr(39) * 2)}' as rewritten")
        connection.execute(f'copy from database "{old}" to rewritten')
        connection.execute("checkpoint rewritten")
        connection.execute("detach rewritten")
    home.warehouse.with_name(home.warehouse.name + ".wal").unlink(missing_ok=True)
    os.replace(fresh, home.warehouse)  # noqa: PTH105 - one step: readers see the old file or the new one


def _rewrite_parquet(path: Path, person: Person) -> int:
    """A published mart without the person's rows, renamed into place."""
    with duckdb.connect() as connection:
        described = connection.execute("describe select * from read_parquet(?)", [str(path)]).fetchall()
        tests, parameters = _tests({row[0]: row[1] for row in described}, person)
        if not tests:
            return 0
        condition, parameters = " or ".join(tests), parameters | {"path": str(path)}
        sql = f"select count(*) from read_parquet($path) where {condition}"
        count = int(connection.execute(sql, parameters).fetchall()[0][0])
        if not count:
            return 0
        aside = path.with_suffix(".rewriting")
        kept = connection.execute(
            f"select * from read_parquet($path) where not coalesce({condition}, false)", parameters
        )
        connection.register("kept", kept.to_arrow_table())
        connection.execute(
            f"copy kept to '{str(aside).replace(chr(39), chr(39) * 2)}' (format parquet, compression zstd)"
        )
    aside.replace(path)
    return count


def _rewrite_outbound(path: Path, person: Person) -> int:
    """What was handed over as a file: the line stays as the record that it left, its recipient and content go."""

    def erased(line: str) -> str | None:
        message = json.loads(line)
        if not person.contact_id & {str(each) for each in message["contact_ids"]} or not message["recipient"]:
            return None
        return json.dumps(message | {"recipient": {}, "content": {}}, ensure_ascii=False, separators=(",", ":"))

    return _rewrite_lines(path, erased)


def _rewrite_quarantine(path: Path, person: Person) -> int:
    """Rows that could not be loaded and name the person lose their text; that they were there, and why, stays."""
    names = {value.lower() for values in person.by_kind().values() for value in values if len(value) > 3}  # noqa: PLR2004 - "c1" is in too many lines

    def erased(line: str) -> str | None:
        row = json.loads(line)
        raw = str(row["raw"] or "").lower()
        return json.dumps(row | {"raw": None}) if any(name in raw for name in names) else None

    return _rewrite_lines(path, erased)


def _rewrite_lines(path: Path, erased: Any) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    changed = [erased(line) for line in lines]
    count = sum(line is not None for line in changed)
    if count:
        aside = path.with_suffix(".rewriting")
        aside.write_text("".join(_newlines(lines, changed)), encoding="utf-8")
        aside.chmod(path.stat().st_mode)
        aside.replace(path)
    return count


def _newlines(lines: Sequence[str], changed: Sequence[str | None]) -> Iterator[str]:
    for line, instead in zip(lines, changed, strict=True):
        yield (line if instead is None else instead) + "\n"
