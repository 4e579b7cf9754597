"""A real cycle's plan can be replayed to the bit and asked what if; a re-optimization changes little, each with a reason."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assets.home import Home
from ml.allocation.stored import StoredProblem, load
from ml.entities import CHANNELS
from ml.levers import PER_DAY, Day, ValueParts, moved
from tests.integration.loop_support import AFTERNOON, Workspace

pytestmark = pytest.mark.slow

MORNING_CYCLE, SECOND = "2026-01-05", "2026-01-05.2"


@pytest.fixture
def workspace(cycled: Workspace, copy_of: Callable[[Workspace], Workspace]) -> Workspace:
    """The morning's cycle is over; the rest of the day is this test's."""
    return copy_of(cycled)


def stored_of(workspace: Workspace, cycle_id: str = MORNING_CYCLE) -> tuple[StoredProblem, Day]:
    stored = load(Home(workspace.home).cycle(cycle_id))
    return stored, Day.from_dict(stored.context["day"])


def parts_of(workspace: Workspace, stored: StoredProblem) -> ValueParts:
    return ValueParts.load(Home(workspace.home).cycle(MORNING_CYCLE), len(stored.problem.given))


def clicked(workspace: Workspace, count: int) -> None:
    """News of a few people who were reached, and one of whom an open message is pointless now."""
    rows = [
        {"event_id": f"c{n}", "message_id": message["message_id"], "channel": message["channel"],
         "event_type": "clicked", "occurred_at": "2026-01-05T16:00:00Z"}
        for n, message in enumerate(workspace.sent()[:count])
    ]  # fmt: skip
    gone = next(one for one, state in sorted(workspace.outbox().items()) if state == "pending")
    rows.append(
        {"event_id": "u1", "message_id": gone, "event_type": "unsubscribed", "occurred_at": "2026-01-05T16:00:00Z"}
    )
    workspace.land("outcomes", "news", rows)


def test_the_days_plan_comes_out_of_its_stored_inputs_to_the_bit(cycled: Workspace) -> None:
    found = cycled.wayfinder("what-if").facts
    assert found["is_same"], found["differences"]
    plan = cycled.decisions()
    system = plan[(plan["arm"] == "system") & (plan["channel"] != "none")]
    stored, _ = stored_of(cycled)
    assert stored.drawn is not None
    column = stored.drawn.column[stored.drawn.column >= 0]
    assert pd.Series(column).map(
        dict(enumerate(stored.problem.columns.channel))
    ).value_counts().sort_index().tolist() == (
        system["channel"].map(CHANNELS.index).value_counts().sort_index().tolist()
    )
    people = dict(
        zip(
            system["customer_id"],
            system["objective_id"] + "/" + system["channel"] + ":" + system["offer_id"],
            strict=True,
        )
    )
    hashed = pd.util.hash_pandas_object(pd.Series(list(people)), index=False).to_numpy()
    place = {int(name): at for at, name in enumerate(stored.people)}
    chosen = [stored.problem.columns.names[stored.drawn.column[place[int(name)]].max()] for name in hashed]
    assert chosen == list(people.values())


def test_every_number_set_to_what_it_is_gives_the_days_limits(cycled: Workspace) -> None:
    stored, day = stored_of(cycled)
    before = stored.problem.rows()
    for key, number in day.numbers.items():
        if key.count(".per_channel_per_day.") and number is None:
            continue
        same, _ = moved(stored.problem, day, {key: number}, parts_of(cycled, stored))
        assert same.rows().names == before.names, key
        assert np.allclose(same.rows().bound, before.bound, atol=1e-6), key
        assert np.allclose(same.given.value, stored.problem.given.value, atol=1e-5), key


def test_the_kept_parts_and_costs_make_up_the_values(cycled: Workspace) -> None:
    stored, day = stored_of(cycled)
    parts, given, columns = parts_of(cycled, stored), stored.problem.given, stored.problem.columns
    offers = np.array(
        [day.numbers.get(f"actions.offers.{each}.cost_when_redeemed") or 0.0 for each in columns.offer_ids]
    )
    wear = parts.effect - columns.unit_cost[given.column] - parts.redemptions * offers[given.column] - given.value
    assert wear.min() > -1e-3
    assert (parts.redemptions >= 0).all()


def test_a_conversion_worth_more_is_worth_more_contacts(cycled: Workspace) -> None:
    _, day = stored_of(cycled)
    key = next(key for key in day.numbers if key.endswith(".value_per_unit"))
    found = cycled.wayfinder("what-if", "--set", f"{key}={2 * (day.numbers[key] or 0)}").facts
    assert found["what_if"]["value"] > found["today"]["value"]
    assert "200% of what each conversion" in found["changes"][0]["words"]


def test_another_cap_is_answered_beside_the_days_plan_and_nothing_is_changed(cycled: Workspace) -> None:
    before = {path: path.read_bytes() for path in (cycled.home / "cycles" / MORNING_CYCLE).iterdir()}
    outbox = cycled.outbox()
    stored, day = stored_of(cycled)
    cap = sum(day.spent.values()) + 0.5 * stored.allocation.spend
    found = cycled.wayfinder("what-if", "--set", f"{PER_DAY}={cap}").facts
    assert found["what_if"]["spend"] <= 0.5 * stored.allocation.spend + 1e-6
    assert found["what_if"]["value"] < found["today"]["value"]
    assert found["what_if"]["prices"]["budget"] > 0
    assert found["people"]["affected"] > 0
    assert {path: path.read_bytes() for path in (cycled.home / "cycles" / MORNING_CYCLE).iterdir()} == before
    assert cycled.outbox() == outbox
    shown = cycled.wayfinder("what-if", "--set", f"{PER_DAY}={cap}", json=False).out
    for part in ("nothing is changed", "people treated differently", "net value", "budget"):
        assert part in shown


def test_the_curve_is_a_picture_in_the_reports(workspace: Workspace) -> None:
    found = workspace.wayfinder("what-if", "--curve").facts["curve"]
    picture = Home(workspace.home).reports / f"what-if-{MORNING_CYCLE}-{PER_DAY}.png"
    assert found["picture"] == str(picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    values = [point["value"] for point in found["points"]]
    assert all(high >= low * (1 - 0.01) for low, high in pairwise(values))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--set", "policy.spend_caps.per_da=1"], "did you mean"),
        (["--set", f"{PER_DAY}=much"], "at least 0"),
        (["--date", "2025-12-31"], "no stored problem"),
        (["--date", "yesterday"], "2026-01-05"),
    ],
)
def test_what_means_nothing_is_bad_input(cycled: Workspace, words: list[str], told: str) -> None:
    answer = cycled.wayfinder("what-if", *words)
    assert answer.status == 2
    assert told in " ".join(answer.err.split())


def test_little_news_changes_little_and_every_change_has_its_reason(workspace: Workspace) -> None:
    before = workspace.outbox()
    clicked(workspace, 3)
    changes = workspace.wayfinder("ingest", "--at", AFTERNOON).facts["changes"]
    assert changes["open_before"] == sum(state == "pending" for state in before.values())
    assert changes["changed_share"] < 0.02
    assert sum(changes["by_news"].values()) >= max(changes["taken_back"], changes["made"])
    frame = pd.read_parquet(Home(workspace.home).cycle(SECOND) / "changes.parquet")
    assert frame["reason"].str.len().gt(20).all()
    after = workspace.outbox()
    gone = {one for one, state in before.items() if state == "pending" and after[one] != "pending"}
    assert gone == set(frame["message_id"].dropna())
    new = workspace.decisions(SECOND)
    assert set(frame["decision_id"].dropna()) == set(new.loc[new["channel"] != "none", "decision_id"])


def test_why_tells_a_person_whose_message_was_changed_what_changed_it(workspace: Workspace) -> None:
    clicked(workspace, 3)
    workspace.wayfinder("ingest", "--at", AFTERNOON)
    frame = pd.read_parquet(Home(workspace.home).cycle(SECOND) / "changes.parquet")
    told: dict[str, Any] = workspace.wayfinder("why", frame["customer_id"].iloc[0]).facts
    assert [change["reason"] for change in told["changes"]] == [frame["reason"].iloc[0]]
    shown = workspace.wayfinder("why", frame["customer_id"].iloc[0], json=False).out
    assert "Changed within the day" in shown


def test_a_reoptimization_can_be_replayed_and_asked_as_well(workspace: Workspace) -> None:
    clicked(workspace, 5)
    workspace.wayfinder("ingest", "--at", AFTERNOON)
    assert workspace.wayfinder("what-if", "--cycle", SECOND).facts["is_same"]
    stored, day = stored_of(workspace, SECOND)
    before = stored.problem.rows()
    for key in (
        PER_DAY,
        "policy.guardrails.channel_spend_share",
        *(key for key in day.numbers if key.endswith("budget")),
    ):
        same, _ = moved(stored.problem, day, {key: day.numbers[key]})
        assert np.allclose(same.rows().bound, before.bound, atol=1e-6), key


def test_the_allocation_shows_its_proof_and_prices_and_is_a_run_in_mlflow(
    scored: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(scored)
    run = workspace.run("allocation")
    (event,) = (
        each for each in run.get_asset_materialization_events() if each.materialization.asset_key.path == ["allocation"]
    )
    shown = event.materialization.metadata
    for name in (
        "value",
        "bound",
        "gap",
        "spend",
        "channels",
        "binding_limits",
        "budget_curve",
        "seconds_allocation",
        "mlflow_run",
    ):
        assert name in shown
    assert "image/png" in shown["budget_curve"].value
    with workspace.entered() as settings:
        from orchestration.resources import tracking_of  # noqa: PLC0415

        client = tracking_of(settings).client
        (found,) = client.search_runs([client.get_experiment_by_name("plans").experiment_id])
    assert found.data.metrics["system_value"] == pytest.approx(shown["value"].value, abs=0.01)
    assert found.data.tags["cycle_id"] == MORNING_CYCLE
