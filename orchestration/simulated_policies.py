"""The policies that `wayfinder simulate` compares, each as a configuration: the same assets run all of them.

- `wayfinder`: the configuration as it is.
- `random`: everybody is in the random arm; half of them are contacted each day, until the money is spent.
- `manual`: everybody is in the manual arm, whose rules each objective states (without any: an e-mail a week).
- `fixed`: the habit of marketing teams: the day's money split 60/25/15 over e-mail, paid social and direct mail, each to the
  segment of likely buyers that a team would draw by hand. Money that a channel has no capacity for isn't moved.
- `truth`: the best plan that can be known of a day: the system decides for everybody by what the market's law says each contact
  is worth (`orchestration.knowing`), under one objective in money with the stated audiences and budgets together. It is greedy, it doesn't
  spare people for later days.
- `nothing`: nobody is contacted; the market lives alone.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import yaml

from orchestration.errors import BadInput

NOTHING: Final = "nothing"
WAYFINDER: Final = "wayfinder"
TRUTH: Final = "truth"
SPLIT: Final = {"email": 0.60, "paid_social": 0.25, "direct_mail": 0.15}
LIKELY: Final = (
    ("direct_mail", "purchase_90d_count >= 3", 28),
    ("paid_social", "purchase_90d_count >= 1 or web_visit_30d_count >= 3", 14),
    ("email", "true", 3),
)
"""Channel, segment of likely buyers, days between contacts: the first that holds."""
RANDOM_SHARE: Final = 0.5
MOST_DAYS: Final = 365
"""Between trainings, where nobody asks the model."""

Document = dict[str, Any]


def write_policy(name: str, stated: Path, folder: Path) -> Path:
    """Write the configuration with which a policy runs.

    Args:
        name: The policy.
        stated: What the operator states.
        folder: Where; written anew.

    Returns:
        The folder to use.

    Raises:
        BadInput: There is no such policy.
    """
    if name not in CHANGES:
        raise BadInput(f"--policy {name!r}: there are {', '.join((NOTHING, *CHANGES))}")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(stated, folder)
    policy = _read(folder / "policy.yaml")
    objectives = {path: _read(path) for path in sorted((folder / "objectives").glob("*.yaml"))}
    kept = CHANGES[name](policy, list(objectives.values()))
    _write(folder / "policy.yaml", policy)
    for path in objectives:
        path.unlink()
    for objective in kept:
        _write(folder / "objectives" / f"{objective['id']}.yaml", objective)
    return folder


def _as_stated(_policy: Document, objectives: list[Document]) -> list[Document]:
    """Nobody is there to approve: levels are raised, the rest stays."""
    for objective in objectives:
        objective["autonomy"] = "autonomous"
        objective.pop("autonomy_by_channel", None)
    return objectives


def _random(policy: Document, objectives: list[Document]) -> list[Document]:
    _as_stated(policy, objectives)
    policy["exploration"] = {**policy.get("exploration", {}), "random_contact_share": RANDOM_SHARE}
    policy["exploration"].pop("spend_per_day", None)
    return _all_in("random", policy, objectives)


def _manual(policy: Document, objectives: list[Document]) -> list[Document]:
    _as_stated(policy, objectives)
    return _all_in("manual", policy, objectives)


def _fixed(policy: Document, objectives: list[Document]) -> list[Document]:
    _manual(policy, objectives)
    whole = policy.get("spend_caps", {}).get("per_day")
    if whole is None:
        raise BadInput("--policy fixed splits a day's money: state spend_caps.per_day in policy.yaml")
    caps = {channel: share * whole for channel, share in SPLIT.items()}
    policy["spend_caps"] = {"per_day": whole, "per_channel_per_day": caps}
    rules = [{"channel": channel, "where": where, "every_days": days} for channel, where, days in LIKELY]
    for objective in objectives:
        objective["channels"] = list(SPLIT)
        objective["manual"] = [dict(rule) for rule in rules]
    return objectives


def _truth(policy: Document, objectives: list[Document]) -> list[Document]:
    policy["exploration"] = {"value_share": 0.0}
    policy["training"] = {**policy.get("training", {}), "every_days": MOST_DAYS}
    channels = [each.get("channels", "all") for each in objectives]
    stated = {
        "id": "best_plan",
        "description": "What the market's truth says is best, for everybody whom an objective means",
        "owner": objectives[0]["owner"],
        "metric": "incremental_margin",
        "target": {"amount": 1.0},
        "audience": {"where": " or ".join(f"({each['audience']['where']})" for each in objectives)},
        "starts_on": min(each["starts_on"] for each in objectives),
        "ends_on": max(each["ends_on"] for each in objectives),
        "budget": sum(each["budget"] for each in objectives),
        "value_per_unit": "from_data",
        "conversion_window_days": max(each["conversion_window_days"] for each in objectives),
        "autonomy": "autonomous",
        "channels": "all" if "all" in channels else sorted({name for each in channels for name in each}),
    }
    return _all_in("system", policy, [stated])


def _all_in(arm: str, policy: Document, objectives: list[Document]) -> list[Document]:
    """Everybody in one arm, and no channel's share is kept."""
    for objective in objectives:
        objective["arms"] = {"holdout": 0.0, "manual": 0.0, "random": 0.0}
        if arm != "system":  # which is the rest
            objective["arms"][arm] = 1.0
        objective["target"] = {**objective["target"], "pursued": False}
        objective.pop("segment_quotas", None)
    policy["guardrails"] = {**policy.get("guardrails", {}), "channel_spend_share": 1.0}
    return objectives


CHANGES: Final[dict[str, Callable[[Document, list[Document]], list[Document]]]] = {
    WAYFINDER: _as_stated,
    "random": _random,
    "manual": _manual,
    "fixed": _fixed,
    TRUTH: _truth,
}


def _read(path: Path) -> Document:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")) or {})


def _write(path: Path, content: Document) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
