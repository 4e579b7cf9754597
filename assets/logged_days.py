"""Days of ours as an experiment: what was done to whom, with which chance, and who bought within the horizon.

Cycles of which a part was withheld, and people whose decision was changed within the day, are left out: their probabilities
are others.
"""

from datetime import date
from pathlib import Path
from typing import Any, Final

from assets.cycles import CHANCES
from assets.frames import withdrawn
from assets.home import Home
from assets.ledger.ledger import Ledger
from ml.configuration import Configuration
from ml.learning.contrasts import LEAST_CHANCE, Side, Sums

LOGGED_DAYS: Final = """
    with days as (
        select
            unnest($days::date[]) as on_day,
            unnest($days::date[])::timestamp at time zone $time_zone at time zone 'UTC' as begins_at,
            (unnest($days::date[]) + $horizon_days)::timestamp at time zone $time_zone at time zone 'UTC' as ends_at
    ),
    decided as (
        select customer_id, cycle_id::date as on_day, objective_id, channel, uplift
        from read_parquet($decisions)
        where decision_id not in (select unnest($withdrawn))
        qualify count(*) over (partition by cycle_id, customer_id) = 1
    ),
    chances as (
        select
            customer_id,
            regexp_extract(filename, '([0-9]{4}-[0-9]{2}-[0-9]{2})/[^/]*$', 1)::date as on_day,
            channel,
            coalesce(sum(chance) filter (where is_randomized), 0) as randomized,
            coalesce(sum(chance) filter (where not is_randomized), 0) as by_system
        from read_parquet($chances, filename = true)
        group by all
    ),
    -- the system chooses where no randomized arm contacts
    by_channel as (
        select
            customer_id,
            on_day,
            channel,
            randomized + by_system * (1 - sum(randomized) over person) as chance,
            1 - sum(randomized) over person - (1 - sum(randomized) over person) * sum(by_system) over person as alone
        from chances
        window person as (partition by customer_id, on_day)
    ),
    possible as (
        select * from by_channel where chance >= $least and alone >= $least
    ),
    bought as (
        select distinct conversion.customer_id, days.on_day
        from days
        join read_parquet($conversions) as conversion
            on conversion.converted_at >= days.begins_at and conversion.converted_at < days.ends_at
    )
"""
"""Statements begin with it: days, decided, chances, by_channel, possible (chances that leave something to compare), bought."""


def whole_days(home: Home, ledger: Ledger, days: list[date]) -> list[Path]:
    """Folders of the cycles of these days that were released whole."""
    folders = [home.cycle(day.isoformat()) for day in days]
    return [path for path in folders if (path / CHANCES).exists() and not ledger.plans.withheld(path.name)]


def parameters(home: Home, configuration: Configuration, generation: Path, whole: list[Path]) -> dict[str, Any]:
    """What `LOGGED_DAYS` asks for.

    Args:
        home: The workspace.
        configuration: Horizon and time zone.
        generation: Folder of the published generation whose conversions count.
        whole: At least one folder, as `whole_days` gives them.
    """
    changed = [
        name for folder in whole for later in home.root.glob(f"cycles/{folder.name}.*") for name in withdrawn(later)
    ]
    return {
        "days": [date.fromisoformat(folder.name) for folder in whole],
        "time_zone": configuration.policy.time_zone,
        "horizon_days": configuration.policy.training.horizon_days,
        "decisions": [str(folder / "decisions.parquet") for folder in whole],
        "chances": [str(folder / CHANCES) for folder in whole],
        "conversions": str(generation / "fct_conversions.parquet"),
        "withdrawn": changed or [""],
        "least": LEAST_CHANCE,
    }


def sums_of(values: list[float]) -> Sums:
    """Sums from their columns: seven of people contacted, seven of people left alone, then the products."""
    contacted, alone, products = values[:7], values[7:14], values[14:]
    first, second = (Side(int(side[0]), int(side[1]), *side[2:]) for side in (contacted, alone))
    return Sums(first, second, *products)
