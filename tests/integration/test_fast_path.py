"""The simulation's fast path: the functions below the assets decide what the assets decide."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from assets.cycles import read_scores
from assets.duck import writer
from assets.home import Home
from assets.intake import record_messages
from benchmarks.value.books import Books
from benchmarks.value.cycle import Seen, Shop, believed, decide_day, learn, look
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


def test_the_first_day_is_decided_as_the_assets_decide_it(market: Workspace, cycled: Workspace, copy_of) -> None:
    workspace = copy_of(market)
    with workspace.entered():
        shop = shop_of(workspace, Books())
        seen = look(shop, DAY, learns=True)
        learn(shop, seen)
        scores = read_scores(cycled.home / "cycles" / DAY.isoformat() / "scores.parquet")
        np.testing.assert_array_equal(believed(shop, seen).uplift, scores.uplift)
        found = decided(shop, seen)
    pd.testing.assert_frame_equal(found, cycled.decisions()[list(found.columns)])


@pytest.fixture(scope="module")
def night(cycled: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The first day is over."""
    workspace = cycled.copy(tmp_path_factory.mktemp("night"))
    for at in (AFTERNOON, EVENING, NIGHT):
        succeed(workspace.run(*DISPATCHES, at=at))
    return workspace


def test_a_later_day_is_decided_alike_from_the_same_state(night: Workspace, copy_of, tmp_path_factory) -> None:
    by_assets = night.copy(tmp_path_factory.mktemp("assets"))
    by_assets.cycle(TUESDAY, TUESDAY_MORNING)
    workspace = copy_of(night)
    with workspace.entered() as settings:
        shop = shop_of(workspace, workspace.ledger)
        champion = tracking_of(settings).champion()
        assert champion is not None
        shop.model, shop.trained_on = champion.model, DAY
        with writer(shop.home) as connection:
            sent = workspace.ledger.outbox.handed_over_since(0).frame
            assert record_messages(connection, sent, shop.at(TUESDAY).replace(tzinfo=None)) == len(sent) > 0
        seen = look(shop, TUESDAY, learns=True)
        view = by_assets.view(day=TUESDAY)
        order = [seen.customers.sort_values("customer_id"), view.sort_values("customer_id")]
        pd.testing.assert_frame_equal(*(frame.reset_index(drop=True) for frame in order), check_dtype=False)
        found = decided(shop, seen)
    assert (found["channel"] != "none").sum() > 0
    pd.testing.assert_frame_equal(found, by_assets.decisions("2026-01-06")[list(found.columns)])
