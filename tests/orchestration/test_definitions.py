"""What Dagster shows: every asset says what it is, whose it is and where it belongs, and nothing that contacts people starts by itself."""

import dagster as dg
import pytest

from ml.entities import CHANNELS


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def keys_of(definitions: dg.Definitions, job: str) -> set[str]:
    return {key.to_user_string() for key in definitions.resolve_job_def(job).asset_layer.selected_asset_keys}


@pytest.mark.slow
def test_the_code_location_loads_and_every_job_resolves(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_every_asset_says_in_a_sentence_what_it_is(specs: dict[str, dg.AssetSpec]) -> None:
    lacking = [key for key, spec in specs.items() if not (spec.description or "").strip()]
    assert not lacking


def test_every_asset_is_in_a_group(specs: dict[str, dg.AssetSpec]) -> None:
    assert not [key for key, spec in specs.items() if spec.group_name in {None, "default"}]


def test_every_asset_has_an_owner(specs: dict[str, dg.AssetSpec]) -> None:
    assert not [key for key, spec in specs.items() if not spec.owners]


def test_every_asset_says_of_which_kinds_it_is(specs: dict[str, dg.AssetSpec]) -> None:
    assert not [key for key, spec in specs.items() if not spec.kinds]


def test_there_is_a_dispatch_asset_for_each_channel_behind_the_authorization(specs: dict[str, dg.AssetSpec]) -> None:
    dispatches = {key: spec for key, spec in specs.items() if spec.group_name == "dispatch"}
    assert set(dispatches) == {f"dispatch_{channel}" for channel in CHANNELS}
    for spec in dispatches.values():
        assert {dep.asset_key.to_user_string() for dep in spec.deps} == {"authorization"}


def test_nothing_that_contacts_people_starts_by_itself(specs: dict[str, dg.AssetSpec]) -> None:
    contacting = {"dispatch", "authority", "allocation", "outcomes"}
    assert not [key for key, spec in specs.items() if spec.group_name in contacting and spec.automation_condition]


def test_no_schedule_or_sensor_is_switched_on_by_being_loaded(definitions: dg.Definitions) -> None:
    for one in [*(definitions.schedules or []), *(definitions.sensors or [])]:
        assert one.default_status in {dg.DefaultScheduleStatus.STOPPED, dg.DefaultSensorStatus.STOPPED}


def test_every_hand_over_has_a_check_that_blocks_what_is_after_it(definitions: dg.Definitions) -> None:
    checks = {
        spec.asset_key.to_user_string(): spec
        for each in definitions.asset_checks or []
        for spec in each.check_specs
        if spec.blocking
    }
    assert set(checks) >= {"published_generation", "training_frame", "candidate_scores", "allocation"}


def test_the_tests_of_dbt_block_what_is_published(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    of_view = [key for key in graph.asset_check_keys if key.asset_key == dg.AssetKey(["marts", "dim_customers"])]
    assert len(of_view) > 3


def test_the_cycle_is_everything_but_the_reoptimization(
    definitions: dg.Definitions, specs: dict[str, dg.AssetSpec]
) -> None:
    assert keys_of(definitions, "cycle") == {key for key in specs if key != "reoptimization"}


def test_an_ingest_takes_in_files_and_decides_anew_but_hands_nothing_over(definitions: dg.Definitions) -> None:
    keys = keys_of(definitions, "ingest")
    assert {"outcomes", "reoptimization", "raw/outcomes", "raw/orders"} <= keys
    assert not [key for key in keys if key.startswith(("dispatch", "marts", "staging"))]


def test_dispatch_is_the_eight_channels_and_nothing_else(definitions: dg.Definitions) -> None:
    assert keys_of(definitions, "dispatch") == {f"dispatch_{channel}" for channel in CHANNELS}


def test_training_is_the_frame_and_the_models(definitions: dg.Definitions) -> None:
    assert keys_of(definitions, "train") == {"training_frame", "response_models", "journeys"}


def test_every_job_says_what_it_is_for(definitions: dg.Definitions) -> None:
    for name in ("cycle", "ingest", "train", "dispatch"):
        assert definitions.resolve_job_def(name).description


def test_everything_that_belongs_to_a_day_is_partitioned_by_day(specs: dict[str, dg.AssetSpec]) -> None:
    without = {key for key, spec in specs.items() if spec.partitions_def is None}
    assert without <= {key for key in specs if key.startswith("raw/")} | {"outcomes"}
    assert len({spec.partitions_def for spec in specs.values() if spec.partitions_def}) == 1


def test_only_one_run_at_a_time_writes_the_warehouse(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    writers = ["raw/orders", "raw/cycle", "marts/dim_customers", "published_generation", "outcomes"]
    for key in writers:
        assert graph.get(dg.AssetKey(key.split("/"))).pools == {"warehouse"}
