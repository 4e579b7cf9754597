"""What people have refused lately, as the decision needs it: contacts that aren't proposed again."""

from datetime import date
from typing import Final

import pandas as pd

from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.ledger.rejections import Rejection
from ml.entities import NONE

COLUMNS: Final = ("customer_id", "objective_id", "channel")


def rejected_contacts(home: Home, ledger: Ledger, day: date) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Contacts that a person has refused and that the day's plans leave out, and the words for it.

    Returns:
        customer_id (None: everybody), objective_id, channel; and a note a rejection.
    """
    found = ledger.plans.rejections(day)
    parts = [_everybody(each) if each.channels else _the_same(home, each) for each in found]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS), dtype="object")
    return frame, tuple(each.words for each in found)


def _everybody(rejection: Rejection) -> pd.DataFrame:
    rows = [(None, name, channel) for name in rejection.plan.objectives for channel in rejection.channels]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="object")


def _the_same(home: Home, rejection: Rejection) -> pd.DataFrame:
    path = home.cycle(rejection.plan.cycle_id) / "decisions.parquet"
    decisions = pd.read_parquet(path, columns=list(COLUMNS))
    pairs = [(name, c) for name in rejection.plan.objectives for c in rejection.plan.channels_of(name) if c != NONE]
    return decisions[pd.MultiIndex.from_frame(decisions[["objective_id", "channel"]]).isin(pairs)]
