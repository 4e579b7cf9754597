"""Each simulated policy is a configuration that the product accepts."""

from pathlib import Path

import pytest

from ml.configuration import read_configuration
from orchestration.errors import BadInput
from orchestration.settings import CHECKOUT
from orchestration.simulated_policies import CHANGES, SPLIT, write_policy


@pytest.mark.parametrize("name", CHANGES)
def test_its_configuration_is_valid_and_lets_plans_go_by_themselves(tmp_path: Path, name: str) -> None:
    found = read_configuration(write_policy(name, CHECKOUT / "config", tmp_path / "config"))
    assert {objective.autonomy for objective in found.objectives} == {"autonomous"}
    arms = [objective.arms for objective in found.objectives]
    system = {"wayfinder": 0.88, "truth": 1.0}.get(name, 0.0)
    assert all(each.system == pytest.approx(system) for each in arms)


def test_the_fixed_split_divides_the_money_of_a_day(tmp_path: Path) -> None:
    found = read_configuration(write_policy("fixed", CHECKOUT / "config", tmp_path / "config"))
    caps = found.policy.spend_caps
    assert caps.per_channel_per_day == {name: pytest.approx(share * caps.per_day) for name, share in SPLIT.items()}
    assert all(set(objective.allowed_channels) == set(SPLIT) for objective in found.objectives)


def test_an_unknown_policy_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'best': there are nothing, wayfinder, random, manual, fixed, truth"):
        write_policy("best", CHECKOUT / "config", tmp_path / "config")


def test_the_best_plan_has_everybody_whom_an_objective_means_and_all_their_money(tmp_path: Path) -> None:
    stated = read_configuration(CHECKOUT / "config").objectives
    (found,) = read_configuration(write_policy("truth", CHECKOUT / "config", tmp_path / "config")).objectives
    assert found.budget == sum(each.budget for each in stated)
    assert all(f"({each.audience.where})" in found.audience.where for each in stated)
