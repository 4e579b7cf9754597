"""The one door to Great Expectations: which rows break an expectation, by position and without their values."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from data_tests.suite import Expectation, OneOf, Present, Rule, UniqueRows, Within

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation as GxExpectation


class SuiteError(RuntimeError):
    """An expectation could not be evaluated, which is neither a pass nor a failure of the frame."""


def broken_rows(frame: pd.DataFrame, expectations: Sequence[Expectation]) -> list[list[int]]:
    """Validate a frame in one run.

    Args:
        frame: With a range index; it's fingerprinted whole, so give only the columns that are used.
        expectations: Each over one column, except unique rows.

    Returns:
        For each expectation the positions of the rows that break it.

    Raises:
        SuiteError: If one could not be evaluated.
    """
    import great_expectations as gx  # noqa: PLC0415 - its import takes seconds, so only a check pays for it
    from great_expectations.core.expectation_suite import ExpectationSuite  # noqa: PLC0415
    from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    suite = ExpectationSuite(name="suite", expectations=list(_translate(expectations)))
    validated = batch.validate(suite, result_format={"result_format": "COMPLETE", "exclude_unexpected_values": True})
    broken: list[list[int]] = [[] for _ in expectations]
    for result in validated.results:
        position = result.expectation_config.meta["position"]
        broken[position] = _positions(result, expectations[position])
    return broken


def load() -> None:
    """Import Great Expectations ahead of the first check: nearly three seconds, for whoever has them to spare."""
    import great_expectations  # noqa: F401, PLC0415


def _positions(result: Any, expectation: Expectation) -> list[int]:
    if result.success:
        return []
    rows = result.result.get("unexpected_index_list")
    if not rows:  # the exception's text may hold values, so only the expectation is named
        raise SuiteError(f"{type(expectation).__name__} could not be evaluated: check the types of its columns")
    return [int(row) for row in rows]


def _translate(expectations: Sequence[Expectation]) -> Iterator["GxExpectation"]:
    import great_expectations.expectations as gxe  # noqa: PLC0415

    for position, expectation in enumerate(expectations):
        meta = {"position": position}
        match expectation:
            case Present((column,)):
                yield gxe.ExpectColumnValuesToNotBeNull(column=column, meta=meta)
            case OneOf(column, values):
                yield gxe.ExpectColumnValuesToBeInSet(column=column, value_set=sorted(values), meta=meta)
            case Within((column,), low, high):
                yield gxe.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high, meta=meta)
            case UniqueRows((column,)):
                yield gxe.ExpectColumnValuesToBeUnique(column=column, meta=meta)
            case UniqueRows(columns):
                yield gxe.ExpectCompoundColumnsToBeUnique(column_list=list(columns), meta=meta)
            case Rule(_, (column,)):
                yield gxe.ExpectColumnValuesToBeInSet(column=column, value_set=[True], meta=meta)
