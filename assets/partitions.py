"""The days of the loop: everything downstream of landing carries one."""

import dagster as dg

CYCLES = dg.DailyPartitionsDefinition(
    start_date="2015-01-01",
    end_offset=2,  # in UTC: today in the workspace's zone may already be tomorrow here
)
