"""F22: a run that was killed doesn't keep what it held of a pool: monitoring frees it, and the next run starts."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import yaml
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.monitoring import concurrency

import orchestration

SETTINGS = yaml.safe_load((Path(orchestration.__file__).parent / "dagster.yaml").read_text())


def test_f22_the_slot_of_a_killed_run_is_free_within_a_minute(monkeypatch):
    wait_s = SETTINGS["run_monitoring"]["free_slots_after_run_end_seconds"]
    assert SETTINGS["run_monitoring"]["enabled"]
    assert wait_s <= 30
    overrides = {"run_monitoring": SETTINGS["run_monitoring"], "concurrency": {"pools": {"default_limit": 1}}}
    with dg.instance_for_test(overrides=overrides) as instance:
        storage = instance.event_log_storage
        storage.set_concurrency_slots("warehouse", 1)
        killed, following = (create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED) for _ in range(2))
        assert storage.claim_concurrency_slot("warehouse", killed.run_id, "build").is_claimed
        assert not storage.claim_concurrency_slot("warehouse", following.run_id, "build").is_claimed
        instance.report_run_failed(killed)  # what monitoring says of a run whose process is gone
        later = datetime.now(UTC) + timedelta(seconds=wait_s + 5)
        monkeypatch.setattr(concurrency, "get_current_datetime", lambda: later)
        process = SimpleNamespace(instance=instance)
        list(concurrency.execute_concurrency_slots_iteration(process, logging.getLogger("test")))
        assert storage.claim_concurrency_slot("warehouse", following.run_id, "build").is_claimed
