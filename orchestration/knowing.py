"""What the `truth` policy of `wayfinder simulate` believes: of each option what the market's law says it is worth today."""

from datetime import date

import numpy as np
import pandas as pd

from assets.cycles import read_json, read_scores, write_json, write_scores
from assets.frames import read_mart
from assets.home import Home
from ml.response.scores import Scores
from orchestration import market, verbs
from orchestration.settings import Settings


def believe_truth(settings: Settings, day: date) -> None:
    """Put the market's truth in the place of the day's scores, and nothing learned of conversations beside it.

    Args:
        settings: The workspace of the simulation.
        day: The cycle's day; its scores are there.
    """
    home, offers = Home(settings.home), verbs.configuration_of(settings).actions.offers
    folder = home.cycle(day.isoformat())
    stated, versions = read_scores(folder / "scores.parquet"), read_json(folder / "versions.json")
    recipients = read_mart(home, versions["generation_id"], "dim_recipients", "customer_id, contact_ids")
    words = ("--on", day.isoformat(), "--offers", ",".join(offers))
    told = pd.read_parquet(market.truth(settings, "options", *words))
    # a customer is the person of its first contact, as for a message; of somebody unknown nothing comes
    first = recipients.set_index("customer_id")["contact_ids"].str[0].reindex(stated.customer_ids)
    known = told.drop_duplicates("contact_id").set_index("contact_id").reindex(first)
    worth = known[[str(option) for option in stated.options]].fillna(0.0).to_numpy(dtype=np.float64)
    write_scores(Scores.of_worth(stated.customer_ids, stated.options, worth), folder / "scores.parquet")
    write_json(versions | {"model": "truth", "model_sha256": "truth", "journeys": ""}, folder / "versions.json")
