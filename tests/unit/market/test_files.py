"""The files that the market leaves keep to the contract."""

import csv
import gzip
import hashlib
import io
import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from market.__main__ import main
from tests.unit.market.conftest import SMALL, run

CONTRACT = {
    "crm_contacts": "contact_id! created_at! email phone first_name last_name address_line postal_code city region "
    "country time_zone birth_year loyalty_id device_token acquisition_source updated_at attributes",
    "consents": "contact_id! channel! status! occurred_at! basis source",
    "web_events": "event_id! visitor_id! event_type! occurred_at! contact_id email_sha256 url_path product_category",
    "orders": "order_id! ordered_at! revenue! contact_id email margin item_count product_category discount offer_code",
    "store_purchases": "receipt_id! purchased_at! revenue! loyalty_id phone email margin store_id product_category "
    "offer_code",
    "ad_engagement": "event_id! platform! event_type! occurred_at! email_sha256 visitor_id campaign cost",
    "email_engagement": "event_id! email! event_type! occurred_at! campaign",
    "call_logs": "call_id! phone! started_at! direction! duration_s disposition transcript",
    "campaign_history": "contact_id! channel! sent_at! offer_id campaign cost assignment_probability",
}


def rows_of(path: Path) -> list[dict[str, object]]:
    if path.name.endswith(".parquet"):
        return [{k: v for k, v in row.items() if v is not None} for row in pq.read_table(path).to_pylist()]
    text = gzip.decompress(path.read_bytes()).decode()
    if path.name.endswith(".csv.gz"):
        return [{k: v for k, v in row.items() if v != ""} for row in csv.DictReader(io.StringIO(text))]
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("source", CONTRACT)
def test_a_source_has_the_contracts_columns_and_no_others(answered: Path, source: str) -> None:
    words = CONTRACT[source].split()
    known, required = {w.rstrip("!") for w in words}, {w.rstrip("!") for w in words if w.endswith("!")}
    files = sorted((answered / "landing" / source).iterdir())
    assert files
    for path in files:
        for row in rows_of(path):
            assert required <= set(row) <= known, path


def test_parquet_files_have_utc_timestamps_and_plain_strings(made: Path) -> None:
    for path in made.glob("landing/*/*.parquet"):
        for field in pq.read_schema(path):
            if field.name.endswith("_at"):
                assert field.type == pa.timestamp("us", tz="UTC"), path
            assert not pa.types.is_dictionary(field.type)


def test_the_history_ends_before_the_simulation_starts(made: Path) -> None:
    for source, column in {"web_events": "occurred_at", "orders": "ordered_at", "campaign_history": "sent_at"}.items():
        for path in (made / "landing" / source).iterdir():
            assert max(pq.read_table(path)[column].to_pylist()) < datetime.fromisoformat("2026-01-05T00:00:00Z")


def test_event_ids_of_a_source_are_unique(made: Path) -> None:
    for source, column in {
        "web_events": "event_id",
        "ad_engagement": "event_id",
        "email_engagement": "event_id",
        "orders": "order_id",
    }.items():
        ids = [i for path in (made / "landing" / source).iterdir() for i in pq.read_table(path)[column].to_pylist()]
        assert len(set(ids)) == len(ids), source


def test_the_same_seed_makes_the_same_bytes_and_another_does_not(made: Path, tmp_path: Path) -> None:
    def prints(home: Path) -> dict[str, str]:
        files = sorted(p for p in home.glob("landing/*/*") if p.is_file())
        return {str(p.relative_to(home)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    run("make", "--home", tmp_path / "same", *SMALL)
    run("make", "--home", tmp_path / "other", *SMALL[:-1], "12")
    assert prints(tmp_path / "same") == prints(made)
    assert not set(prints(tmp_path / "other").values()) & set(prints(made).values())


def test_no_partial_file_is_left_behind(answered: Path) -> None:
    assert not list(answered.rglob("*.partial"))
    assert not (answered / ".market-staging").exists()


def test_a_third_of_the_past_sends_was_randomized(made: Path) -> None:
    tables = [pq.read_table(p) for p in (made / "landing/campaign_history").iterdir()]
    chances = pa.concat_tables(tables)["assignment_probability"]
    share = (len(chances) - chances.null_count) / len(chances)
    assert 0.2 < share < 0.45
    assert all(0 < p <= 1 for p in chances.drop_null().to_pylist())


def test_a_market_is_not_made_over_another(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("make", "--home", made, *SMALL) == 2
    assert "there is a market already" in capsys.readouterr().err


def test_an_interrupted_make_can_be_repeated(made: Path, home: Path) -> None:
    (home / "market" / "CURRENT").unlink()
    (home / "landing/orders/history-2020-01-01.parquet").write_bytes(b"left over")
    assert run("make", "--home", home, *SMALL) == 0
    assert {p.name for p in (home / "landing/orders").iterdir()} == {
        p.name for p in (made / "landing/orders").iterdir()
    }


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--customers", "3"), "--customers"),
        (("--law", "magic"), "magic"),
        (("--shift", "soon:email=2"), "--shift"),
        (("--config", "nowhere"), "actions.yaml"),
    ],
)
def test_bad_arguments_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str], word: str
) -> None:
    assert main(["make", "--home", str(tmp_path), *arguments]) == 2
    assert word in capsys.readouterr().err
