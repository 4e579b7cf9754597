"""Schedules: the daily cycle, and the hand-over of what falls due during the day."""

from zoneinfo import ZoneInfo

import dagster as dg

from orchestration import jobs

CYCLE_CRON = "0 5 * * *"  # the day's data has landed, and the first send slot is hours away
DISPATCH_CRON = "*/15 * * * *"


def build_schedules(time_zone: str) -> list[dg.ScheduleDefinition]:
    """The schedules of a workspace whose days begin in `time_zone` (IANA name)."""

    def today(context: dg.ScheduleEvaluationContext) -> str:
        return context.scheduled_execution_time.astimezone(ZoneInfo(time_zone)).date().isoformat()

    @dg.schedule(job=jobs.cycle, cron_schedule=CYCLE_CRON, execution_timezone=time_zone, description="The daily cycle.")
    def daily_cycle(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(
            partition_key=today(context), tags={"wayfinder/cycle": today(context), "wayfinder/trigger": "schedule"}
        )

    @dg.schedule(
        job=jobs.hand_over,
        cron_schedule=DISPATCH_CRON,
        execution_timezone=time_zone,
        description="Hands over what is due.",
    )
    def due_messages(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(
            partition_key=today(context), tags={"wayfinder/cycle": today(context), "wayfinder/trigger": "schedule"}
        )

    return [daily_cycle, due_messages]
