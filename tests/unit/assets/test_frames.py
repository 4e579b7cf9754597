"""A training frame that is too large keeps the contacts that teach effects, and its weights stand for everybody."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.frames import TrainingSources, _sampled, _with_redemptions, training_frame


def _frame(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    kind = rng.choice(3, n, p=[0.05, 0.25, 0.7])
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "channel": np.where(kind == 2, "none", "email"),
            "propensity": np.where(kind == 0, 0.05, np.nan),
            "sample_weight": 1.0,
        }
    )


def test_drawn_contacts_are_thinned_last_and_weights_stand_for_everybody():
    frame = _frame(60_000)
    kept = _sampled(frame, 12_000, seed=3)
    assert len(kept) == pytest.approx(12_000, rel=0.05)
    assert kept["propensity"].notna().sum() == frame["propensity"].notna().sum()
    for part in (frame["channel"] == "none", (frame["channel"] != "none") & frame["propensity"].isna()):
        rows = kept[kept["customer_id"].isin(frame.loc[part, "customer_id"])]
        assert rows["sample_weight"].sum() == pytest.approx(part.sum(), rel=0.05)


def test_a_frame_that_fits_stays_as_it_is():
    frame = _frame(500)
    pd.testing.assert_frame_equal(_sampled(frame, 500, seed=3), frame)


def _offered(customer_id: str, on: str, offer_id: str) -> dict[str, object]:
    return {"customer_id": customer_id, "as_of_on": pd.Timestamp(on), "offer_id": offer_id}


def _redeemed(tmp_path: Path, rows: list[dict[str, object]], sales: list[tuple[str, str, str | None]]) -> pd.DataFrame:
    conversions = pd.DataFrame(sales, columns=["customer_id", "converted_at", "offer_code"])
    conversions["converted_at"] = pd.to_datetime(conversions["converted_at"])
    conversions.to_parquet(tmp_path / "fct_conversions.parquet")
    sources = TrainingSources(
        tmp_path, (), date(2026, 1, 31), 7, "America/New_York", valid_days={"ten_off": 21, "other": 3}
    )
    return _with_redemptions(pd.DataFrame(rows), sources)


def test_a_redemption_counts_while_the_offer_is_valid_in_the_shops_days(tmp_path):
    sales = [
        ("a", "2026-01-01 05:00", "ten_off"),  # the first minute of the day in New York
        ("a", "2026-01-22 04:59", "ten_off"),  # the last one of its 21 days
        ("a", "2026-01-22 05:00", "ten_off"),  # too late
        ("a", "2026-01-02 12:00", None),
        ("a", "2026-01-02 12:00", "other"),
        ("b", "2026-01-02 12:00", "ten_off"),
    ]
    rows = [_offered("a", "2026-01-01", "ten_off"), _offered("b", "2026-01-01", "none")]
    found = _redeemed(tmp_path, rows, sales)
    assert found["redemption_count"].tolist() == [2, 0]
    assert found["offer_horizons"].tolist() == [3, 0]


def test_the_same_offer_again_ends_the_one_before_and_today_ends_all(tmp_path):
    rows = [
        _offered("a", "2026-01-10", "ten_off"),
        _offered("a", "2026-01-17", "ten_off"),
        _offered("a", "2026-01-12", "other"),
        _offered("a", "2026-01-24", "unknown"),
    ]
    sales = [("a", "2026-01-18 12:00", "ten_off"), ("a", "2026-01-13 12:00", "other")]
    found = _redeemed(tmp_path, rows, sales)
    assert found["redemption_count"].tolist() == [0, 1, 1, 0]
    # the horizon where nothing is said of how long it is valid; what is still valid only until today
    assert found["offer_horizons"].tolist() == pytest.approx([1, 2, 3 / 7, 1])


WHO = ["after", "before", "other", "silent", "alone"]


def _day_of_mails(tmp_path: Path) -> TrainingSources:
    """A day on which all but one got an e-mail with ten off; nothing came of it yet."""
    generation, folder = tmp_path / "generation", tmp_path / "cycles" / "2026-01-05"
    for path in (generation, folder):
        path.mkdir(parents=True)
    pd.DataFrame({"customer_id": WHO, "as_of_on": date(2026, 1, 5), "sample_weight": 1.0}).to_parquet(
        folder / "features.parquet"
    )
    pd.DataFrame(
        {
            "decision_id": [f"d-{name}" for name in WHO], "cycle_id": "2026-01-05", "customer_id": WHO, "objective_id": "o",
            "channel": ["email"] * 4 + ["none"], "offer_id": ["ten_off"] * 4 + ["none"], "creative_id": "none",
            "slot": "none", "logging_propensity": 0.5, "arm": "random",
        }
    ).to_parquet(folder / "decisions.parquet")  # fmt: skip
    _looks(generation)
    _sales(generation)
    _clicked(generation)
    _touched(generation)
    later = {"customer_id": ["late"], "as_of_on": date(2026, 2, 1), "channel": "email", "offer_id": "none"}
    pd.DataFrame(later | {"assignment_probability": 0.5, "sample_weight": 1.0}).to_parquet(
        generation / "fct_customer_snapshots.parquet"
    )
    return TrainingSources(generation, (folder,), date(2026, 1, 31), 7, "America/New_York")


def _another_day(sources: TrainingSources, name: str, channel: str, **columns: object) -> TrainingSources:
    """The same people on another day or in a re-optimization of one, all decided alike, with more columns of the view."""
    first, folder = sources.cycles[0], sources.cycles[0].parent / name
    folder.mkdir()
    on = date.fromisoformat(name[:10])
    pd.read_parquet(first / "features.parquet").assign(as_of_on=on, **columns).to_parquet(folder / "features.parquet")
    decisions = pd.read_parquet(first / "decisions.parquet").assign(cycle_id=name, channel=channel)
    decisions.assign(decision_id=[f"d-{name}-{who}" for who in WHO]).to_parquet(folder / "decisions.parquet")
    return replace(sources, cycles=(*sources.cycles, folder))


def test_each_day_is_decided_as_it_stood_in_the_end_whatever_columns_other_days_have(tmp_path):
    sources = _another_day(_day_of_mails(tmp_path), "2026-01-06", "sms", attr_shirt=None)
    sources = _another_day(sources, "2026-01-07", "sms", attr_shirt="red")
    sources = _another_day(sources, "2026-01-07.1", "push", attr_shirt="blue")
    (sources.cycles[1] / "withdraws.json").write_text('{"withdraws": ["m-2026-01-06-other"]}')
    rows = training_frame(sources, 1000, 1)
    assert rows.groupby("as_of_on").size().tolist() == [5, 4, 5]
    assert rows.groupby(rows["as_of_on"].astype(str))["channel"].agg(lambda each: sorted({*each})).to_dict() == {
        "2026-01-05": ["email", "none"],
        "2026-01-06": ["sms"],
        "2026-01-07": ["push"],
    }
    assert rows["attr_shirt"].dropna().tolist() == ["blue"] * 5
    assert len(training_frame(replace(sources, cutoff_on=date(2026, 1, 7)), 1000, 1)) == 9


def _looks(generation: Path, *looks: tuple[str, str, str]) -> None:
    frame = pd.DataFrame(looks, columns=["customer_id", "channel", "exposed_on"], dtype="str")
    frame["exposed_on"] = pd.to_datetime(frame["exposed_on"]).dt.date
    types = pa.schema([("customer_id", pa.string()), ("channel", pa.string()), ("exposed_on", pa.date32())])
    pq.write_table(pa.Table.from_pandas(frame, types), generation / "fct_exposures.parquet")


def _sales(generation: Path, *sales: tuple[str, str | None, float | None]) -> None:
    frame = pd.DataFrame(sales, columns=["customer_id", "offer_code", "discount"])
    frame = frame.astype({"customer_id": "str", "offer_code": "object", "discount": "float64"})
    frame = frame.assign(margin=20.0, converted_at=pd.Timestamp("2026-01-06 11:00"))
    frame.to_parquet(generation / "fct_conversions.parquet")


def _clicked(generation: Path, **clicks: str | None) -> None:
    """Clicks on e-mails: of the system where the id begins with m, else of campaigns before."""
    frame = pd.DataFrame({"message_id": [*clicks], "clicked_at": pd.to_datetime([*clicks.values()])})
    frame = frame.assign(channel="email", is_past=[not name.startswith("m-") for name in clicks])
    types = {"message_id": "str", "channel": "str", "is_past": "bool"}
    frame.astype(types).to_parquet(generation / "fct_clicks.parquet")


def _touched(generation: Path, **sent: tuple[str, str]) -> None:
    """E-mails of campaigns before, by id: to whom, and when."""
    frame = pd.DataFrame([(name, *each) for name, each in sent.items()], columns=["touch_id", "customer_id", "sent_at"])
    frame = frame.astype({"touch_id": "str", "customer_id": "str"}).assign(
        channel="email", sent_at=lambda rows: pd.to_datetime(rows["sent_at"])
    )
    frame.to_parquet(generation / "fct_touches.parquet")


def test_of_past_mails_clicks_are_known_where_somebody_told_of_them(tmp_path):
    sources = _day_of_mails(tmp_path)
    people = ["clicked", "not", "untold", "offline", "left"]
    snapshots = {"as_of_on": date(2026, 1, 1), "channel": ["email"] * 3 + ["sms", None], "offer_id": None}
    pd.DataFrame({"customer_id": people, "assignment_probability": 0.5, "sample_weight": 1.0, **snapshots}).to_parquet(
        sources.generation / "fct_customer_snapshots.parquet"
    )
    evening = "2026-01-02 04:00"  # still the first of January in New York
    _touched(sources.generation, **{f"h-{name}": (name, evening) for name in people[:4]})
    clicked = {
        "h-clicked": "2026-01-05 09:00",
        "h-not": None,
        "h-offline": "2026-01-05 09:00",
        "m-after": "2026-01-06 10:00",
    }
    _clicked(sources.generation, **clicked)
    _sales(sources.generation, *((name, None, None) for name in people))
    rows = training_frame(sources, 1000, 1).set_index("customer_id")
    assert not any("message" in name for name in rows)  # which message it was says who was contacted
    found = rows.loc[people, ["is_clicked", "is_traced"]]
    assert found["is_clicked"].tolist()[:2] == [True, False]
    assert found["is_traced"].tolist()[:2] == [True, False]
    assert found.iloc[2:].isna().all(axis=None)


def test_a_conversion_is_traced_where_it_followed_a_click_on_the_days_own_message(tmp_path):
    sources = _day_of_mails(tmp_path)
    generation = sources.generation
    _clicked(
        generation, **{"m-after": "2026-01-06 10:00", "m-before": "2026-01-06 12:00", "m-elsewhere": "2026-01-06 10:00"}
    )
    _sales(generation, *((name, None, None) for name in ("after", "before", "other", "alone")))
    rows = training_frame(sources, 1000, 1).set_index("customer_id")
    assert rows["is_converted"].to_dict() == {
        "after": True,
        "alone": True,
        "before": True,
        "other": True,
        "silent": False,
    }
    told = {
        name: rows.loc[WHO, name].astype("object").where(rows.loc[WHO, name].notna(), None)
        for name in ("is_clicked", "is_traced")
    }
    assert told["is_clicked"].tolist() == [True, True, False, False, None]
    assert told["is_traced"].tolist() == [True, False, False, False, None]
    (generation / "fct_clicks.parquet").unlink()
    with pytest.raises(FileNotFoundError, match="run a cycle"):
        training_frame(sources, 1000, 1)


def test_of_own_messages_nothing_is_known_of_clicks_before_the_channel_tells_of_one(tmp_path):
    sources = _day_of_mails(tmp_path)
    _clicked(sources.generation, **{"h-past": "2026-01-04 10:00"})
    rows = training_frame(sources, 1000, 1).set_index("customer_id")
    assert rows[["is_clicked", "is_traced"]].isna().all(axis=None)


@pytest.mark.parametrize("clicked", ["2026-01-03 10:00", "2026-01-07 10:00"])
def test_own_messages_before_the_first_click_that_was_told_and_after_the_last_one_are_not_taken_for_unclicked(
    tmp_path, clicked
):
    sources = replace(_day_of_mails(tmp_path), cutoff_on=date(2026, 1, 9))
    _clicked(sources.generation, **{"m-of-another-day": clicked})
    rows = training_frame(sources, 1000, 1)
    assert len(rows)
    assert rows[["is_clicked", "is_traced"]].isna().all(axis=None)


def test_how_old_a_row_is_stays_with_it(tmp_path):
    sources = _day_of_mails(tmp_path)
    _clicked(sources.generation, **{"m-after": "2026-01-06 10:00"})
    rows = training_frame(sources, 1000, 1)
    ages = pd.Timestamp(sources.cutoff_on) - pd.to_datetime(rows["as_of_on"])
    assert rows["age_days"].tolist() == ages.dt.days.tolist()


def test_a_person_is_exposed_who_looked_at_what_comes_by_the_channel_before_the_horizon_was_over(tmp_path):
    sources = _day_of_mails(tmp_path)
    _looks(
        sources.generation,
        ("after", "email", "2026-01-05"),
        ("before", "email", "2026-01-04"),
        ("other", "email", "2026-01-12"),
        ("silent", "web", "2026-01-05"),
        ("alone", "email", "2026-01-05"),
    )
    found = training_frame(sources, 1000, 1).set_index("customer_id")["is_exposed"]
    assert found.dropna().to_dict() == {"after": True, "before": False, "other": False, "silent": False}
    _looks(sources.generation, ("silent", "web", "2026-01-05"))
    assert training_frame(sources, 1000, 1)["is_exposed"].isna().all()


@pytest.mark.parametrize("reports", [("2026-01-06", "2026-01-20"), ("2025-12-20", "2026-01-10")])
def test_a_day_that_a_channels_reports_do_not_cover_to_the_end_of_its_horizon_says_nothing_of_looks(tmp_path, reports):
    sources = _day_of_mails(tmp_path)
    _looks(sources.generation, *(("somebody", "email", day) for day in reports))
    assert training_frame(sources, 1000, 1)["is_exposed"].isna().all()


def test_discounts_of_sales_with_and_without_the_days_offer_are_told_apart(tmp_path):
    sources = _day_of_mails(tmp_path)
    _sales(
        sources.generation,
        ("after", "ten_off", 11.0),
        ("before", None, 3.0),
        ("before", None, 5.0),
        ("other", "another", 7.0),
        ("alone", None, 0.0),
    )
    found = training_frame(sources, 1000, 1).set_index("customer_id")[["usual_discount", "offer_discount"]]
    known = found.astype(object).where(found.notna(), None).T.to_dict("list")
    assert known == {
        "after": [None, 11.0],
        "alone": [0.0, None],
        "before": [4.0, None],
        "other": [None, None],
        "silent": [None, None],
    }
