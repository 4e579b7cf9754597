"""The test as it is stated: the shop's own configuration at a smaller size, one objective in money, and scarce money.

Capacities are those of `config/` for 200,000 people, scaled to the market's. A day's money is capped at `MONEY_A_PERSON`,
about a third of what using every channel to its capacity would cost. Policies stop where a contact brings less than it costs, so
most spend less than that, each another sum, and value per unit of spend then rewards spending less: with scarcer money
(`--money`) all spend the same, and it compares like with like. A conversion counts within `WINDOW_DAYS`; the model may train
as often as outcomes mature.

Policies are judged, and those that know the truth are tuned, by all that follows a contact. Wayfinder learns what comes within
the window alone: nothing of a letter, half of a web offer, which is shown when the person comes within seven days, and of no
channel the purchases that caused ones lead to.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import ceil
from pathlib import Path
from typing import Any, Final

import yaml

CHECKOUT: Final = Path(__file__).resolve().parents[2]
SHIPPED: Final = CHECKOUT / "config"
SHIPPED_FOR: Final = 200_000
START: Final = date(2026, 1, 5)
WINDOW_DAYS: Final = 3
MONEY_A_PERSON: Final = 0.003
OBJECTIVE: Final = "earn_margin"
EVERYBODY: Final = "lifecycle in ('prospect', 'active', 'lapsing', 'lapsed')"

SPLIT: Final = {"email": 0.60, "paid_social": 0.25, "direct_mail": 0.15}
ALL_SYSTEM: Final = {"holdout": 0.0, "manual": 0.0, "random": 0.0}
ALL_RANDOM: Final = {"holdout": 0.0, "manual": 0.0, "random": 1.0}
ARMS: Final = {"holdout": 0.05, "manual": 0.05, "random": 0.02}


@dataclass(frozen=True)
class Setting:
    """One market and how long it is lived in.

    Attributes:
        customers: Persons.
        days: Cycles.
        law: The market's law: default, sparse or noisy.
        shift: A planted change, `DAY:CHANNEL=FACTOR`; none where empty.
        history_days: Of the market before the first cycle.
        money_a_person: What may be spent on contacts in a day, for each person.
    """

    customers: int = 20_000
    days: int = 30
    law: str = "default"
    shift: str = ""
    history_days: int = 365
    money_a_person: float = MONEY_A_PERSON

    @property
    def money_a_day(self) -> float:
        """What may be spent on contacts in a day."""
        return round(self.money_a_person * self.customers, 2)

    @property
    def name(self) -> str:
        """Name of the setting's folder."""
        shifted = f"-{self.shift.replace(':', '_')}" if self.shift else ""
        past = "" if self.history_days == type(self).history_days else f"-{self.history_days}d"
        money = "" if self.money_a_person == MONEY_A_PERSON else f"-{self.money_a_person:g}"
        return f"{self.law}{shifted}-{self.customers}x{self.days}{past}{money}"


def write_configuration(
    folder: Path,
    setting: Setting,
    *,
    arms: Mapping[str, float] = ARMS,
    exploration: Mapping[str, float] | None = None,
    channel_caps: Mapping[str, float] | None = None,
) -> Path:
    """Write the configuration of a policy.

    Args:
        folder: Where; written anew.
        setting: The market.
        arms: Shares of the arms.
        exploration: Keys of `exploration` that differ from the shop's.
        channel_caps: Shares of the day's money by channel; the objective has no other channels then.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SHIPPED, folder)
    shutil.rmtree(folder / "objectives")
    (folder / "objectives").mkdir()
    actions, policy = _read(folder / "actions.yaml"), _read(folder / "policy.yaml")
    for terms in actions["channels"].values():
        terms["capacity_per_day"] = ceil(terms["capacity_per_day"] * setting.customers / SHIPPED_FOR)
    policy["training"] = {"every_days": WINDOW_DAYS, "horizon_days": WINDOW_DAYS}
    policy["exploration"] = {**policy["exploration"], **(exploration or {})}
    policy["wear"] = {"future_margin_share": 0.0}
    policy["guardrails"]["channel_spend_share"] = 1.0
    policy["spend_caps"] = {"per_day": setting.money_a_day}
    if channel_caps:
        caps = {name: round(share * setting.money_a_day, 2) for name, share in channel_caps.items()}
        policy["spend_caps"]["per_channel_per_day"] = caps
    _write(folder / "actions.yaml", actions)
    _write(folder / "policy.yaml", policy)
    channels = list(channel_caps) if channel_caps else "all"
    _write(folder / "objectives" / f"{OBJECTIVE}.yaml", _objective(setting, arms, channels))
    return folder


def _objective(setting: Setting, arms: Mapping[str, float], channels: list[str] | str) -> dict[str, Any]:
    """Margin of everybody. Nobody has to approve it, and its budget is beyond what the days may spend together."""
    return {
        "id": OBJECTIVE,
        "description": "Earn more margin than would come by itself",
        "owner": "growth@example.com",
        "metric": "incremental_margin",
        "target": {"amount": 1000.0, "pursued": False},
        "audience": {"where": EVERYBODY},
        "starts_on": START,
        "ends_on": date(2026, 6, 30),
        "budget": setting.money_a_day * 2000,
        "value_per_unit": "from_data",
        "conversion_window_days": WINDOW_DAYS,
        "autonomy": "autonomous",
        "arms": {**ALL_SYSTEM, **arms},
        "channels": channels,
    }


def _read(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(yaml.safe_dump(dict(content), sort_keys=False), encoding="utf-8")
