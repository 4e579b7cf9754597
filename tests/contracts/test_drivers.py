"""What every driver of every channel promises, whichever it is."""

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.channels.dispatch import BATCH_SIZES
from assets.channels.drivers import open_drivers
from assets.channels.recipients import FIELDS
from ml.entities import CHANNELS
from tests.unit.assets.channels.support import AT, message

MEMBERS = [("file", channel) for channel in CHANNELS]
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _messages(channel, ids):
    recipient = {name: ["v1"] if name == "visitor_ids" else f"some {name}\n\u2028" for name in FIELDS[channel]}
    return [message(message_id, channel=channel, recipient=recipient) for message_id in ids]


@pytest.fixture(params=MEMBERS, ids=[f"{name}-{channel}" for name, channel in MEMBERS])
def member(request, tmp_path):
    _, channel = request.param
    return channel, lambda: open_drivers({}, outbound=tmp_path)[channel], tmp_path / channel


def _delivered(folder):
    return [json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_bytes().split(b"\n") if line]


def test_a_driver_declares_its_delivery_class_and_horizon(member):
    _, make, _ = member
    assert make().delivery in BATCH_SIZES
    assert make().key_horizon is None or make().key_horizon > timedelta(0)


def test_no_messages_are_no_receipts(member):
    _, make, _ = member
    assert make().deliver([], at=AT) == []


@given(
    batches=st.lists(
        st.tuples(st.booleans(), st.lists(st.sampled_from([f"m{n}" for n in range(8)]), unique=True)), max_size=6
    )
)
@QUICK
def test_each_message_arrives_once_however_often_and_by_whomever_it_is_handed_over(member, batches, tmp_path_factory):
    channel, _, _ = member
    outbound = tmp_path_factory.mktemp("outbound")
    driver, wanted = open_drivers({}, outbound=outbound)[channel], []
    for is_restarted, ids in batches:
        driver = open_drivers({}, outbound=outbound)[channel] if is_restarted else driver
        receipts = driver.deliver(_messages(channel, ids), at=AT)
        assert {receipt.message_id for receipt in receipts} == set(ids)
        assert all(receipt.status == "sent" and receipt.at == AT for receipt in receipts)
        wanted += [each for each in ids if each not in wanted]
    assert [line["message_id"] for line in _delivered(outbound / channel)] == wanted


@given(text=st.text(max_size=30))
@QUICK
def test_content_arrives_as_it_was_whatever_is_in_it(member, text, tmp_path_factory):
    channel, _, _ = member
    outbound = tmp_path_factory.mktemp("outbound")
    sent = message("m1", channel=channel, recipient={"first_name": text})
    open_drivers({}, outbound=outbound)[channel].deliver([sent], at=AT)
    (line,) = _delivered(outbound / channel)
    assert (line["recipient"], line["content"], line["channel"]) == (sent.recipient, sent.content, channel)
