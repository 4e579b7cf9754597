"""Landing: files that came in become rows of the warehouse's `raw` schema, each file once.

Reading and quarantine are in `assets.intake`; this module says which assets exist and what a person sees of them.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import dagster as dg
import duckdb

from assets.duck import writer
from assets.forgetting import drop_forgotten, rewrite_warehouse
from assets.home import Home
from assets.intake import LandingReport, land, record_messages, set_identity_overrides
from assets.intake.contract import SOURCES
from assets.ledger.flushing import flush
from assets.ledger.ledger import Ledger
from assets.releasing import Office
from ml.configuration import Configuration

MESSAGES: Final = "messages"
OVERRIDES: Final = "identity_overrides"


def _specs() -> list[dg.AssetSpec]:
    described = {
        name: f"Rows of landing/{name}/, each file once, with the types that the contract states." for name in SOURCES
    }
    described[MESSAGES] = "Messages that were handed over, copied from the ledger."
    described[OVERRIDES] = "Pairs of contacts that a person declared to be the same or different."
    return [
        dg.AssetSpec(
            ["raw", name],
            description=text,
            group_name="landing",
            kinds={"duckdb", "file"},
            owners=["team:data-engineering"],
            skippable=False,
        )
        for name, text in described.items()
    ]


@dg.multi_asset(name="landing", specs=_specs(), pool="warehouse")
def landing(
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    configuration: dg.ResourceParam[Configuration],
    office: dg.ResourceParam[Office],
    at: dg.ResourceParam[datetime],
) -> Iterator[dg.MaterializeResult]:
    """Take in every file that is new, and what was handed over since the last time."""
    received_at = at.replace(tzinfo=None)
    flush(ledger.inbox, home.landing, at=at)
    with writer(home) as connection:
        report = land(home.root, connection, at=received_at, known=())
        dropped = drop_forgotten(connection, ledger.forgotten.hashes(), office.unsubscribe.key)
        exported = _export_messages(connection, ledger, received_at)
        set_identity_overrides(connection, configuration.identity.pairs())
        _remember_duplicates(connection, report)
        totals = {
            name: connection.execute(f"select count(*) from raw.{name}").fetchall()[0][0]  # noqa: S608 - names of our own
            for name in (*SOURCES, MESSAGES, OVERRIDES)
        }
    for line in _notes(report):
        context.log.warning(line)
    if dropped:
        rewrite_warehouse(home)
        context.log.warning(f"{sum(dropped.values())} rows of people who were erased landed again and were dropped")
    for name, total in totals.items():
        metadata = _metadata(report, name, total, exported) | ({"forgotten": dropped[name]} if name in dropped else {})
        yield dg.MaterializeResult(asset_key=["raw", name], metadata=metadata)


def _export_messages(connection: duckdb.DuckDBPyConnection, ledger: Ledger, at: datetime) -> int:
    """Copy hand-overs since the last export. A crash before the cursor is kept copies them again, which changes nothing."""
    connection.execute("create table if not exists raw.cursors (name varchar primary key, value bigint)")
    kept = connection.execute("select value from raw.cursors where name = 'handover'").fetchall()
    since = ledger.outbox.handed_over_since(kept[0][0] if kept else 0)
    exported = record_messages(connection, since.frame, at) if len(since.frame) else 0
    connection.execute("insert or replace into raw.cursors values ('handover', ?)", [since.cursor])
    return exported


def _remember_duplicates(connection: duckdb.DuckDBPyConnection, report: LandingReport) -> None:
    """Files whose content was known already have no row of their own; the outcomes asset tells the ledger of them too."""
    connection.execute(
        "create table if not exists raw.duplicate_files (path varchar, size_bytes bigint, modified_at timestamp)"
    )
    for stat in report.duplicates:
        connection.execute("insert into raw.duplicate_files values (?, ?, ?)", list(stat))


def _metadata(report: LandingReport, name: str, total: int, exported: int) -> dict[str, Any]:
    files = [file for file in report.files if file.source == name]
    counts = Counter(rows=exported if name == MESSAGES else 0)
    for file in files:
        counts.update(rows=file.rows, quarantined=file.quarantined + (file.reason is not None and file.rows == 0))
    unknown = sorted({column for file in files for column in file.unknown_columns})
    metadata: dict[str, Any] = {
        "dagster/row_count": total,
        "new_files": len(files),
        "new_rows": counts["rows"],
        "quarantined": counts["quarantined"],
        "is_absent": name in report.absent,
    }
    if unknown:
        metadata["unknown_columns"] = ", ".join(unknown)
    return metadata


def _notes(report: LandingReport) -> Iterator[str]:
    for file in report.files:
        if file.reason:
            yield f"{file.path} is in quarantine as a whole: {file.reason}"
        elif file.quarantined:
            place = f"quarantine/{file.source}/{file.file_id}.jsonl"
            yield f"{file.path}: {file.quarantined} of {file.rows + file.quarantined} rows are in quarantine ({place})"
    for refusal in report.refused:
        yield f"{refusal.path} was not opened: {refusal.reason}"
    if report.absent:
        yield f"nothing has ever landed for {', '.join(report.absent)}; the cycle works without"
