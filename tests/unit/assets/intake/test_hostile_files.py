"""Files made to break the intake are refused or quarantined with a remedy, and never stop the others."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from assets.intake.preflight import Limits
from tests.unit.assets.intake.conftest import CONTACTS

GOOD = CONTACTS + "c1,2025-01-01,,\n"
ROOT = Path(__file__).parents[4]


def csv_with(row: str) -> str:
    return CONTACTS + row


MEASURE = """
import duckdb, resource, sys
from datetime import datetime
from pathlib import Path
from assets.intake import land
con, home, at = duckdb.connect(config={"threads": 1}), Path(sys.argv[1]), datetime(2026, 1, 1)
land(home / "none", con, at=at, known=())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
(landed,) = land(home, con, at=at, known=()).files
print(landed.rows, landed.quarantined, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
WHOLE_FILE = {
    "semicolons": ("a.csv", GOOD.replace(",", ";"), "separated by semicolons; write commas"),
    "tabs": ("a.csv", GOOD.replace(",", "\t"), "separated by tabs; write commas"),
    "bars": ("a.csv", GOOD.replace(",", "|"), "separated by bars; write commas"),
    "upper case": ("a.csv", GOOD.upper(), "lower case"),
    "latin-1": ("a.csv", csv_with("c1,2025-01-01,ren\xe9@b,\n").encode("latin-1"), "line 2; it looks like Latin-1"),
    "latin-1 at the end": ("a.csv", GOOD.encode() + b"\xe9", "line 3"),
    "utf-16": ("a.csv", GOOD.encode("utf-16"), "UTF-16: save it as UTF-8"),
    "latin-1 jsonl": ("a.jsonl", '{"contact_id": "\xe9"}\n'.encode("latin-1"), "save it as UTF-8"),
    "empty": ("a.csv", "", "file is empty"),
    "required column missing": ("a.csv", "contact_id,email\nc1,a@b\n", "required column created_at is missing"),
    "required key missing": ("a.jsonl", '{"contact_id": "c1"}\n', "required column created_at is missing"),
    "column twice": (
        "a.csv",
        "contact_id,created_at,contact_id\nc1,2025-01-01,c2\n",
        "contact_id is there more than once",
    ),
    "open quote in the header": ("a.csv", '"contact_id,created_at\nc1,2025-01-01\n', "header has an unclosed quote"),
    "no parquet": ("a.parquet", b"PAR1 nothing", "not a readable Parquet file"),
    "empty parquet": ("a.parquet", b"", "not a readable Parquet file"),
}


@pytest.mark.parametrize("case", WHOLE_FILE)
def test_unreadable_file_is_quarantined_whole_with_a_remedy(case, con, take_in, drop, quarantined):
    name, content, expected = WHOLE_FILE[case]
    drop(f"crm_contacts/{name}", content)
    drop("crm_contacts/good.csv", GOOD)
    bad, good = take_in().files
    assert expected in (bad.reason or "")
    assert (bad.rows, bad.quarantined, good.rows) == (0, 0, 1)
    assert quarantined() == [(f"crm_contacts/{name}", None, bad.reason, None)]
    assert take_in().files == ()


@pytest.mark.parametrize("cut", [5, 40, 200])
def test_truncated_gzip_loads_nothing(cut, con, take_in, drop, tmp_path):
    rows = "".join(f"c{row},2025-01-01,{row * 7919}@b,\n" for row in range(500))
    path = drop("crm_contacts/a.csv.gz", CONTACTS + rows)
    path.write_bytes(path.read_bytes()[:-cut])
    (landed,) = take_in().files
    assert landed.reason == "gzip is truncated or damaged: copy the file again, whole"
    assert con.execute("SELECT count(*) FROM raw.crm_contacts").fetchall() == [(0,)]


def test_damaged_parquet_loads_nothing(con, take_in, drop, tmp_path):
    path = drop("crm_contacts/a.parquet", b"")
    columns = "'c' || i AS contact_id, TIMESTAMP '2025-01-01' AS created_at, md5(i::VARCHAR) AS city"
    con.execute(f"COPY (SELECT {columns} FROM range(50000) t(i)) TO '{path}'")
    data = bytearray(path.read_bytes())
    data[2_000:60_000] = bytes(58_000)
    path.write_bytes(bytes(data))
    (landed,) = take_in().files
    assert "Parquet" in (landed.reason or "")
    assert con.execute("SELECT count(*) FROM raw.crm_contacts").fetchall() == [(0,)]


def test_zero_rows_and_byte_order_mark_are_no_fault(con, take_in, drop):
    drop("crm_contacts/a.csv", CONTACTS)
    drop("crm_contacts/b.csv", "\ufeff" + GOOD)
    drop("crm_contacts/c.csv", "\ufeff" + GOOD + "\n\nc9,2025-01-01,,\r\n")
    drop("crm_contacts/d.jsonl", '\ufeff{"contact_id": "c5", "created_at": "2025-01-01"}\n')
    drop("crm_contacts/e.jsonl", "")
    report = take_in()
    assert [(file.rows, file.quarantined, file.reason) for file in report.files] == [
        *((0, 0, None), (1, 0, None), (2, 0, None), (1, 0, None), (0, 0, None))
    ]


def test_windows_line_breaks_load_alike(con, take_in, drop):
    drop("crm_contacts/a.csv", GOOD.replace("\n", "\r\n"))
    drop("crm_contacts/b.jsonl", '{"contact_id": "c1", "created_at": "2025-01-01"}\r\n' * 2)
    assert [file.rows for file in take_in().files] == [1, 2]
    assert con.execute("SELECT DISTINCT contact_id, birth_year FROM raw.crm_contacts").fetchall() == [("c1", None)]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl", "a.jsonl.gz"])
def test_line_beyond_the_limit_and_nul_bytes_cost_their_line_only(name, con, take_in, drop, quarantined):
    good, long = (
        ("c1,2025-01-01,,", "c2,2025-01-01," + "x" * 3_000 + "@b,")
        if "csv" in name
        else (
            '{"contact_id": "c1", "created_at": "2025-01-01"}',
            '{"contact_id": "c2", "created_at": "2025-01-01", "city": "' + "x" * 3_000 + '"}',
        )
    )
    header = CONTACTS if "csv" in name else ""
    drop(f"crm_contacts/{name}", f"{header}{good}\n{long}\nx\0y\n{good}\n")
    (landed,) = take_in(limits=Limits(line_bytes=1_000)).files
    assert (landed.rows, landed.quarantined) == (2, 2)
    first = 3 if header else 2
    assert [(line, reason.split()[0]) for _, line, reason, _ in quarantined()] == [
        (first, "longer"),
        (first + 1, "contains"),
    ]


def test_line_of_any_length_is_never_held_in_memory(tmp_path):
    path = tmp_path / "landing" / "outcomes" / "a.jsonl"
    path.parent.mkdir(parents=True)
    with path.open("wb") as stream:
        stream.write(b'{"event_id": "e1", "event_type": "opened", "occurred_at": "2025-01-01"}\n')
        stream.seek(300 << 20, os.SEEK_CUR)  # sparse: 300 MB of NUL bytes as one line
        stream.write(b'\n{"event_id": "e2", "event_type": "opened", "occurred_at": "2025-01-01"}\n')
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    rows, quarantined, grown_kib = map(int, done.stdout.split())
    assert (rows, quarantined) == (2, 1)
    assert grown_kib < 64 << 10


def test_compressed_bomb_is_stopped(con, take_in, drop):
    path = drop("crm_contacts/a.csv", "")
    path.unlink()
    with gzip.open(path.with_suffix(".csv.gz"), "wb") as stream:
        stream.write(GOOD.encode())
        for _ in range(80):
            stream.write(bytes(1 << 20))
    (landed,) = take_in().files
    assert "unpacks to more than 400 times its size" in (landed.reason or "")


def test_larger_than_allowed_files_are_refused(con, take_in, drop):
    drop("crm_contacts/a.csv", GOOD + "c2,2025-01-01,,\n" * 100)
    path = drop("crm_contacts/b.parquet", b"")
    con.execute(f"COPY (SELECT 'c' AS contact_id, TIMESTAMP '2025-01-01' AS created_at FROM range(100)) TO '{path}'")
    reports = take_in(limits=Limits(file_bytes=1_000, parquet_rows=50)).files
    assert all("split it" in (file.reason or "") for file in reports)


def test_symlinks_odd_names_and_strangers_are_refused_and_named(tmp_path, take_in, drop):
    drop("crm_contacts/good.csv", GOOD)
    secret = tmp_path / "secret.csv"
    secret.write_text(GOOD)
    folder = tmp_path / "landing" / "crm_contacts"
    (folder / "link.csv").symlink_to(secret)
    (folder / "linked").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(folder / "pipe.csv")
    for name in ("a*.csv", "x\ny.csv", "..a.csv", "b[1].csv", "c'; DROP TABLE x.csv", "d.xlsx", "e..csv"):
        drop(f"crm_contacts/{name}", GOOD)
    drop("strangers/a.csv", GOOD)
    drop("loose.csv", GOOD)
    report = take_in()
    assert [file.path for file in report.files] == ["crm_contacts/good.csv"]
    refused = {refusal.path: refusal.reason for refusal in report.refused}
    assert set(refused) == {
        *("strangers", "loose.csv", "crm_contacts/link.csv", "crm_contacts/linked", "crm_contacts/pipe.csv"),
        *(
            "crm_contacts/a*.csv",
            "crm_contacts/x\\ny.csv",
            "crm_contacts/b[1].csv",
            "crm_contacts/c'; DROP TABLE x.csv",
        ),
        *("crm_contacts/d.xlsx", "crm_contacts/e..csv"),
    }
    assert "never followed" in refused["crm_contacts/link.csv"]


@pytest.mark.parametrize("name", [".a.csv", "_a.csv", "a.csv.tmp", "a.csv.part", "~a.csv", "a.csv~", ".hidden/a.csv"])
def test_files_being_written_are_left_alone(name, take_in, drop):
    drop(f"crm_contacts/{name}", GOOD)
    report = take_in()
    assert (report.files, report.refused) == ((), ())


def test_unreadable_file_is_reported_and_tried_again(take_in, drop, monkeypatch):
    drop("crm_contacts/a.csv", GOOD)

    def deny(*_arguments: object) -> str:
        raise PermissionError

    with monkeypatch.context() as denied:
        denied.setattr("assets.intake.loader.file_id_of", deny)
        assert "make it readable" in take_in().refused[0].reason
    assert take_in().files[0].rows == 1


def test_full_memory_is_the_machines_fault_and_not_the_files(
    con: duckdb.DuckDBPyConnection, take_in, drop, monkeypatch
):
    drop("crm_contacts/a.csv", GOOD)

    def exhausted(*_arguments: object) -> None:
        raise duckdb.OutOfMemoryException("no memory")

    monkeypatch.setattr("assets.intake.transfer.stage", exhausted)
    with pytest.raises(duckdb.OutOfMemoryException):
        take_in()
    assert con.execute("SELECT count(*) FROM raw.landed_files").fetchall() == [(0,)]
