"""Answers: once for each interval and message, the same life with and without messages, disturbed as in life."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from market import store
from tests.unit.market.conftest import contacts_of, message, outcomes, run, send, send_to_all

MORNING = ("--from", "2026-01-05T13:00:00Z", "--to", "2026-01-05T21:00:00Z")


def parsed(home: Path) -> list[dict[str, object]]:
    rows = []
    for line in outcomes(home):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def sales(home: Path) -> list[dict[str, object]]:
    return pa.concat_tables([pq.read_table(p) for p in sorted((home / "market/sales").glob("*.parquet"))]).to_pylist()


def test_an_answered_interval_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("answer", "--home", home, *MORNING) == 0
    before = sorted(str(p) for p in home.rglob("*"))
    assert run("answer", "--home", home, *MORNING) == 2
    assert "has answered up to 2026-01-05T21:00:00+00:00" in capsys.readouterr().err
    assert sorted(str(p) for p in home.rglob("*")) == before


def test_an_interval_without_length_is_refused(home: Path) -> None:
    assert run("answer", "--home", home, "--from", "2026-01-06T13:00:00Z", "--to", "2026-01-06T13:00:00Z") == 2


def test_the_same_messages_are_answered_with_the_same_bytes(made: Path, home: Path, tmp_path: Path) -> None:
    other = store.shutil.copytree(made, tmp_path / "other")
    for place in (home, other):
        send_to_all(place)
        run("answer", "--home", place, *MORNING)
    assert outcomes(home) == outcomes(other)


def test_organic_purchases_are_the_same_with_and_without_messages(answered: Path, home: Path) -> None:
    run("answer", "--home", home, "--from", "2026-01-05T13:00:00Z", "--to", "2026-01-20T13:00:00Z")
    quiet = {s["sale_id"]: s for s in sales(home) if s["origin"] == "organic"}
    written = {s["sale_id"]: s for s in sales(answered) if s["origin"] == "organic"}
    assert set(written) <= set(quiet)  # a message may prevent a purchase, never make an organic one
    assert len(written) > 0.95 * len(quiet)


def test_cutting_the_time_differently_changes_nothing_organic(made: Path, home: Path, tmp_path: Path) -> None:
    whole = Path(store.shutil.copytree(made, tmp_path / "whole"))
    run("answer", "--home", whole, "--from", "2026-01-05T00:00:00Z", "--to", "2026-01-08T00:00:00Z")
    stops = ["05T00:00", "05T07:30", "06T13:00", "06T13:01", "08T00:00"]
    for start, end in pairwise(stops):
        run("answer", "--home", home, "--from", f"2026-01-{start}:00Z", "--to", f"2026-01-{end}:00Z")
    assert {s["sale_id"] for s in sales(home)} == {s["sale_id"] for s in sales(whole)}

    def visits(place: Path) -> Counter[str]:
        tables = [pq.read_table(p, columns=["event_id"]) for p in (place / "landing/web_events").glob("2026*")]
        return Counter(pa.concat_tables(tables)["event_id"].to_pylist())

    assert visits(home) == visits(whole)


def test_a_message_counts_once_however_often_it_is_written(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [message(n, "email", contact) for n, contact in enumerate(contacts_of(home)[:30])]
    send(home, rows)
    send(home, rows)
    run("answer", "--home", home, *MORNING, "--json")
    facts = json.loads(capsys.readouterr().out)
    assert (facts["messages"], facts["repeated"]) == (30, 30)
    send(home, rows)
    run("answer", "--home", home, "--from", "2026-01-05T21:00:00Z", "--to", "2026-01-06T13:00:00Z", "--json")
    assert json.loads(capsys.readouterr().out)["messages"] == 0


def test_a_line_is_read_when_it_is_complete(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = home / "outbound/email/2026-01-05.jsonl"
    path.parent.mkdir(parents=True)
    line = json.dumps(message(1, "email", contacts_of(home)[0]))
    path.write_text(line[:40])
    run("answer", "--home", home, *MORNING, "--json")
    assert json.loads(capsys.readouterr().out)["messages"] == 0
    path.write_text(line + "\nno json\n")
    run("answer", "--home", home, "--from", "2026-01-05T21:00:00Z", "--to", "2026-01-06T13:00:00Z", "--json")
    facts = json.loads(capsys.readouterr().out)
    assert (facts["messages"], facts["unreadable"]) == (1, 1)


def test_a_message_to_nobody_known_fails(home: Path) -> None:
    send(home, [message(1, "sms", "nobody")])
    run("answer", "--home", home, *MORNING)
    assert [(r["event_type"], r["message_id"]) for r in parsed(home)] == [("failed", "m1")]


def test_outcomes_come_late_twice_out_of_order_and_broken(answered: Path) -> None:
    lines, rows = outcomes(answered), parsed(answered)
    ids = Counter(r["event_id"] for r in rows if "event_id" in r)
    assert 0.002 < sum(n - 1 for n in ids.values()) / len(rows) < 0.05
    assert len(rows) < len(lines) or any(r.get("event_type") == "teleported" or "event_id" not in r for r in rows)
    at = [str(r["occurred_at"]) for r in rows]
    assert at != sorted(at)
    assert any(r.get("customer_key") and not r.get("message_id") for r in rows)


def test_nothing_is_told_before_it_happens(home: Path) -> None:
    send_to_all(home)
    run("answer", "--home", home, *MORNING)
    times = [str(r["occurred_at"]) for r in parsed(home) if r["occurred_at"] != "yesterday"]
    assert times
    assert max(times) < "2026-01-05T21:00:00"


def test_mail_takes_days(answered: Path) -> None:
    arrived = [
        str(r["occurred_at"])
        for r in parsed(answered)
        if r.get("channel") == "direct_mail" and r["event_type"] == "delivered"
    ]
    assert arrived
    assert min(arrived) >= "2026-01-08"


def test_answered_calls_carry_a_conversation_and_no_labels(answered: Path) -> None:
    calls = {str(r["event_id"]): str(r["payload"]) for r in parsed(answered) if r["event_type"] == "answered"}
    payloads = [json.loads(payload) for payload in calls.values()]
    assert len(payloads) > 20
    texts = set()
    for payload in payloads:
        assert set(payload) == {"transcript", "duration_s"}
        assert {turn["speaker"] for turn in payload["transcript"]} == {"agent", "customer"}
        assert payload["duration_s"] > 5
        texts.add(json.dumps(payload["transcript"]))
    assert len(texts) > 0.9 * len(payloads)


def test_who_unsubscribes_withdraws_consent(answered: Path) -> None:
    left = sum(r["event_type"] == "unsubscribed" for r in parsed(answered))
    rows = [p for p in (answered / "landing/consents").iterdir() if not p.name.startswith("history")]
    assert left
    assert rows


def test_an_answer_that_broke_off_before_its_commit_told_nothing_and_can_be_repeated(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_to_all(home)
    before = sorted(home.glob("landing/*/*"))

    def fail(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr("market.answer.commit", fail)
        with pytest.raises(OSError, match="disk full"):
            run("answer", "--home", home, *MORNING)
    assert sorted(home.glob("landing/*/*")) == before
    assert run("answer", "--home", home, *MORNING) == 0
    assert len(outcomes(home)) > 500
    assert len({s["sale_id"] for s in sales(home)}) == len(sales(home))


def test_an_answer_that_broke_off_after_its_commit_is_completed_by_the_next(
    made: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smooth = Path(store.shutil.copytree(made, tmp_path / "smooth"))
    for place in (home, smooth):
        send_to_all(place)
    run("answer", "--home", smooth, *MORNING)

    def fail(source: Path, _: Path) -> None:
        if source.is_file():
            raise OSError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("market.store._move", fail)
        with pytest.raises(OSError, match="killed"):
            run("answer", "--home", home, *MORNING)
    assert not (home / "landing/outcomes").exists()
    assert run("answer", "--home", home, *MORNING) == 2
    assert outcomes(home) == outcomes(smooth)
    assert len(sales(home)) == len(sales(smooth))
