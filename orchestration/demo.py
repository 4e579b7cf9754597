"""The loop on the sample market: the market outside, the product's own verbs inside, day after day."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from orchestration import market, verbs
from orchestration.runs import Progress
from orchestration.settings import Settings
from orchestration.status import status as status_of

START: Final = date(2026, 1, 5)

MORNING: Final = time(5)
AFTERNOON: Final = time(13)
EVENING: Final = time(18)
NIGHT: Final = time(23, 30)  # in New York: the last send window on the west coast is about to close


@dataclass(frozen=True)
class Day:
    """The moments of one day of the loop, in UTC."""

    day: date
    morning: datetime
    afternoon: datetime
    evening: datetime
    night: datetime
    next_morning: datetime


def days(start: date, count: int, time_zone: str) -> Iterator[Day]:
    """Each day of a simulation, with its moments in the workspace's zone."""
    zone = ZoneInfo(time_zone)
    for day in (start + timedelta(days=n) for n in range(count)):
        morning, afternoon, evening, night = (
            datetime.combine(day, at, zone) for at in (MORNING, AFTERNOON, EVENING, NIGHT)
        )
        yield Day(day, morning, afternoon, evening, night, datetime.combine(day + timedelta(days=1), MORNING, zone))


def demo(
    settings: Settings,
    customers: int,
    day_count: int,
    seed: int,
    progress: Progress,
    *,
    is_brief: bool = False,
    believes: verbs.Believes | None = None,
) -> dict[str, Any]:
    """Run `day_count` cycles on a market of `customers` people, made first if the home is empty.

    Args:
        settings: The workspace.
        customers: People.
        day_count: Cycles.
        seed: Of the market.
        progress: Told each step.
        is_brief: Whether nobody looks at the status.
        believes: As of `verbs.cycle`.

    Returns:
        What happened on the last day, as the final screen shows it.
    """
    zone = verbs.configuration_of(settings).policy.time_zone
    start = _start(settings, customers, seed, progress)
    last: dict[str, Any] = {}
    for day in days(start, day_count, zone):
        last = live(settings, day, progress, is_brief=is_brief, believes=believes)
    return last


def live(
    settings: Settings,
    day: Day,
    progress: Progress,
    *,
    is_brief: bool = False,
    believes: verbs.Believes | None = None,
) -> dict[str, Any]:
    """One day of the loop: decide, hand over, listen, re-optimize, hand over, listen.

    A plan made by other scores than the model's stands: within the day only the model could score people anew.
    """
    cycle = verbs.cycle(settings, day.day.isoformat(), day.morning, progress, believes=believes)
    dispatched = [verbs.dispatch(settings, day.afternoon, progress)]
    answers = [_timed(progress, "market", lambda: market.answer(settings, day.morning, day.afternoon))]
    ingest = verbs.ingest(settings, day.afternoon, progress) if believes is None else {}
    dispatched += [verbs.dispatch(settings, day.evening, progress), verbs.dispatch(settings, day.night, progress)]
    answers.append(_timed(progress, "market", lambda: market.answer(settings, day.afternoon, day.next_morning)))
    status = None if is_brief else status_of(settings, day.night)
    return {"cycle": cycle, "dispatched": dispatched, "ingest": ingest, "market": answers, "status": status}


def _start(settings: Settings, customers: int, seed: int, progress: Progress) -> date:
    """First day still to be run; makes the market where the home has no landing files."""
    landing = settings.home / "landing"
    if not landing.exists() or not any(landing.iterdir()):
        _timed(progress, "sample market", lambda: market.make(settings, customers, seed, START))
        return START
    last = verbs.last_cycle_day(settings)
    return START if last is None else last + timedelta(days=1)


def _timed(progress: Progress, name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    begun = datetime.now().astimezone()
    progress(name, None)
    result = work()
    progress(name, (datetime.now().astimezone() - begun).total_seconds())
    return result
