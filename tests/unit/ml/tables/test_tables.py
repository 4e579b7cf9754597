import gzip
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.tables.encoding import Encoder
from ml.tables.errors import TableError
from ml.tables.reading import read_table
from ml.tables.writing import write_table

ROWS = [["name", "größe", "n"], ["Ann; B", "1.5", "1"], ["Zoë", "NA", "2"], ["x", "2.25", "3"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("zipped", [False, True])
def test_every_dialect_of_csv_is_read_as_the_same_table(tmp_path, delimiter, encoding, zipped):
    text = "\r\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in ROWS)
    path = tmp_path / "table.csv"
    path.write_bytes(gzip.compress(text.encode(encoding)) if zipped else text.encode(encoding))
    frame = read_table(path)
    assert list(frame.columns) == ROWS[0]
    assert list(frame["name"]) == ["Ann; B", "Zoë", "x"]
    assert frame["größe"].dtype == np.float64
    assert np.isnan(frame["größe"][1])


def test_parquet_is_known_by_its_content(tmp_path):
    path = tmp_path / "table.dat"
    pd.DataFrame({"a": [1, 2], "b": ["x", None]}).to_parquet(path)
    assert list(read_table(path)["a"]) == [1, 2]


def test_text_that_means_missing_stays_a_level_where_the_column_is_text(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("offer,amount\nNone,\nten_off,3\n", encoding="utf-8")
    assert list(read_table(path)["offer"]) == ["None", "ten_off"]


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "empty"), (b"\x1f\x8bbroken", "unzipped"), (b"PAR1broken", "parquet"), (b"a,a\n1,2\n", "more than once"),
     (b"a,b\n1,2\n1,2,3,4\n", "as many fields"), (b"\x00\x01\x02\x03", "neither csv nor parquet")],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path, content, says):
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=says) as error:
        read_table(path)
    assert str(path) in str(error.value)


def frame() -> pd.DataFrame:
    rows = 400
    random = np.random.default_rng(1)
    return pd.DataFrame({
        "number": random.normal(size=rows), "flag": random.random(rows) < 0.3, "city": random.choice(["a", "b", "ç"], rows),
        "code": random.choice([f"c{k}" for k in range(60)], rows), "when": pd.date_range("2024-01-01", periods=rows, freq="h"),
        "day": [f"2024-{1 + k % 12:02}-{1 + k % 28:02}" for k in range(rows)], "constant": 3, "nothing": None,
        "key": [f"id-{k}" for k in range(rows)], "counter": np.arange(rows), "lists": [[1]] * rows,
        "nullable": pd.array([1, None] * (rows // 2), dtype="Int64"), "kind": pd.Categorical(["u", "v"] * (rows // 2)),
    })  # fmt: skip


def test_each_kind_of_column_becomes_numbers_and_what_does_not_says_why():
    encoder = Encoder.of(frame(), exclude=("number",))
    used = {column.name: column.kind for column in encoder.columns}
    assert used == {
        "flag": "number",
        "city": "levels",
        "code": "text",
        "when": "date",
        "day": "date",
        "nullable": "number",
        "kind": "levels",
    }
    assert set(encoder.left_out) == {"constant", "nothing", "key", "counter", "lists"}
    matrix = encoder.matrix(frame(), "here")
    assert matrix.shape == (400, len(encoder.names))
    assert matrix.dtype == np.float32


def test_an_encoder_read_back_gives_the_same_numbers():
    encoder = Encoder.of(frame())
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    np.testing.assert_array_equal(again.matrix(frame(), ""), encoder.matrix(frame(), ""))


def test_rows_become_the_same_numbers_alone_as_among_others():
    encoder, table = Encoder.of(frame()), frame()
    whole = encoder.matrix(table, "")
    np.testing.assert_array_equal(encoder.matrix(table.iloc[17:18], ""), whole[17:18])


def test_an_absent_column_is_named_with_the_file():
    with pytest.raises(TableError, match=r"later\.csv: column 'city' is absent"):
        Encoder.of(frame()).matrix(frame().drop(columns="city"), "later.csv")


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.one_of(st.none(), st.text(max_size=5), st.integers(), st.floats(), st.booleans()), min_size=1, max_size=30
    )
)
def test_no_column_of_whatever_values_fails(values):
    table = pd.DataFrame({"odd": pd.Series(values, dtype=object)})
    assert Encoder.of(table).matrix(table, "here").shape[0] == len(values)


def test_text_that_a_spreadsheet_would_run_is_defused_and_numbers_are_not(tmp_path):
    path = tmp_path / "out.csv"
    write_table(pd.DataFrame({"best_action": ["=cmd()", "-5%", "+a", "plain"]}), path)
    assert path.read_text().splitlines()[1:] == ["'=cmd()", "-5%", "'+a", "plain"]
