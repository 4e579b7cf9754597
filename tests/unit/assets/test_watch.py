"""A champion that breaks its promise gives way to an earlier one; one that keeps it stays."""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from assets.cycles import read_json, write_json
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.promises import promises
from assets.watch import champion_promises
from ml.entities import Option
from ml.response.model import ResponseModel
from ml.tracking import RegisteredModel, Tracking, TrainingRun, initialize

HORIZON = 7
FIRST = date.fromordinal(date(2026, 1, 5).toordinal() // HORIZON * HORIZON)
LATE = FIRST + timedelta(days=2 * HORIZON)
AT = datetime(2026, 2, 1, tzinfo=UTC)
PEOPLE = 12_000
CHANCE = 0.4
TRUTH = 0.05
OPTIONS = [Option("email", "none")]
CONFIGURATION: Any = SimpleNamespace(
    policy=SimpleNamespace(time_zone="UTC", training=SimpleNamespace(horizon_days=HORIZON)),
    actions=SimpleNamespace(options=lambda: OPTIONS, channels={"email": SimpleNamespace(cost=0.0)}),
)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    initialize(f"sqlite:///{path}")
    return path


@pytest.fixture
def tracking(migrated: Path, tmp_path: Path) -> Tracking:
    shutil.copy(migrated, tmp_path / "mlflow.db")
    return Tracking(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "artifacts")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    found = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    found.upgrade()
    found.generations.publish(f"{LATE}.1", cycle_on=LATE, path="g", at=AT, detail={})
    return found


def registered(tracking: Tracking, uplift: float) -> RegisteredModel:
    model = ResponseModel.cold_start(OPTIONS, conversion_rate=0.1, margin=30.0, uplift={"email": uplift}, threads=1)
    run = TrainingRun("response", AT, "g1", {"seed": 1}, {})
    return tracking.log_training(model, run)


@pytest.fixture
def lived(tmp_path: Path) -> Callable[[str, float], Home]:
    """A day on which a model of this digest promised so much and 5 points came."""

    def live(sha256: str, promised: float) -> Home:
        home, draw = Home(tmp_path).make(), np.random.default_rng(1)
        who = np.array([f"p{n}" for n in range(PEOPLE)])
        contacted = draw.random(PEOPLE) < CHANCE
        buys = draw.random(PEOPLE) < 0.1 + TRUTH * contacted
        folder = home.cycle(FIRST.isoformat())
        folder.mkdir(parents=True)
        pd.DataFrame(
            {
                "decision_id": who, "cycle_id": FIRST.isoformat(), "customer_id": who, "objective_id": "o",
                "channel": np.where(contacted, "email", "none"), "uplift": np.where(contacted, promised, 0.0),
            }
        ).to_parquet(folder / "decisions.parquet")  # fmt: skip
        pd.DataFrame(
            {"customer_id": who, "objective_id": "o", "channel": "email", "is_randomized": False, "chance": CHANCE}
        ).to_parquet(folder / "chances.parquet")
        write_json({"model_sha256": sha256}, folder / "versions.json")
        generation = home.generation(f"{LATE}.1")
        generation.mkdir(parents=True)
        sold = pd.DataFrame({"customer_id": who[buys], "converted_at": pd.Timestamp(FIRST) + pd.Timedelta(days=2)})
        sold.to_parquet(generation / "fct_conversions.parquet")
        return home

    return live


def materialized(home: Home, ledger: Ledger, tracking: Tracking) -> None:
    done = dg.materialize(
        [champion_promises, *map(_given, ("response_models", "published_generation"))],
        selection=[champion_promises],
        partition_key=LATE.isoformat(),
        resources={"home": home, "ledger": ledger, "configuration": CONFIGURATION, "tracking": tracking, "at": AT},
        instance=dg.DagsterInstance.ephemeral(),
    )
    assert done.success


def _given(name: str) -> dg.AssetsDefinition:
    @dg.asset(name=name, partitions_def=champion_promises.partitions_def)
    def given() -> None: ...

    return given


def test_the_promise_is_held_against_what_drawn_decisions_brought(
    ledger: Ledger, lived: Callable[[str, float], Home]
) -> None:
    home = lived("s", 0.2)
    generation = home.generation(f"{LATE}.1")
    found = {
        (one.objective_id, one.channel): one for one in promises(home, ledger, CONFIGURATION, generation, LATE, "s")
    }
    assert set(found) == {("all", "all"), ("all", "email"), ("o", "all"), ("o", "email")}
    for one in found.values():
        assert one.promised == pytest.approx(0.2)
        assert one.realized == pytest.approx(TRUTH, abs=0.02)
        assert one.contacted + one.alone == PEOPLE
    assert promises(home, ledger, CONFIGURATION, generation, LATE, "another model") == []


def test_a_champion_far_below_its_promise_gives_way_to_the_earlier_one_and_it_is_said(
    ledger: Ledger, tracking: Tracking, lived: Callable[[str, float], Home]
) -> None:
    earlier, boaster = registered(tracking, 0.01), registered(tracking, 0.2)
    for one in (earlier, boaster):
        tracking.promote(one.version)
    home = lived(boaster.sha256, 0.2)
    materialized(home, ledger, tracking)
    assert tracking.champion_version() == earlier.version
    said = read_json(home.cycle(LATE.isoformat()) / "promises.json")["rolled_back"]
    assert (said["from"], said["to"]) == (boaster.version, earlier.version)
    assert ledger.audit.trail()["kind"].tolist()[-1] == "model.rolled_back"
    assert ledger.audit.check(now=AT) == []
    assert "gave way" in tracking.client.get_run(boaster.run_id).data.tags["wayfinder.rolled_back"]
    assert tracking.client.get_run(boaster.run_id).data.metrics["in_use.email.promised"] == pytest.approx(0.2)
    tracking.promote(earlier.version)
    assert tracking.earlier_champions() == []  # one that was taken back doesn't come again


def test_a_champion_that_keeps_its_promise_stays(
    ledger: Ledger, tracking: Tracking, lived: Callable[[str, float], Home]
) -> None:
    earlier, honest = registered(tracking, 0.01), registered(tracking, TRUTH)
    for one in (earlier, honest):
        tracking.promote(one.version)
    materialized(lived(honest.sha256, TRUTH), ledger, tracking)
    assert tracking.champion_version() == honest.version


def test_without_an_earlier_one_it_stays_and_says_so(
    ledger: Ledger, tracking: Tracking, lived: Callable[[str, float], Home]
) -> None:
    boaster = registered(tracking, 0.2)
    tracking.promote(boaster.version)
    home = lived(boaster.sha256, 0.2)
    materialized(home, ledger, tracking)
    assert tracking.champion_version() == boaster.version
    assert "no earlier one" in read_json(home.cycle(LATE.isoformat()) / "promises.json")["rolled_back"]["words"]
