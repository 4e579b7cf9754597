"""The report tells lifts that are there, what is missing for those that aren't, and withholds where arms lack their shares."""

from dataclasses import asdict
from typing import Any

from assets.reporting import _environment
from ml.learning.comparison import ArmFigures
from ml.learning.cost import CostPerConversion
from ml.learning.lift import Lift

ARM = ArmFigures(900, 30, 0.03, 0.03)


def lift(objective: str, *, told: bool, measure: str = "conversion", segment: str = "all", words: str = "w") -> Any:
    figures = (0.01, 0.002, 0.018, 0.004, 0.016, 0.2, 500.0) if told else (None,) * 7
    return asdict(Lift(objective, measure, "holdout", segment, ARM, ARM, *figures, 1, words))


def rendered(**facts: Any) -> str:
    whole = {"lifts": [], "segments": [], "costs": [], "sample_ratio": []} | facts
    memory = {"channels": [{"channel": "email", "contacted": 10, "alone": 20, "words": "too early: it takes more"}]}
    return _environment().get_template("lift.md.j2").render(lift=whole, memory=memory, horizon_days=14)


def ratio(objective: str, p_value: float) -> dict[str, Any]:
    return {"objective_id": objective, "p_value": p_value, "is_uneven": p_value < 0.001, "words": "withheld: lost some"}


def test_a_lift_is_told_with_both_intervals_and_what_a_conversion_costs() -> None:
    said = rendered(
        lifts=[lift("grow", told=True), lift("grow", told=True, measure="margin")],
        segments=[lift("grow", told=True, segment="lapsed")],
        costs=[asdict(CostPerConversion("grow", "holdout", 8.0, 5.0, 16.0, "8.00 (5.00 to 16.00)"))],
        sample_ratio=[ratio("grow", 0.5)],
    )
    assert "| grow | conversion | holdout | +1.00% (+0.20% to +1.80%) | +0.40% to +1.60% | 20% |" in said
    assert "| grow | margin | holdout | +0.01 (+0.00 to +0.02) |" in said
    assert "| grow | lapsed | +1.00% (+0.20% to +1.80%) | too early |" in said
    assert "| grow | 8.00 (5.00 to 16.00) |" in said
    assert "(p .500 grow)" in said
    assert "| email | 10 | 20 | too early: it takes more |" in said


def test_what_is_missing_is_told_where_it_is_too_early_and_nothing_costs_anything_yet() -> None:
    words = "too early: it takes 8 more buyers in holdout"
    cost = asdict(CostPerConversion("grow", "holdout", None, None, None, words))
    said = rendered(lifts=[lift("grow", told=False, words=words)], costs=[cost])
    assert "| grow | 30 of 900 | 30 of 900 | it takes 8 more buyers in holdout |" in said
    assert "cost of a conversion" not in said


def test_lifts_are_withheld_with_the_reason() -> None:
    said = rendered(lifts=[lift("grow", told=False, words="withheld: lost some")], sample_ratio=[ratio("grow", 1e-9)])
    assert "**grow: lifts are withheld: lost some.**" in said
    assert "Too early" not in said
