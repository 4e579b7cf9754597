"""Each change of a re-optimization says which news it follows, and what the old and the new choice are worth now."""

import numpy as np
import pandas as pd
import pytest

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.problem import Problem
from ml.allocation.terms import TotalBudget
from ml.entities import Option
from ml.explain.changes import COLUMNS, Worth, explain_changes, price_words, summary
from ml.news import News, news_of

PEOPLE = pd.Series(["ann", "ben", "cem", "dan"])
OPTIONS = Columns.of([("win", Option("email", "none"), 0.5), ("win", Option("voice", "none"), 2.0)])
VALUES = np.array([[1.0, 3.0], [1.5, 2.0], [0.5, 4.0], [2.0, 1.0]], dtype=np.float32)
ALLOWED = np.array([[True, True], [True, True], [False, True], [True, True]])
BONUS = 0.25


@pytest.fixture
def worth() -> Worth:
    problem = Problem(Candidates.from_dense(VALUES, ALLOWED), OPTIONS, [TotalBudget(10.0)])
    return Worth(problem, {"budget": 1.0}, PEOPLE, BONUS)


def contacts(key: str, *rows: tuple[str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "channel"])
    frame[key] = [f"{key[0]}-{name}" for name in frame["customer_id"]]
    values = {"objective_id": "win", "offer_id": "none", "arm": "system", "net_value": 3.0, "adjusted_value": 1.0}
    return frame.assign(**values)


def news(events: dict[str, str] | None = None, failing: tuple[str, ...] = ()) -> News:
    return News(frozenset(), pd.DataFrame({"customer_id": [], "event_type": []}), frozenset(failing), events or {})


def changes(worth: Worth, taken: list[tuple[str, str]], made: list[tuple[str, str]], told: News) -> pd.DataFrame:
    before = {"budget": 0.25}
    return explain_changes(
        contacts("message_id", *taken), contacts("decision_id", *made), told, worth, before, currency="USD"
    )


def test_a_choice_is_weighed_by_what_it_is_worth_now_without_what_keeps_it(worth: Worth) -> None:
    frame = changes(worth, [("ann", "email")], [("ann", "voice")], news({"ann": "clicked"}))
    (row,) = frame.to_dict("records")
    assert list(frame.columns) == list(COLUMNS)
    assert (row["old_option"], row["new_option"], row["news"]) == ("email:none", "voice:none", "clicked")
    assert row["old_value"] == pytest.approx(1.0 - BONUS)
    assert row["old_adjusted_value"] == pytest.approx(1.0 - BONUS - 0.5)
    assert row["reason"] == (
        "the person has clicked, and was scored again; email:none would be worth 0.7500 USD now "
        "(0.2500 after the prices of what is scarce), voice:none is worth 3.0000 USD now "
        "(1.0000 after the prices of what is scarce)"
    )


def test_each_kind_of_news_is_named(worth: Worth) -> None:
    taken = [("ann", "voice"), ("ben", "voice"), ("cem", "email"), ("dan", "email")]
    told = news({"ann": "unsubscribed"}, failing=("voice",))
    frame = changes(worth, taken, [("ben", "email")], told).set_index("customer_id")
    assert frame["news"].to_dict() == {
        "ann": "unsubscribed",
        "ben": "channel_fails",
        "cem": "not_allowed",
        "dan": "prices",
    }
    assert frame.loc["ann", "reason"].startswith("the person has unsubscribed; ")
    assert frame.loc["ben", "reason"].startswith("voice fails for most of its messages; ")
    assert frame.loc["cem", "reason"].endswith("email:none is taken back")
    assert "one more of budget is worth 1.0000 now, 0.2500 before" in frame.loc["dan", "reason"]
    assert frame["decision_id"].notna().sum() == 1


def test_a_new_contact_of_somebody_without_one_stands_alone(worth: Worth) -> None:
    (row,) = changes(worth, [], [("dan", "email")], news()).to_dict("records")
    assert (row["old_option"], row["new_option"], row["news"]) == ("none", "email:none", "prices")
    assert "would be worth" not in row["reason"]


def test_several_messages_of_one_person_are_paired_and_none_is_lost(worth: Worth) -> None:
    frame = changes(worth, [("ann", "email"), ("ann", "voice")], [("ann", "voice")], news())
    assert len(frame) == 2
    assert frame["message_id"].notna().sum() == 2
    assert frame["decision_id"].notna().sum() == 1


def test_nothing_changed_is_an_empty_frame(worth: Worth) -> None:
    frame = changes(worth, [], [], news())
    assert frame.empty
    assert summary(frame, 7) == {
        "open_before": 7, "kept": 7, "taken_back": 0, "made": 0, "changed_share": 0.0, "by_news": {},
    }  # fmt: skip


def test_the_summary_says_how_much_of_what_stood_was_changed(worth: Worth) -> None:
    frame = changes(worth, [("ann", "email"), ("dan", "email")], [("ann", "voice")], news({"ann": "clicked"}))
    found = summary(frame, 8)
    assert (found["kept"], found["taken_back"], found["made"], found["changed_share"]) == (6, 2, 1, 0.25)
    assert found["by_news"] == {"clicked": 1, "prices": 1}


def test_only_a_price_that_moved_is_named() -> None:
    assert price_words({"budget": 0.5, "voice": 1.0}, {"budget": 0.5, "voice": 0.2}).startswith(
        "one more of voice is worth 0.2"
    )
    assert not price_words({"budget": 0.5}, {"budget": 0.5})
    assert not price_words({}, {})


def test_of_several_events_of_a_person_the_one_that_ends_something_counts() -> None:
    rows = [
        ("ann", "clicked", "email"),
        ("ann", "unsubscribed", "email"),
        ("ben", "replied", "sms"),
        (None, "clicked", "sms"),
    ]
    found = news_of(pd.DataFrame(rows, columns=["customer_id", "event_type", "channel"]), {})
    assert dict(found.events) == {"ann": "unsubscribed", "ben": "replied"}
