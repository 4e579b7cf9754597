"""People, scores and room for tests of a whole decision under the project's own configuration."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from ml.configuration import Configuration, read_configuration
from ml.day_problem import Room
from ml.entities import CHANNELS
from ml.knowledge import Knowledge, Moment
from ml.policy.frequency import all_contacts
from ml.response.redemption import Redemption
from ml.response.scores import Scores

CONFIG = Path(__file__).parents[3] / "config"
MOMENT = Moment("2026-01-05", date(2026, 1, 5), datetime(2026, 1, 5, 10, tzinfo=UTC), seed=7, salt="test")


def configuration_of(value_share: float) -> Configuration:
    """The project's configuration with another price of exploring."""
    found = read_configuration(CONFIG)
    exploration = found.policy.exploration.model_copy(update={"value_share": value_share})
    return Configuration(**{**vars(found), "policy": found.policy.model_copy(update={"exploration": exploration})})


def known_people(people: int, configuration: Configuration, seed: int = 0) -> Knowledge:
    """Everybody reachable on every channel; effects small, noisy, and different by person and option."""
    rng = np.random.default_rng(seed)
    options = tuple(configuration.actions.options())
    ids = np.array([f"c{i:06d}" for i in range(people)], dtype=object)
    customers = pd.DataFrame(
        {
            "customer_id": ids,
            "time_zone": "America/New_York",
            "age_years": 40.0,
            "preferred_hour": pd.array(rng.choice([9, 18, None], people), dtype="Int64"),
            "lifecycle": rng.choice(["prospect", "active", "lapsing", "lapsed"], people),
            "days_since_last_purchase": rng.integers(0, 200, people),
            **{
                f"has_{what}": rng.random(people) < 0.7
                for what in ("email", "phone", "address", "device_token", "visitor")
            },
        }
    )
    baseline = rng.beta(1, 20, people).astype(np.float32)
    propensity = np.clip(baseline[:, None] + rng.normal(0.005, 0.01, (people, len(options))), 0, 1).astype(np.float32)
    consents = pd.DataFrame(
        {
            "customer_id": np.repeat(ids, len(CHANNELS)),
            "channel": np.tile(np.array(CHANNELS, dtype=object), people),
            "status": "granted",
            "basis": "express_written",
        }
    )
    scores = Scores(
        ids,
        options,
        baseline,
        propensity - baseline[:, None],
        np.full_like(propensity, 0.004),
        propensity,
        np.full(people, 40, np.float32),
        (Redemption(0.1, 0.1),) * len(options),
        np.ones_like(propensity),
        np.zeros(people, np.float32),
        {},
    )
    values = {o.id: rng.lognormal(3.5, 0.5, people) for o in configuration.objectives}
    nobody = pd.DataFrame({"customer_id": pd.Series(dtype="str"), "channel": pd.Series(dtype="str")})
    return Knowledge(customers, scores, np.full(people, 20.0), values, consents, all_contacts(), nobody)


def room_for(people: int, configuration: Configuration) -> Room:
    """Money for a part of the people, voice and mail scarce."""
    return Room(
        total=0.1 * people,
        objectives={o.id: 0.04 * people for o in configuration.objectives},
        channels={"direct_mail": 0.05 * people},
        capacity={**dict.fromkeys(CHANNELS, float(people)), "voice": people // 100, "email": people // 10},
        spend_share=0.75,
    )
