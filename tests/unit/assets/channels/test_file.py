import json
import resource
import signal

import pytest

from assets.channels.file import FileDriver, line_of, message_id_of
from tests.unit.assets.channels.support import AT, message

CONTRACT_KEYS = [
    "message_id",
    "decision_id",
    "cycle_id",
    "customer_id",
    "channel",
    "offer_id",
    "creative_id",
    "send_at",
    "contact_ids",
    "recipient",
    "content",
]


def _lines(folder, cycle_id="2026-01-05"):
    return [json.loads(line) for line in (folder / f"{cycle_id}.jsonl").read_text().splitlines()]


def test_a_line_has_the_contracts_keys(tmp_path):
    FileDriver(tmp_path).deliver([message("m1")], at=AT)
    (line,) = _lines(tmp_path)
    assert list(line) == CONTRACT_KEYS
    assert (line["send_at"], line["contact_ids"]) == ("2026-01-05T13:00:00Z", ["c1"])


def test_each_cycle_has_its_file(tmp_path):
    FileDriver(tmp_path).deliver([message("m1"), message("m2", cycle_id="2026-01-05.2")], at=AT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2026-01-05.2.jsonl", "2026-01-05.jsonl"]


def test_a_message_that_is_in_the_file_is_not_written_again(tmp_path):
    for driver in (FileDriver(tmp_path), FileDriver(tmp_path)):
        for _ in range(2):
            assert [receipt.status for receipt in driver.deliver([message("m1"), message("m2")], at=AT)] == [
                "sent",
                "sent",
            ]
    assert [line["message_id"] for line in _lines(tmp_path)] == ["m1", "m2"]


def test_what_another_process_appended_is_known(tmp_path):
    first, second = FileDriver(tmp_path), FileDriver(tmp_path)
    first.deliver([message("m1")], at=AT)
    second.deliver([message("m2")], at=AT)
    first.deliver([message("m2"), message("m3")], at=AT)
    assert [line["message_id"] for line in _lines(tmp_path)] == ["m1", "m2", "m3"]


@pytest.mark.parametrize("kept", [1, 20, 200, -1])
def test_a_line_torn_by_a_crash_is_cut_off_and_written_whole(tmp_path, kept):
    FileDriver(tmp_path).deliver([message("m1")], at=AT)
    with (tmp_path / "2026-01-05.jsonl").open("a") as file:
        file.write(line_of(message("m2"))[:kept])
    FileDriver(tmp_path).deliver([message("m2"), message("m3")], at=AT)
    assert [line["message_id"] for line in _lines(tmp_path)] == ["m1", "m2", "m3"]


def test_a_full_disk_leaves_whole_lines_only(tmp_path):
    driver = FileDriver(tmp_path)
    driver.deliver([message("m1")], at=AT)
    size = (tmp_path / "2026-01-05.jsonl").stat().st_size
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, before[1]))
        with pytest.raises(OSError, match="File too large"):
            driver.deliver([message("m2"), message("m3")], at=AT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert [line["message_id"] for line in _lines(tmp_path)] == ["m1"]
    driver.deliver([message("m2")], at=AT)
    assert [line["message_id"] for line in _lines(tmp_path)] == ["m1", "m2"]


@pytest.mark.parametrize("message_id", ["m1", 'odd "id"', "back\\slash", "ünï"])
def test_an_id_is_found_whatever_is_in_it(message_id):
    assert message_id_of(line_of(message(message_id)).encode()) == message_id
