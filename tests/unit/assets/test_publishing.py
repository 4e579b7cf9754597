"""F10, F11, F12: a generation is seen whole or not at all, whatever happens to the process that writes it."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest

from assets.home import Home
from assets.publishing import MARTS, publish

KILLS = 14
PUBLISHER = """
import resource, signal, sys
from pathlib import Path
import duckdb
from assets.home import Home
from assets.publishing import MARTS, publish
home, first, most_bytes = Home(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
if most_bytes:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
with duckdb.connect() as connection:
    connection.execute("set threads = 1")
    connection.execute("create schema marts")
    for number in range(first, first + 1_000):
        for mart in MARTS:
            connection.execute(
                f"create or replace table marts.{mart} as select {number} as version, hash(range) as customer_id, "
                "null::json as attributes from range(2000)"
            )
        publish(home, connection, f"2026-01-05-{number:05d}")
        if number == first:
            print("ready", flush=True)
"""


def _start(home: Home, first: int, most_bytes: int = 0) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", PUBLISHER, str(home.root), str(first), str(most_bytes)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(Path.cwd())}, **pipes)


def _versions(folder: Path) -> set[int]:
    """Of every row of every mart of a generation: one, where it's whole."""
    paths = [str(folder / f"{mart}.parquet") for mart in MARTS]
    with duckdb.connect() as connection:
        connection.execute("set threads = 1")
        found = connection.execute("select version, count(*) from read_parquet(?) group by version", [paths]).fetchall()
    assert sum(count for _, count in found) == 2_000 * len(MARTS)
    return {int(version) for version, _ in found}


def _visible(home: Home) -> list[Path]:
    return sorted(path for path in home.published.iterdir() if not path.name.startswith("."))


@pytest.mark.slow
def test_f11_f12_a_publisher_killed_at_any_moment_leaves_whole_generations_and_no_reader_notices(tmp_path):
    home, reads, errors, is_over = Home(tmp_path), [], [], threading.Event()
    home.published.mkdir(parents=True)

    def read() -> None:
        while not is_over.is_set():
            for folder in _visible(home)[-1:]:
                try:
                    reads.append(_versions(folder))
                except Exception as error:  # noqa: BLE001 - a reader's error is the test's
                    errors.append(error)
            time.sleep(0.01)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for kill in range(KILLS):
        child = _start(home, 1_000 * kill)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(0.03 + 0.02 * kill)
        child.send_signal(signal.SIGKILL)
        child.communicate()
    while len(reads) < 500 and not errors:
        time.sleep(0.01)
    is_over.set()
    for reader in readers:
        reader.join()
    assert errors == []
    assert all(len(versions) == 1 for versions in reads)
    assert len(_visible(home)) >= KILLS
    assert all(_versions(folder) == {int(folder.name.rsplit("-", 1)[1])} for folder in _visible(home))


def test_people_are_published_in_the_same_order_however_the_warehouse_was_built(tmp_path):
    home, orders = Home(tmp_path), []
    for number, order in enumerate(("range", "hash(range)")):
        with duckdb.connect() as connection:
            connection.execute("create schema marts")
            connection.execute(
                f"create table marts.dim_customers as select hash(range + 1) as customer_id, null::json as attributes "
                f"from range(5000) order by {order}"
            )
            publish(home, connection, str(number), ["dim_customers"])
            path = home.generation(str(number)) / "dim_customers.parquet"
            orders.append(connection.execute("select customer_id from read_parquet(?)", [str(path)]).fetchall())
    assert orders[0] == orders[1]


def test_f10_a_full_disk_fails_the_build_and_leaves_what_is_published_untouched(tmp_path):
    home = Home(tmp_path)
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        for mart in MARTS:
            connection.execute(
                f"create table marts.{mart} as select 1 as version, hash(range) as customer_id, null::json as attributes "
                "from range(2000)"
            )
        publish(home, connection, "2026-01-05-1")
    child = _start(home, 2, most_bytes=5_000)  # a mart needs some 17 kB
    _, said = child.communicate(timeout=120)
    assert child.returncode not in {0, None}
    assert b"Error" in said
    assert [path.name for path in _visible(home)] == ["2026-01-05-1"]
    assert _versions(_visible(home)[0]) == {1}
