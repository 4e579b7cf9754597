"""Bad input gets a clear answer that names the place and the remedy; nothing is lost, and what can go on does."""

import gzip
import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.integration.loop_support import AFTERNOON, BACK, DAY, MORNING, Workspace, failures, succeed

pytestmark = pytest.mark.slow


def objective(**values: Any) -> Callable[[Workspace], None]:
    return lambda workspace: workspace.configure("objectives/grow.yaml", lambda data: data.update(values))


def same_id_twice(workspace: Workspace) -> None:
    folder = workspace.config / "objectives"
    shutil.copyfile(folder / "grow.yaml", folder / "zz_grow_again.yaml")


def without_price(workspace: Workspace) -> None:
    workspace.configure("actions.yaml", lambda data: data["channels"]["email"].pop("cost"))


def broken_template(workspace: Workspace) -> None:
    (workspace.config / "templates" / "postcard.txt.j2").write_text(
        "{% block title %}Hello{% endblock %}{{ customer.shoe_size }}"
    )


def broken_yaml(workspace: Workspace) -> None:
    (workspace.config / "policy.yaml").write_text("currency: [USD\n")


@pytest.mark.parametrize(
    ("spoil", "file", "said"),
    [
        (
            objective(starts_on=date(2026, 6, 1), ends_on=date(2026, 1, 1)),
            "objectives/grow.yaml",
            "ends_on (2026-01-01) is before",
        ),
        (objective(metric="happiness"), "objectives/grow.yaml", "incremental_margin"),
        (objective(target={"amount": 0}), "objectives/grow.yaml", "above 0"),
        (objective(budget=-1), "objectives/grow.yaml", "budget"),
        (objective(audience={"where": "lifecycle = 'lapsed'; drop table x"}), "objectives/grow.yaml", "audience"),
        (same_id_twice, "objectives/zz_grow_again.yaml", "grow_margin"),
        (without_price, "actions.yaml", "cost"),
        (broken_yaml, "policy.yaml", "policy.yaml"),
        (broken_template, "templates/postcard.txt.j2", "postcard"),
    ],
    ids=[
        *("end before start", "unknown metric", "target of 0", "budget of -1", "audience", "one id twice", "no price"),
        *("no yaml", "broken template"),
    ],
)
def test_a_mistake_in_the_configuration_is_named_with_its_file_and_nothing_runs(
    market: Workspace, tmp_path: Path, spoil: Callable[[Workspace], None], file: str, said: str
) -> None:
    workspace = Workspace(tmp_path / "home", tmp_path / "config")
    shutil.copytree(market.config, workspace.config)
    spoil(workspace)
    answer = workspace.wayfinder("cycle", "--date", DAY.isoformat(), "--at", MORNING)
    assert answer.status == 2
    assert file in answer.err
    assert said in answer.err
    assert answer.out == ""
    assert not (workspace.home / "cycles").exists()


def test_an_audience_over_a_column_that_the_view_lacks_is_named(
    scored: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(scored)
    objective(audience={"where": "shoe_size > 42"})(workspace)
    result = workspace.run(*BACK)
    assert not result.success
    assert workspace.sent() == []
    words = failures(result)
    assert "shoe_size" in words
    assert "objectives/grow.yaml" in words or "grow_margin" in words


def test_without_an_objective_that_is_active_the_day_is_quiet(
    scored: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(scored)
    workspace.configure_objectives(starts_on=date(2026, 2, 1))
    succeed(workspace.run(*BACK))
    assert workspace.decisions().empty
    assert workspace.sent() == []
    said = workspace.wayfinder("status", "--at", AFTERNOON, json=False)
    assert said.status == 0


def test_where_nobody_is_eligible_everybody_is_left_alone_and_the_reason_is_given(
    scored: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(scored)
    workspace.configure("policy.yaml", lambda policy: policy.update(minimum_age=120, unknown_age="deny"))
    succeed(workspace.run(*BACK))
    decisions = workspace.decisions()
    assert len(decisions) > 100
    assert set(decisions["channel"]) == {"none"}
    assert set(decisions["category"]) <= {"not_allowed", "held_out"}
    assert (decisions["category"] == "not_allowed").mean() > 0.8
    assert workspace.sent() == []
    facts = json.loads((workspace.home / "cycles" / DAY.isoformat() / "plan.json").read_text())
    assert facts["people_eligible"] == 0
    assert workspace.wayfinder("report", "--date", DAY.isoformat()).status == 0


def test_an_empty_landing_folder_is_a_quiet_day_that_says_so(market: Workspace, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home", tmp_path / "config")
    shutil.copytree(market.config, workspace.config)
    for name in ("dbt", "dagster", "cache"):
        shutil.copytree(market.home / name, workspace.home / name)
    answer = workspace.wayfinder("cycle", "--date", DAY.isoformat(), "--at", MORNING)
    assert answer.status == 0, answer.err
    assert answer.facts["people_contacted"] == 0
    assert answer.facts["people_eligible"] == 0
    assert sum(answer.facts["messages"].values()) == 0
    assert "crm_contacts" in " ".join(answer.facts["notes"])


BROKEN_FILES: dict[str, tuple[str, str, bytes]] = {
    "wrong delimiter": ("orders", "semicolons.csv", b"order_id;ordered_at;revenue\no1;2026-01-01T00:00:00Z;10\n"),
    "latin-1": (
        "crm_contacts",
        "latin.csv",
        "contact_id,created_at,first_name\nc1,2025-01-01T00:00:00Z,Jos\xe9\n".encode("latin-1"),
    ),
    "truncated gzip": (
        "orders",
        "cut.csv.gz",
        gzip.compress(b"order_id,ordered_at,revenue\n" + b"o1,2026-01-01,1\n" * 999)[:60],
    ),
    "no gzip at all": ("orders", "fake.csv.gz", b"order_id,ordered_at,revenue\n"),
    "no parquet at all": ("web_events", "fake.parquet", b"PAR1 nothing"),
    "a required column is missing": ("consents", "short.csv", b"contact_id,channel\nc1,email\n"),
    "empty": ("orders", "empty.csv", b""),
}
GOOD_ORDER = {"order_id": "good", "ordered_at": "2026-01-04T12:00:00Z", "revenue": 20.0}
BAD_ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "revenue is no number": ("orders", {"order_id": "b1", "ordered_at": "2026-01-04T12:00:00Z", "revenue": "plenty"}),
    "no such day": ("orders", {"order_id": "b2", "ordered_at": "2026-02-31T12:00:00Z", "revenue": 1}),
    "no id": ("orders", {"ordered_at": "2026-01-04T12:00:00Z", "revenue": 1}),
    "no such channel": (
        "consents",
        {"contact_id": "c1", "channel": "fax", "status": "granted", "occurred_at": "2026-01-01T00:00:00Z"},
    ),
    "no such event": ("outcomes", {"event_id": "b3", "event_type": "exploded", "occurred_at": "2026-01-05T00:00:00Z"}),
}


@pytest.fixture(scope="module")
def ingested(cycled: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """After an ingest of every broken file and every broken row, with good rows beside them."""
    workspace = cycled.copy(tmp_path_factory.mktemp("ingested"))
    for source, name, content in BROKEN_FILES.values():
        workspace.land_text(source, name, content)
    for case, (source, row) in BAD_ROWS.items():
        good = [GOOD_ORDER | {"order_id": f"good-{case}"}] if source == "orders" else []
        workspace.land(source, case.replace(" ", "-"), [*good, row])
    bom = b"\xef\xbb\xbforder_id,ordered_at,revenue\nwith-bom,2026-01-04T12:00:00Z,5\n"
    workspace.land_text("orders", "bom.csv", bom)
    workspace.land("outcomes", "unknown", [
        {"event_id": "never", "event_type": "clicked", "occurred_at": "2026-01-05T12:00:00Z", "message_id": "m-never-sent"}
    ])  # fmt: skip
    (workspace.home / "landing" / "nonsense").mkdir()
    workspace.land_text("nonsense", "a.csv", b"a,b\n1,2\n")
    answer = workspace.wayfinder("ingest", "--at", AFTERNOON)
    assert answer.status == 0, answer.err
    assert answer.facts["outcomes"]["unmatched"] == 1
    return workspace


def quarantined(workspace: Workspace) -> list[dict[str, Any]]:
    files = (workspace.home / "quarantine").rglob("*.jsonl")
    return [json.loads(line) for path in files for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_a_broken_file_is_quarantined_with_its_reason(ingested: Workspace, case: str) -> None:
    source, name, _ = BROKEN_FILES[case]
    found = [row for row in quarantined(ingested) if row["file"].endswith(f"{source}/{name}") or row["file"] == name]
    assert found
    assert all(row["reason"] for row in found)


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_broken_row_is_quarantined_with_its_line_and_the_rest_of_its_file_loads(
    ingested: Workspace, case: str
) -> None:
    source, _ = BAD_ROWS[case]
    name = f"{case.replace(' ', '-')}.jsonl"
    (found,) = [row for row in quarantined(ingested) if row["file"].endswith(name)]
    assert found["line"] == (2 if source == "orders" else 1)
    assert found["reason"]
    if source == "orders":
        assert f"good-{case}" in landed(ingested, "orders")


def landed(workspace: Workspace, source: str) -> set[str]:
    import duckdb  # noqa: PLC0415

    with duckdb.connect(str(workspace.home / "warehouse" / "build" / "wayfinder.duckdb"), read_only=True) as connection:
        return {row[0] for row in connection.execute(f"select {source.rstrip('s')}_id from raw.{source}").fetchall()}


def test_a_byte_order_mark_does_no_harm(ingested: Workspace) -> None:
    assert "with-bom" in landed(ingested, "orders")


def test_the_files_themselves_are_never_touched(ingested: Workspace) -> None:
    for source, name, content in BROKEN_FILES.values():
        assert (ingested.home / "landing" / source / name).read_bytes() == content


def test_broken_files_are_not_asked_for_again_and_again(ingested: Workspace) -> None:
    from assets.intake import FileStat, pending_files  # noqa: PLC0415

    seen = {FileStat(*stat) for stat in ingested.ledger.landing.seen()}
    assert not [one for one in pending_files(ingested.home, seen) if "nonsense" not in str(one)]


@pytest.fixture(scope="module")
def absurd(market: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A whole cycle over rows that have the right types and make no sense."""
    workspace = market.copy(tmp_path_factory.mktemp("absurd"))
    contact = {"created_at": "2025-01-01T00:00:00Z", "email": "twice@mail.example", "country": "US"}
    workspace.land("crm_contacts", "odd", [
        {"contact_id": "twice", **contact}, {"contact_id": "twice", **contact},
        {"contact_id": "born-ahead", "created_at": "2199-01-01T00:00:00Z", "birth_year": 2190},
        {"contact_id": "ancient", "created_at": "1001-01-01T00:00:00Z", "birth_year": 1001},
    ])  # fmt: skip
    workspace.land("consents", "odd", [
        {"contact_id": "stranger", "channel": "email", "status": "granted", "occurred_at": "2025-01-01T00:00:00Z"}
    ])  # fmt: skip
    workspace.land("orders", "odd", [
        {"order_id": "ahead", "ordered_at": "2031-01-01T00:00:00Z", "revenue": 10.0, "contact_id": "twice"},
        {"order_id": "negative", "ordered_at": "2025-12-01T00:00:00Z", "revenue": -35.0, "contact_id": "twice"},
        {"order_id": "long-ago", "ordered_at": "1066-10-14T00:00:00Z", "revenue": 10.0, "contact_id": "twice"},
        {"order_id": "endless", "ordered_at": "2025-12-01T00:00:00Z", "revenue": 1e300, "contact_id": "ancient"},
    ])  # fmt: skip
    workspace.land("outcomes", "odd", [
        {"event_id": "never", "event_type": "clicked", "occurred_at": "2026-01-04T12:00:00Z", "message_id": "m-never-sent"},
        {"event_id": "ahead", "event_type": "clicked", "occurred_at": "2031-01-04T12:00:00Z", "message_id": "m-never-sent"},
    ])  # fmt: skip
    answer = workspace.wayfinder("cycle", "--date", DAY.isoformat(), "--at", MORNING)
    assert answer.status == 0, answer.err
    return workspace


def test_rows_that_make_no_sense_leave_everybody_elses_features_as_they_are(
    absurd: Workspace, scored: Workspace
) -> None:
    now, then = absurd.view().set_index("customer_id"), scored.view().set_index("customer_id")
    strangers = set(
        absurd.view("dim_recipients").loc[lambda people: people["email"] == "twice@mail.example", "customer_id"]
    )
    assert len(strangers) == 1
    pd.testing.assert_frame_equal(now.loc[then.index], then)
    assert absurd.sent()


def test_a_contact_that_came_twice_is_one_person_and_the_future_is_unknown(absurd: Workspace) -> None:
    people = absurd.view("dim_recipients")
    twice = people[people["email"] == "twice@mail.example"]
    assert len(twice) == 1
    row = absurd.view().set_index("customer_id").loc[twice["customer_id"].iloc[0]]
    assert not row["days_since_last_purchase"] < 0
    assert "born-ahead" not in {contact for ids in people["contact_ids"] for contact in ids}
