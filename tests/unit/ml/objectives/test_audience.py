import contextlib

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.objectives.audience import AudienceError, parse

FRAME = pd.DataFrame(
    {
        "lifecycle": pd.Series(["lapsed", "active", None, "lapsed", "it's"], dtype="str"),
        "age_years": pd.Series([20, None, 40, 17, 65], dtype="Int64"),
        "margin_30d": [0.0, 1.5, np.nan, -2.25, 1e6],
        "has_email": pd.Series([True, False, None, True, False], dtype="boolean"),
        "as_of_on": pd.to_datetime(["2026-01-05", "2026-01-06", None, "2025-12-31", "2026-01-05"]),
        "visits": [1, 2, 3, 4, 5],
    }
)

_literals = {
    "lifecycle": st.sampled_from(["'lapsed'", "'active'", "'it''s'", "''", "null", "lifecycle"]),
    "age_years": st.sampled_from(["20", "17.0", "-3", "40", "null", "visits", "age_years"]),
    "margin_30d": st.sampled_from(["0", "1.5", "-2.25", "1000000", "null", "age_years", "visits"]),
    "has_email": st.sampled_from(["true", "false", "null", "has_email"]),
    "as_of_on": st.sampled_from(["date '2026-01-05'", "'2025-12-31'", "null", "as_of_on"]),
    "visits": st.sampled_from(["1", "3.5", "5", "null", "margin_30d"]),
}
_values = {name: st.sampled_from([v for v in s.elements if v not in FRAME.columns]) for name, s in _literals.items()}


@st.composite
def single(draw):
    column = draw(st.sampled_from(list(_literals)))
    other, value = _literals[column], _values[column]
    match draw(st.integers(0, 4)):
        case 0:
            return f"{column} {draw(st.sampled_from(['=', '<>', '!=', '<', '<=', '>', '>=']))} {draw(other)}"
        case 1:
            listed = ", ".join(draw(st.lists(value, min_size=1, max_size=3)))
            return f"{column} {draw(st.sampled_from(['', 'not ']))}in ({listed})"
        case 2:
            return f"{column} {draw(st.sampled_from(['', 'NOT ']))}between {draw(other)} and {draw(other)}"
        case 3:
            return f"{column} is {draw(st.sampled_from(['', 'not ']))}null"
        case _:
            return draw(st.sampled_from(["has_email", "true", "false", "null"]))


predicates = st.recursive(
    single(),
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("not {}".format, single()),
        st.builds("{} and {} or {}".format, inner, inner, inner),
        st.builds("({} or {}) and {}".format, inner, inner, inner),
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as database:
        database.register("frame", FRAME.assign(row=range(len(FRAME))))
        database.execute("create table customers as select * replace (as_of_on::date as as_of_on) from frame")
        yield database


@given(where=predicates)
@settings(max_examples=150, deadline=None)
def test_the_mask_is_what_duckdb_says(connection, where):
    meant = {row for (row,) in connection.sql(f"select row from customers where {where}").fetchall()}
    assert set(np.flatnonzero(parse(where).mask(FRAME))) == meant


def test_names_are_found_in_any_case_and_quoted():
    frame = pd.DataFrame({"attr_Shoe Size": [40, 41], "visits": [1, 2]})
    assert parse('"attr_Shoe Size" = 41 AND Visits = 2').mask(frame).tolist() == [False, True]


@pytest.mark.parametrize(
    ("where", "message", "position"),
    [
        ("lifecycl = 'lapsed'", 'Did you mean "lifecycle"', 1),
        ("visits = 1 and agee_years > 3", 'Did you mean "age_years"', 16),
        ("visits == 1", "expected a column or a value", 9),
        ("visits = 1; drop table x", "not SQL", 11),
        ("visits = 1 -- x", "not SQL", 12),
        ("visits = (select 1)", "expected a column or a value", 10),
        ("read_text('/etc/passwd') = 'a'", "looks like a function", 1),
        ("lifecycle like 'a%'", "expected and, or, or the end", 11),
        ("lifecycle = 'lapsed", "never closed", 13),
        ("(visits = 1", "to close the parenthesis", 12),
        ("visits in ()", "expected a column or a value", 12),
        ("visits in (age_years)", "values only", 12),
        ("visits not 3", "expected in or between", 12),
        ("visits = 'one'", "compare values of one kind", 8),
        ("visits", "expected a comparison", 1),
        ("as_of_on > '2026-02-30'", "isn't a day", 12),
        ("as_of_on > date '2026-02-30'", "isn't a day", 12),
        ("visits = 1e6", "no place in an audience", 10),
        ("visits = 1 + 1", "no place in an audience", 12),
        ("", "expected a column or a value", 1),
        ("not " * 40 + "true", "deeper than 32", None),
        ("(" * 40 + "true" + ")" * 40, "deeper than 32", None),
        (" or ".join(["true"] * 201), "more than 200 terms", None),
        ("visits = " + "1" * 4000, "longer than 4000", None),
    ],
)
def test_what_is_not_in_the_grammar_is_refused_with_its_position(where, message, position):
    with pytest.raises(AudienceError, match=message) as error:
        parse(where).mask(FRAME)
    assert position is None or error.value.position == position


@given(text=st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_either_understood_or_refused(text):
    with contextlib.suppress(AudienceError):
        parse(text)


def test_the_columns_needed_are_known():
    assert set(parse("visits = 1 or age_years in (1, 2) and visits > 3").columns) == {"visits", "age_years"}
