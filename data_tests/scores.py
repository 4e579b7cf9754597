"""The scores: for each person the chance to convert left alone, and for each option with the contact."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from data_tests.result import SuiteResult
from data_tests.runner import run
from data_tests.suite import Expectation, Flags, Present, Rule, Suite, Type, UniqueRows, Within, numbers

_TOLERANCE: Final = 1e-4


def check(frame: pd.DataFrame, *, options: Sequence[str], customer_ids: "pd.Series[str] | None" = None) -> SuiteResult:
    """Check the scores.

    Args:
        frame: ``customer_id``, ``baseline``, ``amount``, ``usual_discount``, and for each option (``<channel>:<offer>``)
            ``propensity_<option>``, ``uplift_<option>`` and ``exposure_<option>``.
        options: Options that were scored.
        customer_ids: People that must have been scored, no more and no less; None where that is known otherwise.
    """
    propensities = tuple(f"propensity_{option}" for option in options)
    exposures = tuple(f"exposure_{option}" for option in options)
    uplifts = tuple(f"uplift_{option}" for option in options)
    columns: dict[str, Type] = {
        "customer_id": "text",
        **dict.fromkeys(("baseline", "amount", "usual_discount", *propensities, *uplifts, *exposures), "number"),
    }
    expectations: list[Expectation] = [
        Present(("customer_id", "baseline", "amount", "usual_discount", *propensities, *uplifts, *exposures)),
        UniqueRows(("customer_id",)),
        Within(("baseline", *propensities), 0, 1),
        Within(uplifts, -1, 1),
        Within(("amount",), -1e9, 1e9),
        Within(("usual_discount", *exposures), 0, 1e9),
        Rule("uplift_is_the_difference", ("baseline", *propensities, *uplifts), lambda rows: _adds_up(rows, options)),
    ]
    return run(Suite("scores", "customer_id", columns, expectations, customer_ids), frame)


def _adds_up(rows: pd.DataFrame, options: Sequence[str]) -> Flags:
    baseline = numbers(rows, "baseline")
    holds = np.ones(len(rows), bool)
    for option in options:
        gap = numbers(rows, f"propensity_{option}") - baseline - numbers(rows, f"uplift_{option}")
        holds &= ~(np.abs(gap) > _TOLERANCE)
    return holds
