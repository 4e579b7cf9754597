"""Reads what is published: the marts of a generation, and the rows that response models learn from.

Readers see published Parquet only, never the writer's database, so nobody waits for a lock or sees half a build.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pandas as pd

from assets.duck import query
from assets.home import Home

LABEL_COLUMNS: Final = ("is_converted", "margin")


def read_mart(home: Home, generation_id: str, mart: str, columns: str = "*") -> pd.DataFrame:
    """One mart of a published generation as a frame.

    Raises:
        FileNotFoundError: The generation wasn't published, or was removed since.
    """
    path = home.generation(generation_id) / f"{mart}.parquet"
    if not path.exists():
        raise FileNotFoundError(
            f"generation {generation_id} has no {mart} ({path}); run the cycle that publishes it again"
        )
    return query(f"select {columns} from read_parquet($path)", path=str(path))  # noqa: S608 - names of our own


@dataclass(frozen=True)
class TrainingSources:
    """What a training frame is made of.

    Attributes:
        generation: Folder of the published generation whose conversions label the rows.
        cycles: Folders of earlier cycles, each with `features.parquet` and `decisions.parquet`.
        cutoff_on: Day of the cycle; a row whose horizon isn't over by then isn't a row yet.
        horizon_days: Days in which a conversion counts.
        time_zone: Of the workspace: where a day begins.
    """

    generation: Path
    cycles: tuple[Path, ...]
    cutoff_on: date
    horizon_days: int
    time_zone: str


def training_frame(sources: TrainingSources, max_rows: int, seed: int) -> pd.DataFrame:
    """Rows (person, day) with features as known on that day, what was done, and what came of it.

    Contacted or not, history and own cycles alike; labels come from conversions, whoever was contacted. Where there are more
    than `max_rows` a hash sample is kept and its weights are raised by what was left out.

    Args:
        sources: Where the rows come from.
        max_rows: Upper bound of the frame's length, kept in expectation.
        seed: Salt of the sample.

    Returns:
        A row a (customer_id, as_of_on): features, `channel`, `offer_id`, `creative_id`, `slot` ('none' where not contacted),
        `sample_weight`, `propensity`, `arm`, `source`, `is_converted`, `margin`.
    """
    newest = sources.cutoff_on - timedelta(days=sources.horizon_days)
    parts = [_history(sources), *(_cycle(sources, folder) for folder in sources.cycles if _day(folder) <= newest)]
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame()
    return _sampled(pd.concat(parts, ignore_index=True), max_rows, seed)


_LABELS: Final = """
    days as (
        select distinct as_of_on,
            as_of_on::timestamp at time zone $time_zone at time zone 'UTC' as begins_at,
            (as_of_on + $horizon_days)::timestamp at time zone $time_zone at time zone 'UTC' as ends_at
        from rows
    ),
    sold as (
        select rows.customer_id, rows.as_of_on, sum(conversion.margin) as margin
        from rows
        join days using (as_of_on)
        join read_parquet($conversions) as conversion
          on conversion.customer_id = rows.customer_id
         and conversion.converted_at >= days.begins_at
         and conversion.converted_at < days.ends_at
        group by all
    )
    select rows.*, sold.margin is not null as is_converted, sold.margin
    from rows
    left join sold using (customer_id, as_of_on)
"""


def _history(sources: TrainingSources) -> pd.DataFrame:
    rows = """
        select * exclude (channel, offer_id, assignment_probability),
            coalesce(channel, 'none') as channel, coalesce(offer_id, 'none') as offer_id,
            'none' as creative_id, 'none' as slot,
            assignment_probability as propensity, 'history' as arm, 'history' as source
        from read_parquet($snapshots)
        where as_of_on + $horizon_days <= $cutoff_on
    """
    return query(
        f"with rows as ({rows}), {_LABELS}",
        snapshots=str(sources.generation / "fct_customer_snapshots.parquet"),
        cutoff_on=sources.cutoff_on,
        conversions=str(sources.generation / "fct_conversions.parquet"),
        horizon_days=sources.horizon_days,
        time_zone=sources.time_zone,
    )


def _cycle(sources: TrainingSources, folder: Path) -> pd.DataFrame:
    rows = """
        select features.*, decision.channel, decision.offer_id, decision.creative_id, decision.slot,
            decision.logging_propensity as propensity, decision.arm, 'cycle' as source
        from read_parquet($features) as features
        join read_parquet($decisions) as decision using (customer_id)
    """
    return query(
        f"with rows as ({rows}), {_LABELS}",
        features=str(folder / "features.parquet"),
        decisions=str(folder / "decisions.parquet"),
        conversions=str(sources.generation / "fct_conversions.parquet"),
        horizon_days=sources.horizon_days,
        time_zone=sources.time_zone,
    )


def _sampled(frame: pd.DataFrame, max_rows: int, seed: int) -> pd.DataFrame:
    if len(frame) <= max_rows:
        return frame
    share = max_rows / len(frame)
    keys = pd.util.hash_pandas_object(frame["customer_id"] + str(seed), index=False).to_numpy()
    kept = frame[keys < share * 2.0**64].reset_index(drop=True)
    return kept.assign(sample_weight=kept["sample_weight"] / share)


def _day(folder: Path) -> date:
    return date.fromisoformat(folder.name.split(".")[0])
