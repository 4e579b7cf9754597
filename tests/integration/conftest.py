"""Workspaces at the stages of a day, each made once and copied by the tests that change it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.loop_support import BACK, CHECKOUT, FRONT, MORNING, Workspace, make_market


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A year of history in landing and nothing done yet, except for dbt's manifest."""
    import shutil  # noqa: PLC0415

    from orchestration.build import prepare  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("market")
    shutil.copytree(CHECKOUT / "config", folder / "config")
    make_market(folder / "home", folder / "config")
    workspace = Workspace(folder / "home", folder / "config")
    # Of a day's few units of money a single mailer is a large share: the limit would leave no room for a draw.
    workspace.configure("policy.yaml", lambda policy: policy["guardrails"].update(channel_spend_share=1.0))
    with workspace.entered() as settings:
        prepare(settings)
        import orchestration.definitions  # noqa: F401, PLC0415 - parsed once, from a home that outlives every test
    return workspace


@pytest.fixture(scope="session")
def scored(market: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The day's view is published and everybody is scored; nothing is decided."""
    workspace = market.copy(tmp_path_factory.mktemp("scored"))
    sources = ("crm_contacts", "consents", "web_events", "orders", "store_purchases", "ad_engagement")
    more = ("email_engagement", "call_logs", "campaign_history", "outcomes", "messages", "identity_overrides")
    result = workspace.run(*(f"raw/{name}" for name in (*sources, *more)), "outcomes", *FRONT, *warehouse_keys())
    assert result.success
    return workspace


@pytest.fixture(scope="session")
def cycled(scored: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The morning's cycle is over: plans are released, and what was due has left."""
    workspace = scored.copy(tmp_path_factory.mktemp("cycled"))
    assert workspace.run(*BACK, at=MORNING).success
    assert workspace.sent()
    return workspace


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Workspace], Workspace]:
    """Copies a workspace for one test."""
    return lambda workspace: workspace.copy(tmp_path)


def warehouse_keys() -> Iterator[str]:
    """The dbt models."""
    from orchestration.definitions import defs  # noqa: PLC0415

    for key in defs.resolve_all_asset_keys():
        if key.path[0] in {"staging", "intermediate", "marts"}:
            yield "/".join(key.path)
