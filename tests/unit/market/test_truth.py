"""The truth that judges get agrees with the files and with what happened."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from market.effects import Messages
from market.respond import react
from market.store import Places, load_state, load_world
from market.words import DAY_MS, EMAIL, HOUR_MS, VOICE
from tests.unit.market.conftest import run


def truth(home: Path, what: str, tmp_path: Path, *more: str) -> pd.DataFrame:
    assert run("truth", "--home", home, "--what", what, "--out", tmp_path / "t.parquet", *more) == 0
    return pd.read_parquet(tmp_path / "t.parquet")


def test_each_contact_has_exactly_one_person_and_a_fifth_of_them_are_double(made: Path, tmp_path: Path) -> None:
    pairs = truth(made, "identity", tmp_path).query("kind == 'contact_id'")
    contacts = pq.read_table(made / "landing/crm_contacts/history-all.parquet")["contact_id"].to_pylist()
    assert sorted(pairs["value"]) == sorted(contacts)
    assert pairs["person_id"].nunique() == 1500
    assert 0.15 < (pairs["person_id"].value_counts() > 1).mean() < 0.25


def test_contacts_that_came_later_are_in_the_identity_truth(answered: Path, tmp_path: Path) -> None:
    known = set(truth(answered, "identity", tmp_path).query("kind == 'contact_id'")["value"])
    later = [
        json.loads(x)
        for p in (answered / "landing/crm_contacts").glob("2026*")
        for x in __import__("gzip").decompress(p.read_bytes()).splitlines()
    ]
    assert later
    assert {row["contact_id"] for row in later} <= known


def test_each_visitor_id_in_the_events_is_in_the_identity_truth(made: Path, tmp_path: Path) -> None:
    known = set(truth(made, "identity", tmp_path).query("kind == 'visitor_id'")["value"])
    for path in (made / "landing/web_events").iterdir():
        assert set(pq.read_table(path)["visitor_id"].to_pylist()) <= known


def test_some_numbers_and_addresses_belong_to_several_persons(made: Path, tmp_path: Path) -> None:
    persons = truth(made, "identity", tmp_path).groupby(["kind", "value"])["person_id"].nunique()
    assert (persons["phone"] > 1).sum() > 5
    assert (persons["email"] > 1).sum() > 2
    assert (persons["loyalty_id"] == 1).all()


def test_effects_cover_every_person_channel_and_named_offer(made: Path, tmp_path: Path) -> None:
    table = truth(made, "effects", tmp_path, "--offers", "none,mystery", "--days", "7")
    assert len(table) == 1500 * 8 * 2
    assert set(table["offer_id"]) == {"none", "mystery"}


@pytest.mark.parametrize("channel", [EMAIL, VOICE])
def test_what_happens_agrees_with_the_stated_effect(made: Path, channel: int) -> None:
    where = Places(made, made / "market")
    world, (state, _) = load_world(where), load_state(where)
    caused, expected, spread = 0, 0.0, 0.0
    for day in range(state.day, state.day + 200):
        n = world.people.count
        who = np.arange(n)
        m = Messages(
            who,
            np.full(n, channel),
            who * 0,
            who * 0 - 1,
            np.full(n, day * DAY_MS + 18 * HOUR_MS),
            np.zeros(n, dtype=bool),
        )
        r = react(world, state, m, day)
        chance = np.clip(r.effect[r.reached], 0, None)
        caused, expected, spread = (
            caused + int(r.caused.sum()),
            expected + chance.sum(),
            spread + (chance * (1 - chance)).sum(),
        )
    assert abs(caused - expected) < 4 * spread**0.5


def test_realized_value_tells_organic_from_caused(answered: Path, tmp_path: Path) -> None:
    table = truth(answered, "value", tmp_path)
    assert {"organic", "caused"} <= set(table["origin"])
    logged = pd.concat(pd.read_parquet(p) for p in (answered / "market/messages").glob("*.parquet"))
    assert logged["message_id"].is_unique
    assert logged["is_caused"].sum() > 0


def test_the_truth_can_be_kept_elsewhere(made: Path, tmp_path: Path) -> None:
    home, apart = Path(shutil.copytree(made, tmp_path / "h")), tmp_path / "apart"
    shutil.move(home / "market", apart)
    assert (
        run(
            "answer", "--home", home, "--truth", apart, "--from", "2026-01-05T00:00:00Z", "--to", "2026-01-05T13:00:00Z"
        )
        == 0
    )
    assert not (home / "market").exists()


def test_an_unknown_truth_is_refused(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("truth", "--home", made, "--what", "everything") == 2
    assert "everything" in capsys.readouterr().err
