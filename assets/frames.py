"""Reads what is published: the marts of a generation, and the rows that response models learn from.

Readers see published Parquet only, never the writer's database, so nobody waits for a lock or sees half a build.
"""

import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from assets.cycles import CHANCES, read_json
from assets.duck import query
from assets.home import Home
from ml.entities import NONE
from ml.learning.delay import matured
from ml.policy.chances import released_propensity

SAMPLE_SHARES: Final = (0.55, 0.15, 0.3)
"""Parts of a sample for drawn contacts, those chosen by habit, and people left alone: effects are learned from the first."""


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
        cutoff_on: Day of the cycle; of a row whose horizon isn't over by then the outcome until then is known.
        horizon_days: Days in which a conversion counts.
        time_zone: Of the workspace: where a day begins.
        withheld: By cycle each (objective, channel) whose part was never released; nobody was contacted by these.
        valid_days: By offer, how long it can be redeemed; the horizon for others.
    """

    generation: Path
    cycles: tuple[Path, ...]
    cutoff_on: date
    horizon_days: int
    time_zone: str
    withheld: Mapping[str, Collection[tuple[str, str]]] = field(default_factory=dict)
    valid_days: Mapping[str, int] = field(default_factory=dict)


def training_frame(sources: TrainingSources, max_rows: int, seed: int) -> pd.DataFrame:
    """Rows (person, day) with features as known on that day, what was done, and what came of it.

    Contacted or not, history and own cycles alike; labels come from conversions, whoever was contacted. A row whose horizon
    isn't over is in it with the weight of what it may teach (`ml.learning.delay`), never as a failure. Where there are more
    than `max_rows` a hash sample is kept, contacts that were drawn first, and its weights are raised by what was left out.

    Args:
        sources: Where the rows come from.
        max_rows: Upper bound of the frame's length, kept in expectation.
        seed: Salt of the sample.

    Returns:
        A row a (customer_id, as_of_on): features, `channel`, `offer_id`, `creative_id`, `slot` ('none' where not contacted),
        `sample_weight`, `propensity`, `arm`, `source`, `is_converted`, `converted_day` (from 0 on),
        `margin` (of finished rows), `age_days` (until the cutoff), `maturity` (1: finished),
        `is_clicked` (the message) and `is_traced` (a conversion followed the click; both NULL of people left alone, of past
        messages whose clicks nobody told, and of own ones before a channel's first click and after its last), `is_exposed` (the
        person looked at what came by the channel; NULL where it doesn't tell), `usual_discount` and `offer_discount` (off a
        conversion without an offer and one with this one; NULL where there is none), `offer_horizons` and
        `redemption_count` (`_with_redemptions`), by day and person.
    """
    weeks: dict[int, list[Path]] = {}
    for folder in sources.cycles:
        if _day(folder) < sources.cutoff_on:
            weeks.setdefault(_day(folder).toordinal() // 7, []).append(folder)
    # A day each would read all conversions for every day; all days at once take twice the memory.
    parts = [_history(sources), *(_cycles(sources, folders) for folders in weeks.values())]
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame()
    rows = _sampled(_with_redemptions(pd.concat(parts, ignore_index=True), sources), max_rows, seed)
    # A database gives rows in any order, and a model of rows in another order is another one to the last bit.
    rows = rows.sort_values(["as_of_on", "customer_id"], ignore_index=True)
    age = pd.Timestamp(sources.cutoff_on) - pd.to_datetime(rows["as_of_on"])
    return matured(rows.assign(age_days=age.dt.days), sources.horizon_days)


_LABELS: Final = """
    days as (
        select distinct as_of_on,
            as_of_on::timestamp at time zone $time_zone at time zone 'UTC' as begins_at,
            least(as_of_on + $horizon_days::int, $cutoff_on)::timestamp
                at time zone $time_zone at time zone 'UTC' as ends_at
        from rows
    ),
    sold as (
        select rows.customer_id, rows.as_of_on,  -- decimals: sums of doubles depend on the rows' order
            sum(conversion.margin::decimal(18, 4))::double as margin,
            avg(conversion.discount::decimal(18, 4)) filter (where conversion.offer_code is null) as usual_discount,
            avg(conversion.discount::decimal(18, 4)) filter (where conversion.offer_code = rows.offer_id) as offer_discount,
            bool_or(conversion.converted_at >= click.clicked_at) as is_traced,
            min(date_sub('hour', days.begins_at, conversion.converted_at)) // 24 as converted_day
        from rows
        join days using (as_of_on)
        join read_parquet($conversions) as conversion
          on conversion.customer_id = rows.customer_id
         and conversion.converted_at >= days.begins_at
         and conversion.converted_at < days.ends_at
        left join read_parquet($clicks) as click on click.message_id = rows.message_id
        group by all
    ),
    looks as (
        select customer_id, channel, exposed_on from read_parquet($exposures)
        where exposed_on >= (select min(as_of_on) from days)
            and exposed_on < (select max(as_of_on) from days) + $horizon_days::int
    ),
    telling as (  -- from a channel's first report on, until its last one
        select channel, min(exposed_on) as first_on, max(exposed_on) as last_on from read_parquet($exposures) group by channel
    ),
    seen as (
        select distinct rows.customer_id, rows.as_of_on
        from rows
        join looks
          on looks.customer_id = rows.customer_id and looks.channel = rows.channel
         and looks.exposed_on >= rows.as_of_on and looks.exposed_on < rows.as_of_on + $horizon_days::int
    ),
    heard as (  -- clicks on messages of ours are told from the day before the first one on, as most come at once, until the last one
        select channel, min(clicked_at)::date as first_on, max(clicked_at)::date as last_on
        from read_parquet($clicks) where not is_past group by channel
    )
    select rows.* exclude (message_id), sold.margin is not null as is_converted, sold.margin,
        sold.usual_discount, sold.offer_discount,
        if(
            rows.message_id is null
                or (rows.source = 'cycle' and not coalesce(rows.as_of_on between heard.first_on - 1 and heard.last_on, false)),
            null, clicks.clicked_at is not null
        ) as is_clicked,
        if(is_clicked is null, null, coalesce(sold.is_traced, false)) as is_traced,
        if(telling.channel is null, null, seen.customer_id is not null) as is_exposed,
        if(sold.margin is null, null, sold.converted_day) as converted_day
    from rows
    left join sold using (customer_id, as_of_on)
    left join seen using (customer_id, as_of_on)
    left join telling
      on telling.channel = rows.channel and rows.as_of_on >= telling.first_on
     and rows.as_of_on + $horizon_days::int <= telling.last_on + 1
    left join read_parquet($clicks) as clicks on clicks.message_id = rows.message_id
    left join heard on heard.channel = rows.channel
"""


def _history(sources: TrainingSources) -> pd.DataFrame:
    rows = """
        select snapshots.* exclude (channel, offer_id, assignment_probability),
            coalesce(channel, 'none') as channel, coalesce(offer_id, 'none') as offer_id,
            'none' as creative_id, 'none' as slot, told.message_id,
            assignment_probability as propensity, 'history' as arm, 'history' as source
        from read_parquet($snapshots) as snapshots
        left join (  -- of past messages those whose clicks are told
            select customer_id, channel, as_of_on, arg_min(touch_id, (sent_at, touch_id)) as message_id
            from (
                select *, (sent_at at time zone 'UTC' at time zone $time_zone)::date as as_of_on from read_parquet($touches)
            )
            where touch_id in (select message_id from read_parquet($clicks))
            group by all
        ) as told using (customer_id, channel, as_of_on)
        where as_of_on < $cutoff_on
    """
    return query(
        f"with rows as ({rows}), {_LABELS}",
        snapshots=str(sources.generation / "fct_customer_snapshots.parquet"),
        touches=_mart(sources, "fct_touches"),
        cutoff_on=sources.cutoff_on,
        conversions=_mart(sources, "fct_conversions"),
        clicks=_mart(sources, "fct_clicks"),
        exposures=_mart(sources, "fct_exposures"),
        horizon_days=sources.horizon_days,
        time_zone=sources.time_zone,
    )


def _mart(sources: TrainingSources, name: str) -> str:
    path = sources.generation / f"{name}.parquet"
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: the generation is of an earlier version; run a cycle, it publishes anew"
        )
    return str(path)


def _cycles(sources: TrainingSources, folders: list[Path]) -> pd.DataFrame:
    """Days of ours: one row a person and day, with the decision that stood in the end, the morning's or a re-optimization's."""
    rows = """
        select features.* replace (features.as_of_on::date as as_of_on),
            decision.channel, decision.offer_id, decision.creative_id, decision.slot,
            if(decision.channel = 'none', null, 'm-' || substr(decision.decision_id, 3)) as message_id,
            decision.logging_propensity as propensity, decision.arm, 'cycle' as source
        from (
            select * exclude (filename) from read_parquet($features, filename = true, union_by_name = true)
            qualify row_number() over (
                partition by customer_id, as_of_on::date order by list_position($features, filename) desc
            ) = 1
        ) as features
        join (
            select *, left(cycle_id, 10)::date as decided_on from read_parquet($decisions, union_by_name = true)
            qualify row_number() over (
                partition by customer_id, decided_on
                order by length(cycle_id) desc, cycle_id desc, channel = 'none', objective_id
            ) = 1
        ) as decision on decision.customer_id = features.customer_id and decision.decided_on = features.as_of_on::date
        where decision.decision_id not in (select unnest($withdrawn))
    """
    ordered = sorted(folders, key=lambda folder: (len(folder.name), folder.name))
    features = [folder / "features.parquet" for folder in ordered]
    features = [path for path in features if pq.read_metadata(path).num_rows]  # empty columns have no type to agree on
    if not features:
        return pd.DataFrame()
    with tempfile.TemporaryDirectory() as scratch:
        return query(
            f"with rows as ({rows}), {_LABELS}",
            features=[str(path) for path in features],
            decisions=[str(_as_released(folder, sources, Path(scratch))) for folder in ordered],
            withdrawn=[name for folder in ordered for name in withdrawn(folder)],
            conversions=_mart(sources, "fct_conversions"),
            clicks=_mart(sources, "fct_clicks"),
            exposures=_mart(sources, "fct_exposures"),
            horizon_days=sources.horizon_days,
            time_zone=sources.time_zone,
            cutoff_on=sources.cutoff_on,
        )


def _with_redemptions(rows: pd.DataFrame, sources: TrainingSources) -> pd.DataFrame:
    """The rows with the days that their offer could be redeemed so far, in horizons, and how often it was.

    Until the person gets the same offer again: who has it twice redeems it once, and the later contact made that last.
    """
    offers = """
        with offered as (
            select row_id, customer_id, offer_id, as_of_on::date as as_of_on, least(
                as_of_on::date + coalesce($days[list_position($names, offer_id)], $horizon_days)::int,
                coalesce(lead(as_of_on::date) over (partition by customer_id, offer_id order by as_of_on), $cutoff_on),
                $cutoff_on
            ) as ends_on
            from offers
        ),
        lasting as (
            select row_id, customer_id, offer_id, ends_on - as_of_on as offer_days,
                as_of_on::timestamp at time zone $time_zone at time zone 'UTC' as begins_at,
                ends_on::timestamp at time zone $time_zone at time zone 'UTC' as ends_at
            from offered
        )
        select row_id, any_value(offer_days) / $horizon_days as offer_horizons,
            count(conversion.offer_code) as redemption_count
        from lasting
        left join read_parquet($conversions) as conversion
          on conversion.customer_id = lasting.customer_id and conversion.offer_code = lasting.offer_id
         and conversion.converted_at >= lasting.begins_at and conversion.converted_at < lasting.ends_at
        group by row_id
    """
    has_offer = (rows["offer_id"] != NONE).to_numpy()
    offered = rows.loc[has_offer, ["customer_id", "offer_id", "as_of_on"]]
    counts = query(
        offers,
        {"offers": offered.rename_axis("row_id").reset_index()},
        names=[*sources.valid_days],
        days=[*sources.valid_days.values()],
        horizon_days=sources.horizon_days,
        cutoff_on=sources.cutoff_on,
        time_zone=sources.time_zone,
        conversions=str(sources.generation / "fct_conversions.parquet"),
    ).set_index("row_id")
    found = counts.reindex(rows.index).fillna(0)
    return rows.assign(**{name: found[name].astype("float32") for name in counts.columns})


def _as_released(folder: Path, sources: TrainingSources, scratch: Path) -> Path:
    """The cycle's decisions as they were carried out: who would have been contacted by a part that was withheld got none."""
    path, withheld = folder / "decisions.parquet", sources.withheld.get(folder.name, ())
    if not withheld:
        return path
    decisions = pd.read_parquet(path)
    propensity = released_propensity(decisions, pd.read_parquet(folder / CHANCES), withheld)
    is_out = pd.MultiIndex.from_frame(decisions[["objective_id", "channel"]]).isin(list(withheld))
    decisions.loc[is_out, ["channel", "offer_id", "creative_id", "slot"]] = NONE
    done = decisions.assign(logging_propensity=propensity)[propensity.notna()]
    done.to_parquet(scratch / f"{folder.name}.parquet", index=False)
    return scratch / f"{folder.name}.parquet"


def withdrawn(folder: Path) -> list[str]:
    """Decisions whose message a re-optimization took back: what was decided for those people didn't happen."""
    path = folder / "withdraws.json"
    if not path.exists():
        return [""]
    return [f"d-{message_id.removeprefix('m-')}" for message_id in read_json(path)["withdraws"]]


def _sampled(frame: pd.DataFrame, max_rows: int, seed: int) -> pd.DataFrame:
    """A hash sample of people; contacts that were drawn are thinned last, since effects are learned from them."""
    if len(frame) <= max_rows:
        return frame
    propensity = frame["propensity"].to_numpy(dtype=float, na_value=float("nan"))
    contacted = (frame["channel"] != NONE).to_numpy()
    drawn = contacted & (propensity > 0) & (propensity < 1)
    share = np.ones(len(frame))
    room, left = float(max_rows), sum(SAMPLE_SHARES)
    # What a kind leaves of its room is for those after it.
    for part, kind in zip(SAMPLE_SHARES, (drawn, contacted & ~drawn, ~contacted), strict=True):
        count = max(int(kind.sum()), 1)
        share[kind] = min(1.0, room * part / left / count)
        room, left = room - share[kind].sum(), left - part
    keys = pd.util.hash_pandas_object(frame["customer_id"] + str(seed), index=False).to_numpy()
    weighted = frame.assign(sample_weight=frame["sample_weight"] / share)
    return weighted[keys < share * 2.0**64].reset_index(drop=True)


def _day(folder: Path) -> date:
    return date.fromisoformat(folder.name.split(".")[0])
