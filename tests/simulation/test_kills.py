"""F1, F2, F4, F7, F8: real processes killed at random moments, on both engines; the long run is in benchmarks.faults."""

import pytest

from benchmarks import chaos


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_f01_f02_f07_f08_killed_anywhere_nothing_is_doubled_lost_overspent_or_unauthorized(engine):
    run = chaos.on_sqlite if engine == "sqlite" else chaos.on_postgresql
    tally = run(10)
    assert tally.kills == 10
    assert tally.accepted > 0
    assert tally.is_sound(), tally


@pytest.mark.slow
def test_f08_a_database_server_that_crashes_three_times_doubles_and_loses_nothing():
    tally = chaos.on_postgresql(12, server_crashes=3)
    assert tally.accepted > 0
    assert tally.is_sound(), tally
