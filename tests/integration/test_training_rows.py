"""Own days become training rows as they mature: one a person, with the decision that stood in the end."""

from collections.abc import Callable, Collection, Mapping
from datetime import date

import pandas as pd
import pytest

from assets.cycles import read_json
from assets.frames import TrainingSources, training_frame
from assets.home import Home
from data_tests import training
from ml.entities import CHANNELS
from tests.integration.loop_support import AFTERNOON, DAY, Workspace

pytestmark = pytest.mark.slow

MATURE = date(2026, 1, 19)


def rows_of(
    workspace: Workspace, cutoff_on: date, withheld: Mapping[str, Collection[tuple[str, str]]] | None = None
) -> pd.DataFrame:
    home = Home(workspace.home)
    generation = home.generation(workspace.ledger.generations.latest_of(DAY))
    cycles = tuple(sorted(path.parent for path in workspace.home.glob("cycles/*/features.parquet")))
    sources = TrainingSources(generation, cycles, cutoff_on, 14, "America/New_York", withheld or {})
    return training_frame(sources, 1_000_000, 1)


@pytest.fixture
def reoptimized(cycled: Workspace, copy_of: Callable[[Workspace], Workspace]) -> Workspace:
    """The day was decided anew after people had bought and clicked."""
    workspace = copy_of(cycled)
    event = {"occurred_at": "2026-01-05T16:00:00Z", "event_type": "clicked"}
    rows = [event | {"event_id": f"e{n}", "message_id": m["message_id"]} for n, m in enumerate(workspace.sent()[:30])]
    workspace.land("outcomes", "clicks", rows)
    assert workspace.wayfinder("ingest", "--at", AFTERNOON).facts["cycle_id"] == "2026-01-05.2"
    return workspace


def test_a_day_of_ours_teaches_the_more_the_more_of_its_horizon_is_over(reoptimized: Workspace) -> None:
    assert set(rows_of(reoptimized, DAY)["source"]) == {"history"}
    young = rows_of(reoptimized, date(2026, 1, 15))
    assert training.check(young, cutoff_on=date(2026, 1, 15), horizon_days=14).passed
    of_ten_days = young[young["source"] == "cycle"]
    assert of_ten_days["maturity"].between(0.5, 1, inclusive="left").all()
    assert of_ten_days["margin"].isna().all()
    rows = rows_of(reoptimized, MATURE)
    own = rows[rows["source"] == "cycle"]
    assert (own["maturity"] == 1).all()
    assert not rows.duplicated(["customer_id", "as_of_on"]).any()
    assert own["propensity"].between(0, 1, inclusive="right").all()
    assert (own["channel"] != "none").sum() > 100
    assert training.check(rows, cutoff_on=MATURE, horizon_days=14).passed


def test_a_message_that_was_taken_back_taught_nothing(reoptimized: Workspace) -> None:
    own = rows_of(reoptimized, MATURE).query("source == 'cycle'").set_index("customer_id")
    withdrawn = read_json(reoptimized.home / "cycles" / "2026-01-05.2" / "withdraws.json")["withdraws"]
    anew = reoptimized.decisions("2026-01-05.2").set_index("customer_id")
    for customer in set(withdrawn.values()) & set(own.index):
        assert own.loc[customer, "channel"] == anew.loc[customer, "channel"]


def test_a_part_that_was_never_released_contacted_nobody(cycled: Workspace) -> None:
    contacts = cycled.decisions(DAY.isoformat()).query("channel != 'none'")
    withheld = contacts["objective_id"].value_counts().index[0]
    own = (
        rows_of(cycled, MATURE, {DAY.isoformat(): {(withheld, channel) for channel in CHANNELS}})
        .query("source == 'cycle'")
        .set_index("customer_id")
    )
    would = own.loc[own.index.intersection(contacts.loc[contacts["objective_id"] == withheld, "customer_id"])]
    others = own.loc[own.index.intersection(contacts.loc[contacts["objective_id"] != withheld, "customer_id"])]
    assert len(would) > 100
    assert set(would["channel"]) == {"none"}
    assert would["propensity"].between(0, 1, inclusive="right").all()
    assert (others["channel"] != "none").all()


def test_what_was_released_is_withheld_from_nothing(cycled: Workspace) -> None:
    assert cycled.ledger.plans.withheld(DAY.isoformat()) == frozenset()
