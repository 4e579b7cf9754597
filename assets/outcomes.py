"""Outcomes: what came back, once by event, and what of it calls for another look at the open rest of the day."""

from datetime import date, datetime, timedelta
from typing import Any, Final

import dagster as dg
import duckdb
import pandas as pd

from assets.duck import writer
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.ledger.records import OutcomeCounts
from assets.partitions import CYCLES
from assets.releasing import Office
from assets.reoptimizing import reoptimize
from data_tests import outcomes as outcomes_suite

OWNERS: Final = ["team:data-engineering"]
CONSENT_LOOK_BACK: Final = timedelta(days=8)
"""Older consent events are in every view that a plan still waiting could rest on; newer ones are asked again at hand-over."""


_STATS: Final = "select path, size_bytes, modified_at from raw.landed_files union select * from raw.duplicate_files"


@dg.asset(
    group_name="outcomes",
    kinds={"sqlite"},
    owners=OWNERS,
    deps=[dg.AssetKey(["raw", "outcomes"]), dg.AssetKey(["raw", "consents"])],
    pool="warehouse",
    op_tags={
        "dagster/priority": "-1"
    },  # after dbt, which needs nothing of it and has Great Expectations loaded meanwhile
)
def outcomes(
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    at: dg.ResourceParam[datetime],
) -> dg.MaterializeResult:
    """Events that came back, each once by its id, with the suppressions and withdrawals that follow from them.

    A file counts as dealt with only after its events are committed, so a run that fails is made good by the next one.
    """
    with writer(home) as connection:
        files = _files_not_dealt_with(connection, ledger.landing.known())
        events = _rows(connection, "outcomes", files)
        consents = _rows(connection, "consents", files, since=at - CONSENT_LOOK_BACK)
        stats = connection.execute(_STATS).fetchall()
    result = outcomes_suite.check(_as_taken(events, at), received_by=at.replace(tzinfo=None))
    if not result.passed:
        raise dg.Failure("outcomes broke a data test, none was taken in: " + "; ".join(map(str, result.failures)))
    counts = ledger.outcomes.take_in(events, received_at=at)
    new_consents = ledger.suppressions.take_in_consents(consents, received_at=at) if len(consents) else 0
    for file in files.to_dict("records"):
        ledger.landing.record(**{str(name): value for name, value in file.items()}, received_at=at)
    ledger.landing.see(stats)
    return dg.MaterializeResult(metadata=_metadata(counts, new_consents, len(files)))


@dg.asset(
    group_name="outcomes",
    kinds={"cvxpy", "sqlite"},
    owners=["team:decision-science"],
    partitions_def=CYCLES,
    deps=["outcomes"],
)
def reoptimization(
    context: dg.AssetExecutionContext,
    office: dg.ResourceParam[Office],
    at: dg.ResourceParam[datetime],
    seed: dg.ResourceParam[int],
    threads: dg.ResourceParam[int],
) -> dg.MaterializeResult:
    """The open rest of the day decided anew, where what came in can change a decision that is still open."""
    found = reoptimize(office, date.fromisoformat(context.partition_key), at, seed=seed, threads=threads)
    context.log.info(found.words)
    return dg.MaterializeResult(metadata=found.to_metadata())


def _files_not_dealt_with(connection: duckdb.DuckDBPyConnection, known: set[str]) -> pd.DataFrame:
    landed: pd.DataFrame = connection.execute(
        "select file_id, source, path, row_count, quarantined_count from raw.landed_files order by load_id"
    ).df()
    return landed[~landed["file_id"].isin(known)]


def _rows(
    connection: duckdb.DuckDBPyConnection, source: str, files: pd.DataFrame, since: datetime | None = None
) -> pd.DataFrame:
    wanted = files.loc[files["source"] == source, "file_id"].tolist()
    sql = f"select * from raw.{source} where _file_id in (select unnest($files)) and occurred_at >= $since"  # noqa: S608 - our own names
    after = datetime(1970, 1, 1) if since is None else since.replace(tzinfo=None)  # noqa: DTZ001 - raw times are UTC without zone
    frame: pd.DataFrame = connection.execute(sql, {"files": wanted, "since": after}).df()
    return frame


def _as_taken(events: pd.DataFrame, at: datetime) -> pd.DataFrame:
    once = events[["event_id", "event_type", "occurred_at", "message_id", "channel", "value"]].drop_duplicates(
        "event_id"
    )
    is_matched = once["message_id"].notna() & once["channel"].notna()
    return once.assign(received_at=at.replace(tzinfo=None), is_matched=is_matched)


def _metadata(counts: OutcomeCounts, consents: int, files: int) -> dict[str, Any]:
    return {
        "new": counts.new,
        "duplicate": counts.duplicate,
        "unmatched": counts.unmatched,
        "suppressed": counts.suppressed,
        "consents": consents,
        "files": files,
        "by_type": dg.MetadataValue.json(counts.by_type),
    }
