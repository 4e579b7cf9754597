"""The simulation's fast path: the functions below the assets decide what the assets decide."""

from collections.abc import Callable
from datetime import date

import pandas as pd
import pytest

from assets.cycles import write_frame
from assets.duck import writer
from assets.frames import read_mart
from assets.home import Home
from assets.intake import record_messages
from benchmarks.value.books import Books
from benchmarks.value.cycle import Seen, Shop, believed, decide_day, learn, look, rows_to_learn_from
from benchmarks.value.views import Views
from ml.configuration import read_configuration
from orchestration.resources import tracking_of
from tests.integration.loop_support import AFTERNOON, DAY, DISPATCHES, EVENING, NIGHT, Workspace, succeed

pytestmark = pytest.mark.slow

TUESDAY = date(2026, 1, 6)
TUESDAY_MORNING = "2026-01-06T10:00:00+00:00"


def shop_of(workspace: Workspace, ledger: object) -> Shop:
    home = Home(workspace.home)
    return Shop(home, read_configuration(workspace.config), ledger, Views(home), seed=workspace.settings.seed)


def decided(shop: Shop, seen: Seen) -> pd.DataFrame:
    return decide_day(shop, seen, believed(shop, seen)).plan.decisions


def same(found: pd.DataFrame, expected: pd.DataFrame, *keys: str) -> None:
    """The same rows, in whatever order."""
    both = [each.sort_values(list(keys)).reset_index(drop=True) for each in (found, expected)]
    pd.testing.assert_frame_equal(*both, check_dtype=False)


def test_the_first_day_is_learned_from_and_decided_as_by_the_assets(
    market: Workspace, cycled: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(market)
    with workspace.entered():
        shop = shop_of(workspace, Books())
        seen = look(shop, DAY, learns=True)
        rows = rows_to_learn_from(shop, seen)
        write_frame(rows, workspace.home / "rows.parquet")
        learned = pd.read_parquet(workspace.home / "rows.parquet")
        expected = pd.read_parquet(cycled.home / "training" / f"{DAY}.parquet")
        same(learned, expected, "customer_id", "as_of_on")
        learn(shop, seen)
        assert shop.model is not None
        found = decided(shop, seen)
    pd.testing.assert_frame_equal(found, cycled.decisions()[list(found.columns)])


@pytest.fixture(scope="module")
def night(cycled: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The first day is over."""
    workspace = cycled.copy(tmp_path_factory.mktemp("night"))
    for at in (AFTERNOON, EVENING, NIGHT):
        succeed(workspace.run(*DISPATCHES, at=at))
    return workspace


def test_a_later_day_is_seen_and_decided_alike_from_the_same_state(
    night: Workspace, copy_of: Callable[[Workspace], Workspace], tmp_path_factory: pytest.TempPathFactory
) -> None:
    by_assets = night.copy(tmp_path_factory.mktemp("assets"))
    by_assets.cycle(TUESDAY, TUESDAY_MORNING)
    generation_id = by_assets.ledger.generations.latest_of(TUESDAY)
    workspace = copy_of(night)
    with workspace.entered():
        shop = shop_of(workspace, workspace.ledger)
        with writer(shop.home) as connection:
            sent = workspace.ledger.outbox.handed_over_since(0).frame
            assert record_messages(connection, sent, shop.at(TUESDAY).replace(tzinfo=None)) > 0
        seen = look(shop, TUESDAY, learns=False)
        same(seen.customers, read_mart(Home(by_assets.home), generation_id, "dim_customers"), "customer_id")
        champion = tracking_of(night.settings).champion()
        assert champion is not None
        shop.model, shop.trained_on = champion.model, DAY
        found = decided(shop, seen)
    assert (found["channel"] != "none").any()
    pd.testing.assert_frame_equal(found, by_assets.decisions(TUESDAY.isoformat())[list(found.columns)])
