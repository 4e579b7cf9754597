"""The file is CSV as in RFC 4180."""

import csv

import pytest

from assets.channels.contract import reason_of
from assets.channels.mail_drop import COLUMNS, MailDropDriver
from ml.configuration.drivers import MailDropSettings
from tests.unit.assets.channels.support import AT, sendable


def _driver(folder, **more):
    return MailDropDriver(MailDropSettings(driver="mail_drop", **more), folder)


def _rows(folder, cycle_id="2026-01-05"):
    with (folder / f"{cycle_id}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _mail(message_id="m1", **changes):
    return sendable("direct_mail", message_id, **changes)


def test_one_file_a_cycle_with_a_line_a_piece(tmp_path):
    receipts = _driver(tmp_path).deliver([_mail("m1"), _mail("m2"), _mail("m3", cycle_id="2026-01-06")], at=AT)
    assert [receipt.status for receipt in receipts] == ["sent"] * 3
    assert [row["message_id"] for row in _rows(tmp_path)] == ["m1", "m2"]
    (row,) = _rows(tmp_path, "2026-01-06")
    assert tuple(row) == COLUMNS
    assert (row["name"], row["postal_code"], row["body"]) == ("Ann Lee", "62701", "$10 off <your> order")


def test_a_piece_is_in_its_file_once_however_often_it_is_handed_over(tmp_path):
    for driver in (_driver(tmp_path), _driver(tmp_path)):
        for _ in range(2):
            assert [r.status for r in driver.deliver([_mail("m1"), _mail("m2")], at=AT)] == ["sent", "sent"]
    assert [row["message_id"] for row in _rows(tmp_path)] == ["m1", "m2"]


@pytest.mark.parametrize("kept", [3, 40, 120, -2, -1])
def test_what_a_crash_left_of_a_line_is_written_whole(tmp_path, kept):
    _driver(tmp_path).deliver([_mail("m1"), _mail("m2")], at=AT)
    path = tmp_path / "2026-01-05.csv"
    path.write_bytes(path.read_bytes()[:kept])
    _driver(tmp_path).deliver([_mail("m1"), _mail("m2"), _mail("m3")], at=AT)
    assert [row["message_id"] for row in _rows(tmp_path)] == ["m1", "m2", "m3"]


def test_quotes_commas_and_breaks_stay_in_their_cell(tmp_path):
    _driver(tmp_path).deliver([_mail(content={"body": 'say "hi",\nthen go'})], at=AT)
    assert _rows(tmp_path)[0]["body"] == 'say "hi", then go'


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-2", "@cmd", "\t=1", "|calc"])
def test_a_cell_that_a_spreadsheet_would_run_is_refused(tmp_path, text):
    """§7, CSV injection."""
    (receipt,) = _driver(tmp_path).deliver([_mail(content={"headline": text})], at=AT)
    assert (receipt.status, reason_of(receipt)) == ("failed", "invalid_content")
    assert not list(tmp_path.iterdir())


def test_a_country_that_the_printer_does_not_mail_to_is_refused(tmp_path):
    home = {"country": "DE", "postal_code": "10115", "city": "Berlin", "region": None}
    batch = [_mail("m1"), _mail("m2", recipient=home)]
    receipts = {receipt.message_id: receipt.status for receipt in _driver(tmp_path).deliver(batch, at=AT)}
    assert receipts == {"m1": "sent", "m2": "failed"}
    assert _driver(tmp_path, countries=["US", "DE"]).deliver(batch, at=AT)[1].status == "sent"
