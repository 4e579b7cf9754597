"""A challenger decides the day beside its plan: the same policy decides the same, another one is shown, nothing leaves."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from assets.home import Home
from assets.policy_log import LogError, day_log, dense, logged_chances
from assets.shadow import SHADOW
from ml.allocation.stored import load
from ml.configuration import read_configuration
from tests.integration.loop_support import DAY, Workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def workspace(cycled: Workspace, copy_of: Callable[[Workspace], Workspace]) -> Workspace:
    return copy_of(cycled)


def challenger_of(workspace: Workspace, folder: Path, **exploration: float) -> Path:
    """The configuration in force, copied, with other exploration."""
    other = Workspace(workspace.home, folder / "challenger")
    workspace.copy(folder / "copy")
    (folder / "copy" / "config").rename(other.config)
    other.configure("policy.yaml", lambda policy: policy.setdefault("exploration", {}).update(exploration))
    return other.config


def test_the_policy_in_force_decides_the_day_as_it_was_decided(workspace: Workspace) -> None:
    found = workspace.wayfinder("shadow", "--with", str(workspace.config), "--name", "same").facts
    assert found["people_different"] == 0
    assert found["shadow"] == found["used"]
    kept = pd.read_parquet(workspace.home / "cycles" / DAY.isoformat() / SHADOW / "same" / "decisions.parquet")
    pd.testing.assert_frame_equal(kept, workspace.decisions())


def test_another_policy_is_shown_beside_the_plan_and_nothing_is_proposed(workspace: Workspace, tmp_path: Path) -> None:
    plans, outbox, values = (
        workspace.wayfinder("plans").facts,
        workspace.outbox(),
        (workspace.home / "cycles" / DAY.isoformat() / "unit_values.json").read_bytes(),
    )
    other = challenger_of(workspace, tmp_path, value_share=0.0)
    found = workspace.wayfinder("shadow", "--with", str(other)).facts
    assert found["people_different"] > 0
    assert found["shadow"]["value_expected"] != found["used"]["value_expected"]
    assert found["gate"]["verdict"] == "open"
    assert "2026-01-19" in found["gate"]["reason"]
    folder = workspace.home / "cycles" / DAY.isoformat() / SHADOW / "challenger"
    assert json.loads((folder / "difference.json").read_text())["name"] == "challenger"
    assert workspace.wayfinder("plans").facts == plans
    assert workspace.outbox() == outbox
    assert (workspace.home / "cycles" / DAY.isoformat() / "unit_values.json").read_bytes() == values
    shown = workspace.wayfinder("shadow", "--with", str(other), json=False)
    assert "people would be treated differently" in shown.out


def test_without_a_challenger_or_a_plan_the_verb_says_what_to_give(workspace: Workspace) -> None:
    assert "--with FOLDER" in workspace.wayfinder("shadow").err
    gone = workspace.wayfinder("shadow", "--with", str(workspace.config), "--date", "2026-02-05")
    assert gone.status == 2
    assert "2026-02-05 has no plan" in gone.err


def test_a_day_is_a_log_once_its_horizon_is_over_with_the_probabilities_that_were_logged(workspace: Workspace) -> None:
    configuration = read_configuration(workspace.config)
    home = Home(workspace.home)
    with pytest.raises(LogError, match="2026-01-19"):
        day_log(home, workspace.ledger, configuration, DAY, threads=1)
    soon = configuration.policy.training.model_copy(update={"horizon_days": 1})
    configuration = type(configuration)(
        **{**vars(configuration), "policy": configuration.policy.model_copy(update={"training": soon})}
    )
    generation = workspace.ledger.generations.latest_of(DAY)
    workspace.ledger.generations.publish(
        "2026-01-06-1", cycle_on=DAY.replace(day=6), path="x", at=pd.Timestamp("2026-01-06T10:00Z").to_pydatetime()
    )
    (home.published / "2026-01-06-1").symlink_to(home.generation(generation))
    log = day_log(home, workspace.ledger, configuration, DAY, threads=1)
    stored = load(home.cycle(DAY.isoformat()))
    assert len(log.person) > 0
    assert log.logging.sum(axis=1) == pytest.approx(1.0)
    assert log.as_released(dense(stored.problem, logged_chances(stored, threads=1))) == pytest.approx(log.logging)
    decided = workspace.decisions().drop_duplicates("customer_id").set_index("customer_id")["logging_propensity"]
    drawn = decided[workspace.view()["customer_id"].to_numpy()[log.person]].to_numpy()
    is_contact = log.rows.action > 0
    assert is_contact.any()
    assert drawn[~is_contact] == pytest.approx(log.rows.propensity[~is_contact])
    assert (drawn[is_contact] <= log.rows.propensity[is_contact] * (1 + 1e-9)).all()  # creative and slot were drawn too
