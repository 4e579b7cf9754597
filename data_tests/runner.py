"""The one way in which a suite is run: types first, then Great Expectations on the columns that are used.

Great Expectations costs 10 to 30 ms an expectation at 200,000 rows. So rules and what is expected of many columns are
combined into one helper column first; only where that breaks, those that don't hold are evaluated each by itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from data_tests.engine import broken_rows
from data_tests.result import Failure, SuiteResult
from data_tests.suite import Expectation, OneOf, Present, Rule, Suite, Type, UniqueRows, Within, columns_of, numbers

_SHOWN_KEYS: Final = 10
_NAMES: Final[Mapping[type[Expectation], str]] = {
    Present: "values_present",
    OneOf: "values_in_set",
    Within: "values_within_bounds",
    UniqueRows: "rows_unique",
}


def run(suite: Suite, frame: pd.DataFrame) -> SuiteResult:
    """Check a frame.

    Args:
        suite: What to expect.
        frame: Any index; it isn't changed.

    Returns:
        The verdict. An empty frame with the right columns passes.

    Raises:
        SuiteError: If Great Expectations could not evaluate an expectation.
    """
    frame = frame.reset_index(drop=True)
    failures = list(_schema_failures(suite, frame))
    broken = {failure.column for failure in failures}
    usable = [left for each in suite.expectations if (left := _without(each, broken)) is not None]
    failures += _evaluate(suite, frame, usable) if len(frame) else []
    if suite.expected_keys is not None and suite.key not in broken:
        failures += _key_failures(suite.key, pd.Index(frame[suite.key]), pd.Index(suite.expected_keys))
    return SuiteResult(
        suite=suite.name,
        passed=not failures,
        failures=tuple(failures),
        row_count=len(frame),
        expectation_count=2 * len(suite.columns) + len(suite.expectations),
    )


def _schema_failures(suite: Suite, frame: pd.DataFrame) -> Iterator[Failure]:
    for column, kind in suite.columns.items():
        if column not in frame:
            yield Failure("column_exists", column, len(frame))
        elif not _is_of(frame[column], kind):
            yield Failure(f"column_type_is_{kind}", column, len(frame))


def _without(expectation: Expectation, broken: set[str]) -> Expectation | None:
    """The expectation on the columns that can be read; None where nothing is left of it."""
    if isinstance(expectation, Within | Present):
        left = tuple(column for column in expectation.columns if column not in broken)
        return replace(expectation, columns=left) if left else None
    return None if broken.intersection(columns_of(expectation)) else expectation


def _key_failures(key: str, found: "pd.Index[Any]", expected: "pd.Index[Any]") -> Iterator[Failure]:
    for name, keys in (
        ("row_expected", found.difference(expected)),
        ("expected_row_exists", expected.difference(found)),
    ):
        if len(keys):
            yield Failure(name, key, len(keys), tuple(map(str, keys[:_SHOWN_KEYS])))


def _is_of(values: "pd.Series[Any]", kind: Type) -> bool:
    """Whether the dtype is of the kind; a column without any value is of every kind."""
    dtype = values.dtype
    is_kind = {
        "flag": types.is_bool_dtype(dtype),
        "number": types.is_numeric_dtype(dtype) and not types.is_bool_dtype(dtype),
        "timestamp": types.is_datetime64_any_dtype(dtype),
        "date": types.is_datetime64_any_dtype(dtype) or types.is_object_dtype(dtype),
        "text": types.is_string_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype),
    }[kind]
    return bool(is_kind) or not values.notna().any()


def _evaluate(suite: Suite, frame: pd.DataFrame, expectations: Sequence[Expectation]) -> list[Failure]:
    """Failures of the rows; what breaks among the combined expectations is evaluated again, each by itself."""
    combined = [each for each in expectations if _is_combined(each)]
    simple = [each for each in expectations if not _is_combined(each)]
    holds = np.logical_and.reduce([np.ones(len(frame), bool), *(_holds(frame, each) for each in combined)])
    *broken, combined_broken = _broken_rows(frame, [*simple, Rule("combined", (), lambda _: holds)])
    failures = [_failure(suite, frame, *pair) for pair in zip(simple, broken, strict=True) if pair[1]]
    if combined_broken:
        singles = [single for each in combined for single in _singles(each) if not _holds(frame, single).all()]
        pairs = zip(singles, _broken_rows(frame, singles), strict=True)
        failures += [_failure(suite, frame, *pair) for pair in pairs if pair[1]]
    return failures


def _is_combined(expectation: Expectation) -> bool:
    return isinstance(expectation, Rule) or (isinstance(expectation, Within | Present) and len(expectation.columns) > 1)


def _singles(expectation: Expectation) -> list[Expectation]:
    if isinstance(expectation, Within | Present):
        return [replace(expectation, columns=(column,)) for column in expectation.columns]
    return [expectation]


def _holds(frame: pd.DataFrame, expectation: Expectation) -> npt.NDArray[np.bool_]:
    """For each row whether a combined expectation holds."""
    holds = np.ones(len(frame), bool)
    match expectation:
        case Rule():
            holds = pd.Series(expectation.holds(frame)).to_numpy(bool, na_value=True)
        case Within(columns, low, high):
            for column in columns:
                values = numbers(frame, column)
                holds &= ~((values < (-np.inf if low is None else low)) | (values > (np.inf if high is None else high)))
        case Present(columns):
            for column in columns:
                holds &= frame[column].notna().to_numpy(bool)
    return holds


def _broken_rows(frame: pd.DataFrame, expectations: Sequence[Expectation]) -> list[list[int]]:
    """As ``broken_rows``, on the used columns and one helper column a rule."""
    prepared, helpers = list(expectations), {}
    for position, expectation in enumerate(expectations):
        if isinstance(expectation, Rule):
            helpers[f"rule {position}"] = _holds(frame, expectation)
            prepared[position] = replace(expectation, columns=(f"rule {position}",))
    used = sorted({column for each in prepared for column in columns_of(each)}.difference(helpers))
    return broken_rows(frame[used].assign(**helpers), prepared)


def _failure(suite: Suite, frame: pd.DataFrame, expectation: Expectation, broken: list[int]) -> Failure:
    keys = (
        frame[suite.key].iloc[broken[:_SHOWN_KEYS]]
        if suite.key in frame
        else pd.Series([None] * len(broken[:_SHOWN_KEYS]))
    )
    shown = tuple(f"row {row}" if pd.isna(key) else str(key) for row, key in zip(broken, keys, strict=False))
    name = expectation.name if isinstance(expectation, Rule) else _NAMES[type(expectation)]
    return Failure(name, ", ".join(columns_of(expectation)), len(broken), shown)
