from dataclasses import replace

from ml.evaluation.choice import candidates_plot, candidates_table, figures_of, reason_of
from ml.evaluation.policy_value import Estimate
from ml.response.candidates import Candidate
from ml.response.personal_fit import Slope

CONSTANT = Candidate("constant", Slope(0.0, 0.0), Estimate(1.0, 0.9, 1.1, 10), Estimate(0.0, 0.0, 0.0, 10), 0.1)
TREES = Candidate(
    "dr_trees", Slope(0.8, 0.1), Estimate(1.3, 1.2, 1.4, 10), Estimate(0.3, 0.2, 0.4, 10), 2.0, is_chosen=True
)


def test_one_table_says_why_the_one_in_use_won():
    table = candidates_table([CONSTANT, TREES])
    assert "| **dr_trees** | 1.3000 | +0.3000 (+0.2000 to +0.4000) | 0.80 ± 0.10 of them, 0.67 used |" in table
    assert "| constant |" in table
    assert reason_of(TREES).startswith("in use: +0.3000")
    assert figures_of(TREES)["slope_used"] == TREES.slope.used
    assert candidates_plot([CONSTANT, TREES]).startswith(b"\x89PNG")


def test_evidence_is_said_in_odds_however_large_it_is():
    factor = Candidate(
        "factor",
        Slope(3.0, 2.0),
        Estimate(1.2, 1.0, 1.4, 10),
        Estimate(0.2, 0.0, 0.4, 10),
        1.0,
        is_chosen=True,
        evidence=2.3,
    )
    assert "evidence 10.0 to 1" in candidates_table([CONSTANT, factor])
    assert "1 to 10.0" in candidates_table([CONSTANT, replace(factor, evidence=-2.3)])
    assert "more than a million to 1" in reason_of(replace(factor, evidence=5_000.0))
    assert figures_of(factor)["log_bayes_factor"] == 2.3
    assert "log_bayes_factor" not in figures_of(CONSTANT)
