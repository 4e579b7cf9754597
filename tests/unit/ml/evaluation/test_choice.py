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
