"""The ledger's part in a decision, kept in memory: what was sent and spent, and nothing of how it left.

`assets.deciding`, `assets.creatives` and `assets.frames` ask a ledger for a few sums. A simulation of many markets can't
wait for a database that survives crashes, so these books answer the same questions; the ledger itself may stand in their
place (`benchmarks.value.cycle` takes either), and a test holds that both lead to the same decisions.
"""

from datetime import date, datetime
from types import SimpleNamespace
from typing import Any, Final

import pandas as pd

from ml.entities import NONE

_SENT: Final = ["message_id", "customer_id", "channel", "offer_id", "sent_at"]
_FIGURES: Final = ["cycle_on", "objective_id", "channel", "messages", "people", "spend"]


class Books:
    """Answers as `assets.ledger.ledger.Ledger` does, of contacts that all went out when they were due.

    Nobody approves, rejects, stops or suppresses here: who left is known from the consents that land.
    """

    def __init__(self) -> None:
        self._days: dict[date, pd.DataFrame] = {}
        self.halts = SimpleNamespace(active=frozenset)
        self.outbox = SimpleNamespace(contacts_since=self._contacts_since)
        self.figures = SimpleNamespace(since=self._figures_since)
        self.suppressions = SimpleNamespace(by_contact=pd.DataFrame)
        self.budgets = SimpleNamespace(spent_of=self._spent_of)
        self.objectives = SimpleNamespace(level=lambda _objective: None)
        self.randomizations = SimpleNamespace(keep=lambda _objective, arms, _salt, _at: arms)
        self.plans = SimpleNamespace(
            list=lambda _cycle=None: [], rejections=lambda _on: [], withheld=lambda _cycle: frozenset[tuple[str, str]]()
        )

    def send(self, on: date, decisions: pd.DataFrame) -> None:
        """Take down a day's contacts."""
        contacts = decisions[decisions["channel"] != NONE]
        self._days[on] = contacts.assign(message_id="m-" + contacts["decision_id"].str.slice(2)).rename(
            columns={"send_at": "sent_at"}
        )

    def _contacts_since(self, at: datetime) -> pd.DataFrame:
        since = pd.Timestamp(at).tz_localize(None)
        parts = [rows.loc[rows["sent_at"] >= since, _SENT] for rows in self._days.values()]
        none = pd.DataFrame({name: pd.Series(dtype="object") for name in _SENT})
        return pd.concat(parts, ignore_index=True) if parts else none

    def _figures_since(self, first: date) -> pd.DataFrame:
        rows: list[dict[str, Any]] = []
        for on, contacts in sorted(self._days.items()):
            if on >= first:
                for (objective, channel), part in contacts.groupby(["objective_id", "channel"]):
                    people, spend = part["customer_id"].nunique(), float(part["contact_cost"].sum())
                    rows.append(
                        dict(zip(_FIGURES, (on.isoformat(), objective, channel, len(part), people, spend), strict=True))
                    )
        return pd.DataFrame(rows, columns=_FIGURES)

    def _spent_of(self, objective_id: str) -> float:
        found = self._figures_since(date.min)
        return float(found.loc[found["objective_id"] == objective_id, "spend"].sum())
