"""What earlier days' contacts were expected to cause and still acts today, where a channel's returns diminish."""

from collections.abc import Mapping
from datetime import date, timedelta
from math import ceil, log
from typing import Final

import numpy as np
import pandas as pd

from assets.cycles import revisions
from assets.home import Home
from ml.configuration import Configuration
from ml.day_problem import Segmented
from ml.entities import NONE

NEGLIGIBLE: Final = 0.01
"""Part of a day's effect below which it is taken to be over."""
MOST_DAYS: Final = 60
_COLUMNS: Final = ["customer_id", "objective_id", "channel", "uplift", "unit_value"]


def earlier_effects(
    home: Home,
    configuration: Configuration,
    released: pd.DataFrame,
    customer_ids: pd.Series,
    segmented: Segmented,
    day: date,
) -> dict[str, list[list[float]]]:
    """Money that contacts were expected to cause by `objective:channel`, the latest day first, each by segment.

    Of a day's decisions counts the share of messages that were let out.

    Args:
        home: The workspace.
        configuration: Channels with their responses.
        released: `ledger.figures.since` those days.
        customer_ids: Of N people.
        segmented: Their segments today.
        day: The day that is decided.
    """
    channels = configuration.actions.channels
    days = {name: days_that_act(each.response.retention) for name, each in channels.items() if each.response}
    found: dict[str, list[list[float]]] = {}
    places = pd.Series(segmented.of, index=customer_ids.to_numpy())
    for back in range(1, max(days.values(), default=0) + 1):
        whole = _of_day(home, released, places, len(segmented.names), day - timedelta(days=back))
        for objective in configuration.objectives:
            for channel in (name for name, most in days.items() if back <= most):
                key = f"{objective.id}:{channel}"
                found.setdefault(key, []).append(whole.get(key, [0.0] * len(segmented.names)))
    return found


def days_that_act(retention: float) -> int:
    """Days after which less than a hundredth of an effect is left."""
    return 0 if retention <= 0 else min(MOST_DAYS, ceil(log(NEGLIGIBLE) / log(retention)))


def _of_day(home: Home, released: pd.DataFrame, places: pd.Series, count: int, on: date) -> Mapping[str, list[float]]:
    frames = [
        pd.read_parquet(home.cycle(each) / "decisions.parquet", columns=_COLUMNS)
        for each in revisions(home, on)
        if (home.cycle(each) / "decisions.parquet").exists()
    ]
    if not frames:
        return {}
    contacts = pd.concat(frames, ignore_index=True)
    contacts = contacts[contacts["channel"] != NONE]
    let_out = released[released["cycle_on"] == on.isoformat()].set_index(["objective_id", "channel"])["messages"]
    found = {}
    for (objective, channel), rows in contacts.groupby(["objective_id", "channel"], observed=True):
        share = min(1.0, float(let_out.get((objective, channel), 0)) / len(rows))
        effect = np.maximum(rows["uplift"].to_numpy(dtype=float) * rows["unit_value"].to_numpy(dtype=float), 0.0)
        segment = rows["customer_id"].map(places).fillna(count - 1).to_numpy(dtype=np.int64)
        found[f"{objective}:{channel}"] = [share * float(e) for e in np.bincount(segment, effect, minlength=count)]
    return found
