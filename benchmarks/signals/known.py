"""What the product knows of a lived market: its own landing, warehouse and published marts, and the rows to learn from."""

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from assets.duck import writer
from assets.frames import TrainingSources, read_mart, training_frame
from assets.home import Home
from assets.intake import land, prepare, set_cycle
from assets.publishing import publish
from benchmarks.signals.lived import Lived, day_of
from ml.configuration import Configuration

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
GENERATION = "signals"
MAX_ROWS = 10_000_000


@dataclass(frozen=True)
class Known:
    """Frames that the pipeline would decide by.

    Attributes:
        training: A row a person and wave, as `assets.frames.training_frame` makes it.
        customers: `dim_customers` on the day of the decision.
        person: The market's person of each customer, int [N].
    """

    training: pd.DataFrame
    customers: pd.DataFrame
    person: np.ndarray


def known(root: Path, lived: Lived, configuration: Configuration, *, with_training: bool = True) -> Known:
    """Builds the warehouse for the morning of the decision and reads it as a cycle does.

    Args:
        root: The workspace, with what landed.
        lived: The market.
        configuration: What the operator states.
        with_training: Whether there are rows to learn from; without, building takes a third less.
    """
    home, on = Home(root).make(), day_of(lived.day)
    policy = configuration.policy
    begins = datetime.combine(on, time(), ZoneInfo(policy.time_zone)).astimezone(ZoneInfo("UTC")).replace(tzinfo=None)
    with writer(home) as connection:
        prepare(connection)
        land(root, connection, at=begins, known=())
        set_cycle(
            connection, cycle_on=on, cutoff_at=begins, received_by=begins, time_zone=policy.time_zone,
            lapsing_days=policy.lifecycle.lapsing_days, lapsed_days=policy.lifecycle.lapsed_days,
            margin_share=policy.margin_share, horizon_days=policy.training.horizon_days, is_training_due=with_training,
        )  # fmt: skip
    _dbt(home)
    with writer(home) as connection:
        publish(home, connection, GENERATION)
    sources = TrainingSources(
        home.generation(GENERATION),
        (),
        on,
        policy.training.horizon_days,
        policy.time_zone,
        valid_days=configuration.actions.valid_days,
    )
    customers = read_mart(home, GENERATION, "dim_customers")
    recipients = read_mart(home, GENERATION, "dim_recipients", "customer_id, contact_ids")
    return Known(training_frame(sources, MAX_ROWS, 1), customers, _persons(lived, customers, recipients))


def _dbt(home: Home) -> None:
    environment = {
        "WAYFINDER_WAREHOUSE": str(home.warehouse), "DBT_PROFILES_DIR": str(PROJECT), "DO_NOT_TRACK": "1",
        "DBT_TARGET_PATH": str(home.root / "target"), "DBT_LOG_PATH": str(home.root / "logs"),
    }  # fmt: skip
    dbt = str(Path(sys.executable).with_name("dbt"))
    command = [dbt, "run", "--quiet", "--project-dir", str(PROJECT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)
    if done.returncode:
        raise SystemExit(f"dbt run failed:\n{done.stdout}{done.stderr}")


def _persons(lived: Lived, customers: pd.DataFrame, recipients: pd.DataFrame) -> np.ndarray:
    owner = pd.Series(lived.world.ids.person, index=lived.world.ids.contacts["contact_id"].to_pylist())
    first = recipients.set_index("customer_id")["contact_ids"].str[0]
    return owner.loc[first.loc[customers["customer_id"]]].to_numpy()
