"""A program that knows only the contracts runs days of cycles by files and verbs, from a cold start."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

DAYS = 2
PROGRAM = Path(__file__).with_name("outside_program.py")
ACTING_KEYS = {
    *("cycle_id", "plan_id", "state", "people_eligible", "people_contacted", "messages", "spend"),
    *("value_expected", "gap", "seconds"),
}
PLAN_KEYS = {"plan_id", "cycle_id", "state", "objectives", "messages", "spend", "reasons"}
STATUS_KEYS = {"target", "reached", "pace", "lift", "autonomy"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outside")


@pytest.fixture(scope="module")
def seen(folder: Path) -> dict[str, Any]:
    """What the program saw."""
    wayfinder = str(Path(sys.executable).with_name("wayfinder"))
    command = [sys.executable, "-I", str(PROGRAM), wayfinder, str(folder), str(DAYS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def sent(folder: Path, seen: dict[str, Any]) -> list[dict[str, Any]]:
    """All messages of all days."""
    files = sorted((folder / "home" / "outbound").rglob("*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def test_every_day_has_its_cycle_and_messages_go_out(seen: dict[str, Any], sent: list[dict[str, Any]]) -> None:
    assert [cycle["cycle_id"] for cycle in seen["cycles"]] == ["2026-03-02", "2026-03-03"]
    assert {cycle["state"] for cycle in seen["cycles"]} == {"released"}
    assert sent
    assert len({message["message_id"] for message in sent}) == len(sent)


def test_the_answers_have_the_keys_of_the_contract(seen: dict[str, Any]) -> None:
    for answer in [*seen["cycles"], *seen["dispatches"], *seen["ingests"]]:
        assert set(answer) >= ACTING_KEYS
        assert answer["state"] in {"released", "waiting", "rejected"}
        assert set(answer["messages"]) == set(answer["spend"])
    assert seen["plans"]
    for plan in seen["plans"]:
        assert set(plan) >= PLAN_KEYS
    for objective in seen["status"]["objectives"]:
        assert set(objective) >= STATUS_KEYS


def test_without_any_past_campaign_it_says_so_and_goes_on(seen: dict[str, Any]) -> None:
    assert seen["cycles"][0]["people_contacted"] > 0
    assert any("cold start" in note for note in seen["cycles"][0]["notes"])


def test_sources_that_are_absent_are_named(seen: dict[str, Any]) -> None:
    (said,) = [note for note in seen["cycles"][0]["notes"] if "landed" in note]
    for source in ("web_events", "store_purchases", "campaign_history", "call_logs"):
        assert source in said
    for source in ("orders", "consents", "crm_contacts"):
        assert source not in said


def test_who_never_consented_gets_no_mail(sent: list[dict[str, Any]]) -> None:
    assert not [message for message in sent if "c7" in message["contact_ids"] and message["channel"] == "email"]


def test_outcomes_of_every_day_are_taken_in_once(seen: dict[str, Any], sent: list[dict[str, Any]]) -> None:
    assert sum(one["outcomes"]["new"] for one in seen["ingests"]) >= len(sent) * 0.5
    assert all(one["outcomes"]["unmatched"] == 0 for one in seen["ingests"])


def test_dispatch_counts_what_lies_in_outbound(seen: dict[str, Any], sent: list[dict[str, Any]]) -> None:
    at_dispatch = sum(sum(one["messages"].values()) for one in seen["dispatches"])
    at_cycle = sum(sum(one["handed_over"].values()) for one in seen["cycles"])
    assert at_dispatch + at_cycle == len(sent)


def test_why_and_the_report_answer_for_a_contact_of_the_programs_own(seen: dict[str, Any]) -> None:
    assert seen["why"]["decisions"]
    assert Path(seen["report"]["html"]).exists()


def test_nothing_is_written_outside_the_home(folder: Path, seen: dict[str, Any]) -> None:
    assert seen["cycles"]
    assert {path.name for path in folder.iterdir()} == {"home", "config"}
