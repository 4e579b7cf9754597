"""What the `truth` policy of `wayfinder simulate` believes: of each option what the market's law says it is worth today."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from assets.cycles import read_json, read_scores, write_json, write_scores
from assets.frames import read_mart
from assets.home import Home
from ml.entities import Option
from ml.response.scores import Scores
from orchestration import market
from orchestration.settings import Settings


def believe_truth(settings: Settings, day: date) -> None:
    """Put the market's truth in the place of the day's scores, and nothing learned of conversations beside it.

    Args:
        settings: The workspace of the simulation.
        day: The cycle's day; its scores are there.
    """
    home = Home(settings.home)
    folder = home.cycle(day.isoformat())
    stated, versions = read_scores(folder / "scores.parquet"), read_json(folder / "versions.json")
    recipients = read_mart(home, versions["generation_id"], "dim_recipients", "customer_id, contact_ids")
    offers = ",".join(dict.fromkeys(option.offer_id for option in stated.options))
    told = pd.read_parquet(market.truth(settings, "options", "--on", day.isoformat(), "--offers", offers))
    worth = worth_of(told, recipients, stated.customer_ids, stated.options)
    write_scores(Scores.of_worth(stated.customer_ids, stated.options, worth), folder / "scores.parquet")
    write_json(versions | {"model": "truth", "model_sha256": "truth", "journeys": ""}, folder / "versions.json")


def worth_of(
    told: pd.DataFrame,
    recipients: pd.DataFrame,
    customers: "pd.Series[str] | npt.NDArray[Any]",
    options: Sequence[Option],
) -> npt.NDArray[np.float64]:
    """What each option is worth for each customer, who is the person of its first contact, as for a message, [N, O].

    Args:
        told: The market's options: `contact_id`, and a column for each option.
        recipients: `dim_recipients`: customer_id, contact_ids.
        customers: Customer ids, [N]; of somebody whom the market doesn't know nothing comes.
        options: O of them.
    """
    first = recipients.set_index("customer_id")["contact_ids"].str[0].reindex(customers)
    known = told.drop_duplicates("contact_id").set_index("contact_id").reindex(first)
    return known[[str(option) for option in options]].fillna(0.0).to_numpy(dtype=np.float64)
