"""Who is in which arm since when, and what the arms show: from the audiences of the cycles and the published conversions."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pandas as pd

from assets.cycles import ASSIGNED, read_json
from assets.duck import query
from assets.frames import read_mart
from assets.home import Home
from assets.ledger.ledger import Ledger
from ml.learning.comparison import Comparison
from ml.learning.cost import cost_per_conversion
from ml.learning.lift import EVERYBODY, Lift, lifts
from ml.learning.looks import Look
from ml.learning.panel import WINDOWS, Panel, micros, panel_of
from ml.learning.sample_ratio import SampleRatio, sample_ratio

COLUMNS: Final = ["customer_id", "objective_id", "arm", "segment", "assigned_at"]
Facts = dict[str, Any]


def assigned(home: Home, day: date, time_zone: str) -> pd.DataFrame:
    """Everybody who was in an objective's audience on a day so far, with the arm and the segment of the first.

    A person counts from the beginning of that day, whatever was decided for them.

    Returns:
        customer_id, objective_id, arm, segment, assigned_at (UTC); one row a person and objective.
    """
    mornings = [
        path
        for path in home.root.glob(f"cycles/*/{ASSIGNED}")
        if "." not in path.parent.name and path.parent.name <= day.isoformat()
    ]
    if not mornings:
        return pd.DataFrame(columns=COLUMNS)
    sql = """
        with seen as (
            select
                customer_id, objective_id, arm, segment,
                regexp_extract(filename, '([0-9]{4}-[0-9]{2}-[0-9]{2})/[^/]*$', 1)::date as on_day
            from read_parquet($paths, filename = true)
        )
        select
            customer_id, objective_id, arg_min(arm, on_day) as arm, arg_min(segment, on_day) as segment,
            min(on_day) as assigned_on
        from seen group by customer_id, objective_id
    """
    found = query(sql, paths=[str(path) for path in mornings])
    begins = {on: begin(pd.Timestamp(on).date(), time_zone) for on in found["assigned_on"].unique()}
    return found.assign(assigned_at=found["assigned_on"].map(begins))[COLUMNS]


def lift_facts(home: Home, ledger: Ledger, day: date, people: pd.DataFrame, time_zone: str) -> Facts:
    """What the arms show as known at the beginning of a day.

    Returns:
        `lifts` of everybody, `segments` (against holdout), `costs` (a conversion caused) and `sample_ratio`, each a list
        of plain facts by objective. Where an objective's arms don't have their shares its lifts have no figures.
    """
    found: dict[str, list[Facts]] = {"lifts": [], "segments": [], "costs": [], "sample_ratio": []}
    until = begin(day, time_zone)
    earlier_people = people[people["assigned_at"] < until] if len(people) else people
    people = earlier_people if len(earlier_people) else people
    if people.empty:
        return {**found, "people": 0}
    conversions = _conversions(home, day, people["assigned_at"].min())
    people = people.merge(ledger.figures.cost_of_people(day), on=["customer_id", "objective_id"], how="left")
    people["cost"] = people["cost"].fillna(0.0)
    shares, looks = ledger.randomizations.shares(), earlier_looks(home, day)
    moment = int(micros([until])[0])
    for name, members in people.groupby("objective_id", observed=True):
        panel = panel_of(members, conversions)
        ratio = sample_ratio(str(name), panel.arm, shares[str(name)]) if str(name) in shares else None
        of_all, of_segments = _looked(panel, str(name), moment, looks)
        if ratio is not None:
            found["sample_ratio"].append(asdict(ratio) | {"is_uneven": ratio.is_uneven})
        found["costs"] += [asdict(cost_per_conversion(c, _withheld(one, ratio))) for c, one in _priced(panel, of_all)]
        found["lifts"] += [asdict(_withheld(one, ratio)) for one in of_all]
        found["segments"] += [asdict(_withheld(one, ratio)) for one in of_segments]
    return {**found, "people": len(people)}


def earlier_looks(home: Home, day: date) -> dict[Any, Sequence[Look]]:
    """The looks of the days before, oldest first, by objective, measure, arm compared with, and segment."""
    found: dict[Any, list[Look]] = defaultdict(list)
    paths = home.root.glob("cycles/????-??-??/lift.json")
    for path in sorted(path for path in paths if path.parent.name < day.isoformat()):
        facts = read_json(path)
        for one in (*facts["lifts"], *facts.get("segments", ())):
            if one.get("information") is not None:
                key = (one["objective_id"], one["measure"], one["against"], one["segment"])
                found[key].append(Look(int(one["until"]), float(one["information"])))
    return dict(found)


def begin(day: date, time_zone: str) -> datetime:
    """When a day begins, UTC."""
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)


def _looked(panel: Panel, name: str, moment: int, looks: Any) -> tuple[list[Lift], list[Lift]]:
    segments = sorted({str(one) for one in panel.segment} - {EVERYBODY})
    of_segments = lifts(panel, name, moment, looks, segments=segments, against=("holdout",))
    return lifts(panel, name, moment, looks), of_segments


def _priced(panel: Panel, found: Sequence[Lift]) -> list[tuple[Comparison, Lift]]:
    """Conversions against holdout, to which nothing was sent."""
    wanted = [one for one in found if (one.measure, one.against) == ("conversion", "holdout")]
    return [(Comparison.of(panel, one.against), one) for one in wanted]


def _withheld(lift: Lift, ratio: SampleRatio | None) -> Lift:
    if ratio is None or not ratio.is_uneven:
        return lift
    none = dict.fromkeys(("difference", "low", "high", "fixed_low", "fixed_high", "reduction", "information"))
    return replace(lift, **none, words=ratio.words)  # type: ignore[arg-type]


def _conversions(home: Home, day: date, first: datetime) -> pd.DataFrame:
    """Purchases from a year before the first assignment on."""
    generation_id = read_json(home.cycle(day.isoformat()) / "versions.json")["generation_id"]
    found = read_mart(home, generation_id, "fct_conversions", "customer_id, converted_at, margin")
    since = pd.Timestamp(first) - timedelta(days=WINDOWS[-1])
    return found[pd.to_datetime(found["converted_at"], utc=True) >= since]
