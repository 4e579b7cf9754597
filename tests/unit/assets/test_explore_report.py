"""The report says what learning costs: what the draw gives up, and what the random and manual arms spend."""

from dataclasses import asdict

from assets.reporting import _environment
from ml.policy.system import Exploration


def rendered(exploration: Exploration | None) -> str:
    facts = {"exploration": exploration and asdict(exploration), "randomized_spend": 3.21, "currency": "USD"}
    return _environment().get_template("explore.md.j2").render(facts)


def test_what_a_draw_gives_up_is_said_beside_what_it_may() -> None:
    said = rendered(Exploration(0.02, 0.5, 1234.5, expected_cost=12.345, drawn_cost=-4.0))
    assert (
        "gives up 12.35 USD of 1,234.50 on average (1.0%; about 2.0% may be given up) and gains 4.00 in this draw."
        in said
    )
    assert "manual arms, which are not chosen by what they are worth, take 3.21 USD of the spend.\n\n" in said


def test_a_plan_that_is_taken_as_it_is_says_why() -> None:
    said = rendered(Exploration(0.0, 0.0, 0.0, reason="nothing may be spent on exploring"))
    assert said.startswith("The best plan is taken as it is: nothing may be spent on exploring. Contacts of")


def test_of_a_plan_from_before_draws_nothing_is_said() -> None:
    assert rendered(None) == ""
