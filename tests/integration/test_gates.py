"""What is handed over is tested first: a corrupt frame stops everything after it, and nothing of it leaves."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets import deciding, outcomes, propensity, releasing
from assets.home import Home
from tests.integration.loop_support import AFTERNOON, BACK, DAY, DISPATCHES, Workspace, succeed

pytestmark = pytest.mark.slow

Change = Callable[[pd.DataFrame], pd.DataFrame]


def rewrite(path: Path, change: Change) -> None:
    """Change a frame's rows, and keep the file's own notes."""
    notes = pq.read_schema(path).metadata or {}
    table = pa.Table.from_pandas(change(pd.read_parquet(path)), preserve_index=False)
    pq.write_table(table.replace_schema_metadata({**notes, **(table.schema.metadata or {})}), path)


def frame_path(workspace: Workspace, name: str) -> Path:
    home = Home(workspace.home)
    if name == "dim_customers":
        return home.generation(workspace.ledger.generations.latest_of(DAY)) / "dim_customers.parquet"
    return home.training / f"{DAY}.parquet" if name == "training" else home.cycle(DAY.isoformat()) / f"{name}.parquet"


def check(workspace: Workspace, fault: "Corruption") -> tuple[bool, str]:
    """One check, run by itself on what lies there: its verdict and its words."""
    with workspace.entered():
        from orchestration.definitions import defs  # noqa: PLC0415

        key = dg.AssetCheckKey(dg.AssetKey([fault.asset]), fault.check)
        job = defs.resolve_implicit_global_asset_job_def().get_subset(asset_check_selection={key})
        with dg.DagsterInstance.get() as instance:
            result = job.execute_in_process(
                instance=instance, tags={"dagster/partition": DAY.isoformat()}, raise_on_error=False
            )
            (evaluation,) = result.get_asset_check_evaluations()
    return evaluation.passed, str(evaluation.description)


def twice(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame.iloc[:1]], ignore_index=True)


def put(column: str, value: object) -> Change:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        changed = frame.copy()
        changed[column] = changed[column].astype(object)
        changed.loc[changed.index[0], column] = value
        return changed.infer_objects()

    return change


class Corruption(NamedTuple):
    """A fault, where it is put, and the check that must see it."""

    frame: str
    asset: str
    check: str
    change: Change
    column: str


CORRUPTIONS = [
    Corruption("dim_customers", "published_generation", "customer_view_suite", twice, "customer_id"),
    Corruption(
        "dim_customers",
        "published_generation",
        "customer_view_suite",
        put("purchase_7d_count", -1),
        "purchase_7d_count",
    ),
    Corruption("training", "training_frame", "training_frame_suite", put("sample_weight", -1.0), "sample_weight"),
    Corruption("training", "training_frame", "training_frame_suite", put("propensity", 1.5), "propensity"),
    Corruption("scores", "candidate_scores", "scores_suite", put("baseline", 1.5), "baseline"),
    Corruption("scores", "candidate_scores", "scores_suite", lambda frame: frame.iloc[1:], "customer_id"),
    Corruption("scores", "candidate_scores", "scores_suite", put("baseline", np.nan), "baseline"),
    Corruption("decisions", "allocation", "plan_suite", put("logging_propensity", 0.0), "logging_propensity"),
    Corruption("decisions", "allocation", "plan_suite", put("objective_id", "nobody"), "objective_id"),
    Corruption("decisions", "allocation", "plan_suite", twice, "decision_id"),
]


@pytest.fixture(scope="module")
def decided(scored: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Decided, and not proposed yet."""
    workspace = scored.copy(tmp_path_factory.mktemp("decided"))
    succeed(workspace.run("allocation"))
    return workspace


@pytest.mark.parametrize("fault", CORRUPTIONS)
def test_a_corrupt_hand_over_fails_its_check_which_names_the_column(
    decided: Workspace, copy_of: Callable[[Workspace], Workspace], fault: Corruption
) -> None:
    workspace = copy_of(decided)
    assert check(workspace, fault)[0]
    rewrite(frame_path(workspace, fault.frame), fault.change)
    passed, words = check(workspace, fault)
    assert not passed
    assert fault.column in words


@pytest.mark.parametrize("fault", [CORRUPTIONS[1], CORRUPTIONS[4], CORRUPTIONS[7]])
def test_what_a_gate_refused_is_not_released_even_when_asked_for_by_hand(
    decided: Workspace, copy_of: Callable[[Workspace], Workspace], fault: Corruption
) -> None:
    """The ledger remembers the verdict, so release and dispatch refuse by themselves, whoever starts them."""
    workspace = copy_of(decided)
    path = frame_path(workspace, fault.frame)
    good = path.read_bytes()
    rewrite(path, fault.change)
    check(workspace, fault)
    path.write_bytes(good)
    result = workspace.run("plan", "authorization", *DISPATCHES)
    assert not result.success
    assert "authorization" not in materialized(result)
    assert workspace.outbox() == {}
    assert workspace.sent() == []


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    return {event.materialization.asset_key.to_user_string() for event in result.get_asset_materialization_events()}


@pytest.mark.parametrize("step", ["candidate_scores", "allocation"])
def test_a_step_that_hands_over_a_corrupt_frame_stops_everything_after_it(
    scored: Workspace, copy_of: Callable[[Workspace], Workspace], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    workspace = copy_of(scored)
    module, name = (propensity, "write_scores") if step == "candidate_scores" else (deciding, "write_frame")
    write = getattr(module, name)

    def corrupt(frame: object, path: Path) -> None:
        write(frame, path)
        if path.name == "scores.parquet":
            rewrite(path, put("baseline", 1.5))
        if path.name == "decisions.parquet":
            rewrite(path, put("logging_propensity", 2.0))

    monkeypatch.setattr(module, name, corrupt)
    result = workspace.run(*(["candidate_scores"] if step == "candidate_scores" else []), *BACK)
    assert not result.success
    after = {"plan", "authorization", *DISPATCHES} | ({"allocation"} if step == "candidate_scores" else set())
    assert not materialized(result) & after
    assert workspace.sent() == []
    assert workspace.ledger.plans.list() == []


def test_broken_messages_are_not_released(
    decided: Workspace, copy_of: Callable[[Workspace], Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = copy_of(decided)
    build = releasing.build_messages
    monkeypatch.setattr(releasing, "build_messages", lambda *args: build(*args).assign(recipient="{}"))
    result = workspace.run("plan", "authorization", *DISPATCHES)
    assert not result.success
    assert workspace.outbox() == {}
    assert workspace.sent() == []
    monkeypatch.undo()
    refused = workspace.run("authorization", *DISPATCHES)
    assert refused.success == bool(workspace.outbox())


def test_broken_outcomes_are_not_taken_in(
    cycled: Workspace, copy_of: Callable[[Workspace], Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = copy_of(cycled)
    row = {
        "event_id": "e1",
        "event_type": "opened",
        "occurred_at": "2026-01-05T15:00:00Z",
        "message_id": workspace.sent()[0]["message_id"],
    }
    workspace.land("outcomes", "one", [row])
    taken = outcomes._as_taken
    monkeypatch.setattr(outcomes, "_as_taken", lambda events, at: taken(events, at).assign(event_type="exploded"))
    failed = workspace.wayfinder("ingest", "--at", AFTERNOON)
    assert failed.status == 1
    assert "event_type" in failed.err
    assert workspace.ledger.outcomes.news_since(0).frame.empty
    monkeypatch.undo()
    assert workspace.wayfinder("ingest", "--at", AFTERNOON).facts["outcomes"]["new"] == 1


@pytest.mark.parametrize("with_plan", [False, True])
def test_dispatch_by_hand_without_a_released_plan_sends_nothing(
    decided: Workspace, copy_of: Callable[[Workspace], Workspace], *, with_plan: bool
) -> None:
    workspace = copy_of(decided)
    if with_plan:
        succeed(workspace.run("plan"))
    succeed(workspace.run(*DISPATCHES, at=AFTERNOON))
    assert sum(workspace.wayfinder("dispatch", "--at", AFTERNOON).facts["messages"].values()) == 0
    assert workspace.sent() == []


def test_a_plan_whose_decisions_were_edited_after_it_was_proposed_is_not_released(
    decided: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(decided)
    succeed(workspace.run("plan"))
    rewrite(frame_path(workspace, "decisions"), lambda frame: frame.assign(contact_cost=frame["contact_cost"] * 2))
    assert not workspace.run("authorization", *DISPATCHES).success
    assert workspace.outbox() == {}
    assert workspace.sent() == []
