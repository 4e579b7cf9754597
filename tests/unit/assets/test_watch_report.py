"""The report says of the model in use what it promised, which channels changed, and what has moved since it began."""

from typing import Any

from assets.reporting import _environment
from ml.response.changes import Change

DRIFT = {"began_on": "2026-01-05", "people": 900, "shifts": []}
CHANGE = Change(0.304, 0.22, 0.945, "2026-01-18")


def rendered(**facts: Any) -> str:
    whole = {
        "watch": {"rolled_back": None, "promises": []},
        "changes": {},
        "drift": DRIFT,
        "horizon_days": 14,
    } | facts
    return _environment().get_template("watch.md.j2").render(whole)


def test_a_channel_that_changed_is_named_with_how_much_since_when_and_how_sure() -> None:
    said = rendered(changes={"email": CHANGE.words, "push": CHANGE.words})
    assert (
        "- **email** moves 0.30 \u00b1 0.22 times what all of its contacts together say, likeliest since 2026-01-18 "
        "(a change is 94% likely).\n- **push** moves"
    ) in said
    assert "likely).\n\nNothing has moved" in said


def test_nothing_is_said_of_changes_where_no_channel_changed() -> None:
    assert "times what all of its contacts" not in rendered()
    assert "over.\n\nNothing has moved" in rendered()


def test_without_a_model_there_is_no_such_chapter() -> None:
    assert rendered(watch={}).strip() == ""


def test_too_few_people_left_alone_are_said_and_not_taken_for_nothing_having_moved() -> None:
    said = rendered(drift=DRIFT | {"people": 0})
    assert "Too few people were left alone" in said
    assert "Nothing has moved" not in said
    moved = {"kind": "outcome", "name": "margin", "psi": 0.4, "ks": None, "verdict": "large"}
    assert "What has moved since 2026-01-05 (population" in rendered(drift=DRIFT | {"people": 0, "shifts": [moved]})
    assert "among the 900 people left alone (population" in rendered(drift=DRIFT | {"shifts": [moved]})


def test_nothing_is_said_of_drift_where_none_was_measured() -> None:
    assert rendered(drift={"began_on": None, "people": None, "shifts": []}).strip().endswith("days are over.")
