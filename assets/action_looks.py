"""The last look at every action: when it was tried, how often, what came of it, and how often it is drawn next.

Nothing goes unseen: an action that nobody gets is on the list as well, with the day of its last contact or none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from assets.cycles import CREATIVES, OUTCOMES, read_json, revisions
from assets.duck import query
from assets.frames import withdrawn
from assets.home import Home
from ml.configuration import Configuration

LOOK_BACK: Final = timedelta(days=180)


@dataclass(frozen=True)
class ActionLook:
    """One channel, offer and creative as the report has it.

    Attributes:
        option: Channel and offer.
        creative_id: The creative.
        state: `alone` in its option, `tried`, `leading` or `retired`; `new` where the cycle knew nothing of it yet.
        contacts_today: Contacts decided in the cycle.
        last_tried: Day of its newest contact; None if never in half a year.
        people: Contacts whose time to buy is over.
        conversions: Of these.
        difference: To the leading creative of the option, with `low` and `high`; None for itself, or too early.
        low: Lower end of its always-valid interval.
        high: Upper end.
        share: Chance with which it is drawn within its option.
    """

    option: str
    creative_id: str
    state: str
    contacts_today: int
    last_tried: str | None
    people: int
    conversions: int
    difference: float | None
    low: float | None
    high: float | None
    share: float


def action_looks(home: Home, configuration: Configuration, day: date) -> list[ActionLook]:
    """Every action that the configuration has, in its order."""
    path = home.cycle(day.isoformat()) / CREATIVES
    looks = {look["creative_id"]: look for look in read_json(path)["looks"]} if path.exists() else {}
    contacts = _contacts(home, configuration, day)
    last: dict[str, str] = {}
    for on, by_creative in contacts.items():
        last |= {creative_id: on for creative_id, count in by_creative.items() if count}
    today = contacts.get(day.isoformat(), {})
    return [
        _look(str(option), name, looks.get(name), today.get(name, 0), last.get(name))
        for option in configuration.actions.options()
        for name in configuration.actions.creatives_of(option)
    ]


def unseen(looks: Sequence[ActionLook], day: date, horizon: timedelta) -> list[ActionLook]:
    """Actions without a contact for as long as a contact's time to buy, those that were retired left out."""
    since = (day - horizon).isoformat()
    return [look for look in looks if look.state != "retired" and (look.last_tried or "") <= since]


def _look(
    option: str, creative_id: str, look: dict[str, Any] | None, contacts_today: int, last_tried: str | None
) -> ActionLook:
    if look is None:
        return ActionLook(option, creative_id, "new", contacts_today, last_tried, 0, 0, None, None, None, 0.0)
    names = ("people", "conversions", "difference", "low", "high", "share")
    return ActionLook(option, creative_id, look["state"], contacts_today, last_tried, *(look[name] for name in names))


def _contacts(home: Home, configuration: Configuration, day: date) -> dict[str, dict[str, int]]:
    """Contacts by day and creative, oldest day first: of old cycles as they were counted once, of young ones anew."""
    horizon = timedelta(days=configuration.policy.training.horizon_days)
    found: dict[str, dict[str, int]] = {}
    young = []
    for folder in sorted(home.root.glob("cycles/????-??-??")):
        on = date.fromisoformat(folder.name)
        if day - LOOK_BACK <= on < day - horizon and (folder / OUTCOMES).exists():
            found[folder.name] = {one["creative_id"]: one["people"] for one in read_json(folder / OUTCOMES)["tried"]}
        elif day - horizon <= on <= day:
            young += [home.cycle(name) for name in revisions(home, on)]
    return found | _decided([folder for folder in young if (folder / "decisions.parquet").exists()])


def _decided(folders: Sequence[Path]) -> dict[str, dict[str, int]]:
    if not folders:
        return {}
    rows = query(
        """
        select left(cycle_id, 10) as on_day, creative_id, count(distinct decision_id) as contacts
        from read_parquet($decisions)
        where channel != 'none' and decision_id not in (select unnest($withdrawn))
        group by all order by all
        """,
        decisions=[str(folder / "decisions.parquet") for folder in folders],
        withdrawn=[name for folder in folders for name in withdrawn(folder)],
    )
    found: dict[str, dict[str, int]] = {}
    for on, creative_id, contacts in zip(rows["on_day"], rows["creative_id"], rows["contacts"], strict=True):
        found.setdefault(on, {})[creative_id] = int(contacts)
    return found
