"""The sample market in this process: it gets a day's messages as the file driver hands them over, lives on, and is asked for its truth."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.value.setting import START, Setting
from market.answer import answer
from market.catalogue import read_catalogue
from market.history import Plan, make_market
from market.law import law_named
from market.options import options_table
from market.store import Places, load_state
from market.truth import value_table, worth_table
from ml.entities import NONE, Option
from orchestration.knowing import worth_of

_EVENTS: Final = 50.0


@dataclass(frozen=True)
class Outside:
    """The market of a home.

    Attributes:
        home: Folder of the workspace; the truth is beside it, in `market/`.
        config: Folder whose `actions.yaml` names the offers.
    """

    home: Path
    config: Path

    @property
    def places(self) -> Places:
        """Where the market's files are."""
        return Places(self.home, self.home / "market")

    def make(self, setting: Setting, seed: int) -> None:
        """Make the market, its history ending where the first cycle begins."""
        law = law_named(setting.law, [setting.shift] if setting.shift else [])
        plan = Plan(setting.customers, seed, START, setting.history_days, _EVENTS, law, read_catalogue(self.config))
        make_market(self.places, plan, lambda _: None)

    def live(self, until: datetime) -> None:
        """Live from the last answer to an instant, answering what was handed over meanwhile."""
        state, _ = load_state(self.places)
        since = datetime.fromtimestamp(state.clock_ms / 1000, tz=until.tzinfo)
        answer(self.places, since, until, self.config)

    def hand_over(self, decisions: pd.DataFrame, recipients: pd.DataFrame) -> None:
        """Write a day's contacts as `outbound/<channel>/<cycle_id>.jsonl` has them, without what they say."""
        contacts = decisions[decisions["channel"] != NONE]
        ids = recipients.set_index("customer_id")["contact_ids"]
        for channel, rows in contacts.groupby("channel"):
            path = self.home / "outbound" / str(channel) / f"{rows['cycle_id'].iloc[0]}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = [json.dumps(_line(row, list(ids[row["customer_id"]]))) for row in rows.to_dict("records")]
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def worth_of(self, customers: pd.Series, recipients: pd.DataFrame, options: list[Option], on: date) -> np.ndarray:
        """Margin that the law expects of each contact on a day, float64 [N, O]: the truth, for judges and for yardsticks.

        Args:
            customers: N customer ids.
            recipients: `dim_recipients`; a customer is the person of its first contact, as for a message.
            options: O channels with offers; the creative is a plain one, the hour a middling one.
            on: The day.
        """
        offers = list(dict.fromkeys(option.offer_id for option in options))
        table = options_table(self.places, on.toordinal() - date(1970, 1, 1).toordinal(), offers).to_pandas()
        return worth_of(table, recipients, customers, options)

    def expected(self) -> pd.DataFrame:
        """What messages were worth when they were sent: cycle_on, channel, message_count, expected_margin, caused_count."""
        found: pd.DataFrame = worth_table(self.places).to_pandas()
        return found

    def margin(self) -> "pd.Series[Any]":
        """Margin of all sales, by UTC day."""
        sales: pd.DataFrame = value_table(self.places).to_pandas()
        return sales.groupby("sold_on")["margin"].sum()


def _line(row: Mapping[Any, Any], contact_ids: list[str]) -> dict[str, Any]:
    return {
        "message_id": f"m-{row['decision_id'][2:]}",
        "cycle_id": row["cycle_id"],
        "customer_id": row["customer_id"],
        "offer_id": row["offer_id"],
        "creative_id": row["creative_id"],
        "send_at": row["send_at"].isoformat() + "Z",
        "contact_ids": contact_ids,
    }
