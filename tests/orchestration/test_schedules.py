"""The daily schedule starts the cycle of the day that it is in the workspace's zone, whatever the zone and the season."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from assets.partitions import CYCLES
from orchestration.schedules import build_schedules


def ticks_of(name: str, zone: str, since: datetime) -> Iterator[datetime]:
    schedule = next(one for one in build_schedules(zone) if one.name == name)
    assert isinstance(schedule.cron_schedule, str)
    return schedule_execution_time_iterator(since.timestamp(), schedule.cron_schedule, schedule.execution_timezone)


def request(definitions: dg.Definitions, name: str, zone: str, at: datetime) -> dg.RunRequest:
    schedule = next(one for one in build_schedules(zone) if one.name == name)
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=at, repository_def=definitions.get_repository_def()
        )
        found = schedule.evaluate_tick(context).run_requests
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        ("America/New_York", "2026-01-05T10:00:00Z", "2026-01-05"),
        ("America/New_York", "2026-03-08T09:00:00Z", "2026-03-08"),  # the clocks went forward three hours ago
        ("America/New_York", "2026-11-01T10:00:00Z", "2026-11-01"),  # and back
        ("Asia/Tokyo", "2026-01-04T20:00:00Z", "2026-01-05"),
        ("Pacific/Kiritimati", "2026-01-04T15:00:00Z", "2026-01-05"),  # 14 hours ahead of UTC
        ("Pacific/Pago_Pago", "2026-01-05T16:00:00Z", "2026-01-05"),
    ],
)
def test_the_cycle_is_of_the_day_in_the_workspaces_zone(
    definitions: dg.Definitions, zone: str, at: str, day: str
) -> None:
    found = request(definitions, "daily_cycle", zone, datetime.fromisoformat(at))
    assert found.partition_key == day
    assert found.tags["wayfinder/cycle"] == day


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "Pacific/Kiritimati", "Europe/Berlin"])
def test_the_cycle_starts_once_a_day_at_five_local_time_through_both_changes_of_the_clock(zone: str) -> None:
    ticks = ticks_of("daily_cycle", zone, datetime(2026, 3, 1, tzinfo=UTC))
    days = [next(ticks) for _ in range(260)]
    assert {tick.hour for tick in days} == {5}
    assert all(after.date() - before.date() == timedelta(days=1) for before, after in pairwise(days))


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York"])
@pytest.mark.parametrize("hour", range(0, 24, 6))
def test_today_has_a_partition_in_every_zone_at_every_hour(definitions: dg.Definitions, zone: str, hour: int) -> None:
    at = datetime(2026, 6, 15, hour, tzinfo=UTC)
    day = request(definitions, "due_messages", zone, at).partition_key
    assert day in CYCLES.get_partition_keys(current_time=at)


def test_due_messages_are_handed_over_every_quarter_of_an_hour() -> None:
    ticks = ticks_of("due_messages", "America/New_York", datetime(2026, 1, 5, tzinfo=UTC))
    first, second = next(ticks), next(ticks)
    assert second - first == timedelta(minutes=15)
