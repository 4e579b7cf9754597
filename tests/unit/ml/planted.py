"""A small world whose effects are known: training frames with planted differences."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ml.entities import NONE, Option

OPTIONS = [Option("email", "none"), Option("email", "ten_off"), Option("voice", "none"), Option("voice", "ten_off")]


@dataclass(frozen=True)
class World:
    """Planted logits: base + age and visits, plus per channel an average effect and one that grows with `visits`."""

    base: float = -2.5
    effect: dict[str, float] = field(default_factory=lambda: {"email": 0.4, "voice": 0.8})
    slope: dict[str, float] = field(default_factory=lambda: {"email": 0.6, "voice": 0.0})
    offer_effect: float = 0.2

    def alone(self, frame: pd.DataFrame) -> np.ndarray:
        """True chance when left alone."""
        return 1 / (1 + np.exp(-self._logit(frame)))

    def contacted(self, frame: pd.DataFrame, option: Option) -> np.ndarray:
        """True chance after the contact."""
        return 1 / (1 + np.exp(-self._logit(frame) - self._difference(frame, option)))

    def _logit(self, frame: pd.DataFrame) -> np.ndarray:
        return self.base + 0.5 * frame["tenure_days"].to_numpy() / 500 + 0.4 * (frame["country"] == "US").to_numpy()

    def _difference(self, frame: pd.DataFrame, option: Option) -> np.ndarray:
        channel, offer = option
        visits = frame["web_visit_30d_count"].to_numpy() - 3.0
        return self.effect[channel] + self.slope[channel] * visits / 2 + self.offer_effect * (offer == "ten_off")


def people(n: int, seed: int) -> pd.DataFrame:
    """Customers with a few features that matter and a few that don't."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "customer_id": [f"c{seed}-{i}" for i in range(n)],
            "tenure_days": rng.integers(0, 1000, n).astype("float64"),
            "web_visit_30d_count": rng.poisson(3, n),
            "country": rng.choice(["US", "DE", "FR"], n),
            "age_years": pd.array(np.where(rng.random(n) < 0.2, None, rng.integers(18, 90, n)), dtype="Int64"),
            "has_email": rng.random(n) < 0.8,
            "noise": rng.normal(size=n),
        }
    )


def training_frame(
    n: int, seed: int, world: World | None = None, channels: tuple[str, ...] = ("email", "voice")
) -> pd.DataFrame:
    """A randomized trial: half alone, the rest evenly over channels and two offers, probabilities logged."""
    world, rng, frame = world or World(), np.random.default_rng(seed + 1), people(n, seed)
    options = [option for option in OPTIONS if option.channel in channels]
    choice = np.where(rng.random(n) < 0.5, -1, rng.integers(0, len(options), n))
    probability = world.alone(frame)
    for position, option in enumerate(options):
        probability = np.where(choice == position, world.contacted(frame, option), probability)
    frame["channel"] = [NONE if c < 0 else options[c].channel for c in choice]
    frame["offer_id"] = [NONE if c < 0 else options[c].offer_id for c in choice]
    frame["creative_id"] = NONE
    frame["slot"] = NONE
    frame["propensity"] = np.where(choice < 0, 0.5, 0.5 / len(options))
    frame["sample_weight"] = 1.0
    frame["arm"], frame["source"] = "random", "cycle"
    frame["as_of_on"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 4, n) * 7, unit="D")
    frame["is_converted"] = rng.random(n) < probability
    margin = rng.gamma(2.0, 10 + 20 * (frame["country"] == "DE").to_numpy())
    frame["margin"] = np.where(frame["is_converted"], margin, np.nan)
    return frame
