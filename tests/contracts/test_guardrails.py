"""One property suite over every guardrail: what must hold whatever it looks at."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.configuration.policy import Guardrails
from ml.policy.authority import authorize
from ml.policy.guardrails import Guardrail, PlanFigures, guardrails_of

BOUNDS = Guardrails(audience_people=150)
QUIET = {"spend": {"email": 50.0, "sms": 50.0}, "people": 100, "data_age_hours": 5.0}


@dataclass(frozen=True)
class Case:
    """How to make a plan with a given figure.

    Attributes:
        of: Figures of a plan whose value under the guardrail is the argument.
        shown: How the value is written in the words.
        whole: Whether the value is a whole number.
        least: Smallest value that makes sense.
    """

    of: Callable[[float], dict]
    shown: Callable[[float], str]
    whole: bool = False
    least: float = 0.0


CASES = {
    "spend_change_per_day": Case(
        lambda v: {"forecast_spend": 100.0, "spend": {"email": 100.0 * (1 + v)}},
        lambda v: f"{100 * (1 + v):,.2f}",
        least=-1.0,
    ),
    "spend_over_pace": Case(
        lambda v: {"pace_spend": 100.0, "spend": {"email": 100.0 * (1 + v)}},
        lambda v: f"{100 * (1 + v):,.2f}",
        least=-1.0,
    ),
    "channel_spend_share": Case(
        lambda v: {"day_spend": {"email": max(v, 0.5), "sms": 1 - max(v, 0.5)}}, lambda v: f"{v:.1%}", least=0.5
    ),
    "discount_depth": Case(lambda v: {"offer_cost": 100.0 * v, "sales_value": 100.0}, lambda v: f"{v:.1%}"),
    "audience_change": Case(
        lambda v: {"forecast_people": 100.0, "people": 100 * (1 + v)}, lambda v: f"{100 * (1 + v):,}", least=-1.0
    ),
    "complaint_rate": Case(lambda v: {"complaints": 1000.0 * v, "contacts": 1000}, lambda v: f"{v:.2%}"),
    "weekly_contacts": Case(lambda v: {"weekly_contacts": int(v)}, lambda v: f"{int(v)} contacts", whole=True),
    "new_actions": Case(
        lambda v: {"new_actions": [f"push:o{i}" for i in range(int(v))]},
        lambda v: f"push:o{int(v) - 1}" if v else "0",
        whole=True,
    ),
    "data_age_hours": Case(lambda v: {"data_age_hours": v}, lambda v: f"{v:.0f} hours"),
    "score_drift": Case(lambda v: {"score_drift": v}, lambda v: f"{v:.3f}"),
    "lift_loss": Case(lambda v: {"lift_high": -v}, lambda v: f"{-v or 0:+.5f}", least=-1.0),
    "audience_people": Case(lambda v: {"people": int(v)}, lambda v: f"{int(v):,} people", whole=True),
}
EVERY = guardrails_of(BOUNDS)
every = pytest.mark.parametrize("guardrail", EVERY, ids=lambda each: each.name)


def _read(guardrail: Guardrail, value: float):
    return guardrail.read(PlanFigures(**(QUIET | CASES[guardrail.name].of(value))))


def _value(guardrail: Guardrail, share: float) -> float:
    """A value of the guardrail's own range, from its least to three times its bound."""
    case = CASES[guardrail.name]
    most = 1.0 if guardrail.name == "channel_spend_share" else 3 * (guardrail.bound or 1.0)
    value = case.least + share * (most - case.least)
    return float(round(value)) if case.whole else value


def test_every_bound_of_the_policy_has_its_guardrail_and_its_case():
    assert {each.name for each in EVERY} == set(Guardrails.model_fields) == set(CASES)


@every
@given(low=st.floats(0, 1), high=st.floats(0, 1))
def test_more_of_what_it_bounds_is_never_further_inside(guardrail, low, high):
    low, high = sorted((_value(guardrail, low), _value(guardrail, high)))
    assert _read(guardrail, low).distance >= _read(guardrail, high).distance
    assert _read(guardrail, low).is_crossed <= _read(guardrail, high).is_crossed


@every
@given(share=st.floats(0, 1))
def test_the_sign_of_the_distance_says_whether_it_is_crossed(guardrail, share):
    reading = _read(guardrail, _value(guardrail, share))
    assert reading.is_crossed == (reading.distance < -1e-9)


@every
def test_a_plan_at_the_bound_is_inside_and_the_next_one_isnt(guardrail):
    at = _read(guardrail, guardrail.bound)
    assert at.distance == pytest.approx(0, abs=1e-9)
    assert not at.is_crossed
    step = 1 if CASES[guardrail.name].whole else 0.001 * (guardrail.bound or 1)
    assert _read(guardrail, guardrail.bound + step).is_crossed


@every
@given(share=st.floats(0, 1))
def test_the_words_name_the_figure_the_bound_and_what_lifts_it(guardrail, share):
    value = _value(guardrail, share)
    words = _read(guardrail, value).words
    assert CASES[guardrail.name].shown(value) in words or share == 0
    assert guardrail.remedy in words
    assert re.search(r"at most .+ without a person's word", words)


@every
def test_a_figure_that_nobody_knows_crosses_nothing(guardrail):
    known = {"audience_people", "data_age_hours", "channel_spend_share", "new_actions"}
    reading = guardrail.read(PlanFigures(**QUIET))
    assert not reading.is_crossed
    assert (reading.value is None) == (guardrail.name not in known)
    assert ("nothing to compare with yet" in reading.words) == (reading.value is None)


@every
def test_outside_a_supervised_plan_waits_with_just_these_words_and_an_autonomous_one_goes(guardrail):
    outside = 1.0 if guardrail.name == "channel_spend_share" else 2 * (guardrail.bound or 1.0)
    figures = PlanFigures(**(QUIET | CASES[guardrail.name].of(outside)))
    supervised = authorize(figures, "supervised", [guardrail])
    assert (supervised.state, supervised.reasons) == ("waiting", (guardrail.read(figures).words,))
    assert authorize(figures, "autonomous", [guardrail]).state == "released"


@every
def test_a_guardrail_states_its_formula_and_can_be_set_in_the_policy(guardrail):
    assert "<= bound" in guardrail.formula
    higher = Guardrails.model_validate({"audience_people": 1} | {guardrail.name: _higher(guardrail.bound)})
    assert {each.name: each.bound for each in guardrails_of(higher)}[guardrail.name] == _higher(guardrail.bound)


def _higher(bound: float) -> float:
    return bound + 1 if isinstance(bound, int) else min(bound * 1.5, 1.0) if 0 < bound < 1 else bound + 1.0
