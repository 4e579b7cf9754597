"""Sums of what a model promised and what came, over the cycles that it decided and whose horizon is over.

Blocks of days are counted once, on the first day that can, and kept beside the training frames (as `assets.memory` does
for channels): the sums add up, and a day's share of them doesn't change.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Final

from assets.cycles import read_json, write_json
from assets.duck import query
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.logged_days import LOGGED_DAYS, parameters, sums_of, whole_days
from ml.configuration import Configuration
from ml.learning.contrasts import Sums
from ml.learning.promise import Promise, promises_of

LOOK_BACK: Final = timedelta(days=180)


def promises(
    home: Home, ledger: Ledger, configuration: Configuration, generation: Path, day: date, model_sha256: str
) -> list[Promise]:
    """What a model promised and what came: all together, by channel, and by objective.

    Args:
        home: The workspace.
        ledger: What was withheld.
        configuration: Horizon and time zone.
        generation: Folder of the published generation whose conversions count.
        day: The cycle's day.
        model_sha256: Which model's decisions.
    """
    length = configuration.policy.training.horizon_days
    sums: dict[tuple[str, str], Sums] = {}
    predicted: dict[tuple[str, str], float] = {}
    for block in range((day - LOOK_BACK).toordinal() // length, day.toordinal() // length):
        begins = date.fromordinal(block * length)
        if begins + timedelta(days=2 * length - 1) > day:
            break
        path = home.training / f"promises-{model_sha256[:12]}-{begins}.json"
        if not path.exists():
            days = [begins + timedelta(days=offset) for offset in range(length)]
            rows = _count(home, ledger, configuration, generation, days, model_sha256)
            write_json({"rows": rows}, path)
        for objective, channel, *values in read_json(path)["rows"]:
            key = (str(objective), str(channel))
            sums[key] = sums.get(key, Sums()) + sums_of(values[:-1])
            predicted[key] = predicted.get(key, 0.0) + float(values[-1])
    return promises_of(sums, predicted)


_SQL: Final = """,
    asked as (
        select * from possible
        union all
        select customer_id, on_day, 'all', 1 - any_value(alone), any_value(alone)
        from by_channel group by customer_id, on_day having any_value(alone) between $least and 1 - $least
    ),
    sides as (
        select
            asked.channel,
            decided.objective_id,
            decided.customer_id,
            decided.channel != 'none' as is_contacted,
            1 / if(decided.channel = 'none', asked.alone, asked.chance) as weight,
            if(decided.channel = 'none', 0, decided.uplift) as uplift,
            bought.customer_id is not null as is_converted
        from decided
        join asked on decided.customer_id = asked.customer_id and decided.on_day = asked.on_day
        left join bought on decided.customer_id = bought.customer_id and decided.on_day = bought.on_day
        where asked.channel = 'all' or decided.channel in (asked.channel, 'none')
    ),
    people as (
        select
            channel,
            if(grouping(objective_id) = 1, 'all', objective_id) as objective_id,
            customer_id,
            coalesce(sum(weight) filter (where is_contacted), 0) as w1,
            coalesce(sum(weight * (is_converted::int - uplift)) filter (where is_contacted), 0) as b1,
            coalesce(bool_or(is_converted) filter (where is_contacted), false) as has_bought1,
            coalesce(sum(weight * uplift) filter (where is_contacted), 0) as u1,
            coalesce(sum(weight) filter (where not is_contacted), 0) as w0,
            coalesce(sum(weight * is_converted::int) filter (where not is_contacted), 0) as b0
        from sides
        group by grouping sets ((channel, customer_id), (channel, objective_id, customer_id))
    )
    select
        objective_id, channel,
        count(*) filter (where w1 > 0), count(*) filter (where has_bought1), sum(w1), sum(b1), sum(w1 * w1), sum(w1 * b1), sum(b1 * b1),
        count(*) filter (where w0 > 0), count(*) filter (where b0 > 0), sum(w0), sum(b0), sum(w0 * w0), sum(w0 * b0), sum(b0 * b0),
        sum(b1 * b0), sum(b1 * w0), sum(w1 * b0), sum(w1 * w0), sum(u1)
    from people
    group by objective_id, channel
    having sum(w1) > 0 and sum(w0) > 0
    order by objective_id != 'all', objective_id, channel != 'all', channel
"""


def _count(
    home: Home, ledger: Ledger, configuration: Configuration, generation: Path, days: list[date], model_sha256: str
) -> list[list[object]]:
    whole = [
        folder
        for folder in whole_days(home, ledger, days)
        if read_json(folder / "versions.json")["model_sha256"] == model_sha256
    ]
    if not whole:
        return []
    rows = query(LOGGED_DAYS + _SQL, **parameters(home, configuration, generation, whole))
    return [[str(row[0]), str(row[1]), *map(float, row[2:])] for row in rows.itertuples(index=False, name=None)]
