"""What every driver of every channel promises, whichever it is."""

import json
import re
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from assets.channels.contract import reason_of
from assets.channels.dispatch import BATCH_SIZES
from assets.channels.drivers import MissingSecretError, NotAllowedError, open_driver, open_drivers
from assets.channels.hosts import ForbiddenHostError
from assets.channels.recipients import FIELDS
from assets.ledger.ledger import Ledger
from ml.configuration.drivers import DRIVERS
from ml.entities import CHANNELS
from tests.unit.assets.channels.servers import Reply, mail_server, provider
from tests.unit.assets.channels.stated import CANARY, KEYED_BY, SECRETS, STATED, subscription
from tests.unit.assets.channels.support import AT, message, sendable

FILES = [("file", channel) for channel in CHANNELS]
NETWORKED = [(name, DRIVERS[name][1][0]) for name in STATED]
OVER_HTTP = [(name, channel) for name, channel in NETWORKED if name != "smtp"]
UNOPENED = Ledger("sqlite:///unopened.db")  # opening a ledger touches nothing
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PERSONAL = re.compile(r"ann|lee|2025550143|main st|62701|springfield|aaaaaaaa|bbbbbbbb", re.IGNORECASE)


def _messages(channel, ids):
    recipient = {name: ["v1"] if name == "visitor_ids" else f"some {name}\n\u2028" for name in FIELDS[channel]}
    return [message(message_id, channel=channel, recipient=recipient) for message_id in ids]


def _delivered(folder):
    return [json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_bytes().split(b"\n") if line]


def _secret(name):
    return SecretStr(SECRETS[name])


def _open(name, channel, tmp_path, **where):
    stated = DRIVERS[name][0](driver=name, **STATED[name](**where))
    return open_driver(channel, stated, outbound=tmp_path, ledger=UNOPENED, secrets=_secret)


def _batch(name, channel, url, ids):
    extra = {"recipient": {"device_token": subscription(f"{url}/push/{name}")}} if channel == "push" else {}
    return [sendable(channel, message_id, **extra) for message_id in ids]


@pytest.fixture(params=FILES, ids=[channel for _, channel in FILES])
def file_member(request, tmp_path):
    return request.param[1]


@pytest.fixture(params=OVER_HTTP, ids=[name for name, _ in OVER_HTTP])
def http_member(request):
    return request.param


@given(
    batches=st.lists(
        st.tuples(st.booleans(), st.lists(st.sampled_from([f"m{n}" for n in range(8)]), unique=True)), max_size=6
    )
)
@QUICK
def test_each_message_arrives_once_however_often_and_by_whomever_it_is_handed_over(
    file_member, batches, tmp_path_factory
):
    outbound = tmp_path_factory.mktemp("outbound")
    driver, wanted = open_drivers({}, outbound=outbound, ledger=UNOPENED)[file_member], []
    for is_restarted, ids in batches:
        driver = open_drivers({}, outbound=outbound, ledger=UNOPENED)[file_member] if is_restarted else driver
        receipts = driver.deliver(_messages(file_member, ids), at=AT)
        assert {receipt.message_id for receipt in receipts} == set(ids)
        assert all(receipt.status == "sent" and receipt.at == AT for receipt in receipts)
        wanted += [each for each in ids if each not in wanted]
    assert [line["message_id"] for line in _delivered(outbound / file_member)] == wanted


@given(text=st.text(max_size=30))
@QUICK
def test_content_arrives_as_it_was_whatever_is_in_it(file_member, text, tmp_path_factory):
    outbound = tmp_path_factory.mktemp("outbound")
    sent = message("m1", channel=file_member, recipient={"first_name": text})
    open_drivers({}, outbound=outbound, ledger=UNOPENED)[file_member].deliver([sent], at=AT)
    (line,) = _delivered(outbound / file_member)
    assert (line["recipient"], line["content"], line["channel"]) == (sent.recipient, sent.content, file_member)


@pytest.mark.parametrize(("name", "channel"), [*NETWORKED, ("mail_drop", "direct_mail"), *FILES])
def test_a_driver_declares_its_delivery_class_and_horizon_and_takes_nothing_for_nothing(name, channel, tmp_path):
    if name in STATED:
        driver = _open(name, channel, tmp_path, url="http://127.0.0.1:1", port=1)
    else:
        driver = open_driver(channel, DRIVERS[name][0](driver=name), outbound=tmp_path, ledger=UNOPENED)
    assert driver.delivery in BATCH_SIZES
    assert driver.key_horizon is None or timedelta(0) < driver.key_horizon <= timedelta(days=1)
    assert driver.deliver([], at=AT) == []


@given(
    ids=st.lists(st.sampled_from([f"m{n}" for n in range(6)]), max_size=8),
    codes=st.lists(st.sampled_from([200, 201, 400, 401, 404, 422, 429, 500, 503, 302]), min_size=1, max_size=6),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_message_has_one_receipt_whatever_the_provider_answers(http_member, ids, codes, tmp_path):
    name, channel = http_member
    with provider() as server:
        turn = iter(range(10**6))
        server.answer = lambda _: Reply(
            codes[next(turn) % len(codes)], {"resourceName": "customers/1/offlineUserDataJobs/2"}
        )
        driver = _open(name, channel, tmp_path, url=server.url)
        receipts = driver.deliver(_batch(name, channel, server.url, ids), at=AT)
    assert Counter(receipt.message_id for receipt in receipts) == dict.fromkeys(ids, 1)
    assert all(receipt.at == AT for receipt in receipts)


@pytest.mark.parametrize("code", [400, 403, 422])
def test_what_is_refused_for_good_is_not_tried_again(http_member, code, tmp_path):
    name, channel = http_member
    with provider() as server:
        server.answer = lambda request: Reply(200, {"access_token": "t"}) if "token" in request.path else Reply(code)
        (receipt,) = _open(name, channel, tmp_path, url=server.url).deliver(
            _batch(name, channel, server.url, ["m1"]), at=AT
        )
        asked = [request for request in server.requests if "token" not in request.path]
    assert (receipt.status, len(asked)) == ("failed", 1)


@pytest.mark.parametrize("fault", [Reply(500), Reply(503), Reply(502), Reply(302), Reply(fault="drop")])
def test_an_ambiguous_answer_goes_again_only_where_a_key_makes_that_safe(http_member, fault, tmp_path):
    name, channel = http_member
    with provider() as server:
        server.answer = lambda _: fault
        driver = _open(name, channel, tmp_path, url=server.url)
        (receipt,) = driver.deliver(_batch(name, channel, server.url, ["m1"]), at=AT)
    assert receipt.status == ("retry" if driver.delivery == "keyed" else "unknown")
    assert len(server.requests) == 1


def test_a_keyed_driver_passes_the_message_id_on_as_the_key(http_member, tmp_path):
    name, channel = http_member
    with provider() as server:
        server.answer = lambda _: Reply(200, {"access_token": "t", "resourceName": "customers/1/offlineUserDataJobs/2"})
        driver = _open(name, channel, tmp_path, url=server.url)
        for _ in range(2):
            driver.deliver(_batch(name, channel, server.url, ["m1", "m2"]), at=AT)
    if driver.delivery == "keyed":
        keys = KEYED_BY[name](server.requests)
        assert keys
        assert keys[: len(keys) // 2] == keys[len(keys) // 2 :]
    else:
        assert name in ("twilio_sms", "twilio_voice", "web_push")


def test_neither_secrets_nor_people_show(http_member, tmp_path):
    """§7, secrets in logs: receipts, representations and errors carry neither."""
    name, channel = http_member
    with provider() as server:
        server.answer = lambda request: Reply(400, {"message": request.body.decode("latin-1"), "code": 1})
        driver = _open(name, channel, tmp_path, url=server.url)
        receipts = driver.deliver(_batch(name, channel, server.url, ["m1"]), at=AT)
    shown = f"{driver!r} {vars(driver)!r} {receipts!r}"
    assert CANARY not in shown
    assert not PERSONAL.search(repr(receipts))


@given(
    recipient=st.dictionaries(st.sampled_from(sorted({n for f in FIELDS.values() for n in f})), st.text(max_size=40))
)
@QUICK
def test_a_broken_recipient_fails_by_itself_and_is_not_repeated(http_member, recipient, tmp_path):
    name, channel = http_member
    with provider() as server:
        broken = message("bad", channel=channel, recipient={"x": 1, **recipient}, content=sendable(channel).content)
        batch = [*_batch(name, channel, server.url, ["m1"]), broken]
        server.answer = lambda _: Reply(200, {"access_token": "t", "resourceName": "customers/1/offlineUserDataJobs/2"})
        receipts = {r.message_id: r for r in _open(name, channel, tmp_path, url=server.url).deliver(batch, at=AT)}
    assert receipts["m1"].status == "sent"
    if receipts["bad"].status == "failed":
        assert reason_of(receipts["bad"]).startswith("invalid_")


@pytest.mark.parametrize(("name", "channel"), NETWORKED)
def test_without_live_no_driver_reaches_beyond_this_machine(name, channel, tmp_path):
    """§7, sandbox to live by mistake: the provider itself is refused at opening, or each endpoint at sending."""
    stated = STATED[name](url="http://127.0.0.1:1", port=1) | {"host": "mail.shop.example", "base_url": None}
    stated = {key: value for key, value in stated.items() if key in DRIVERS[name][0].model_fields or key == "from"}
    made = DRIVERS[name][0](driver=name, **stated)
    if name == "web_push":
        far = sendable(channel, recipient={"device_token": subscription("https://fcm.googleapis.com/x")})
        (receipt,) = open_driver(channel, made, outbound=tmp_path, ledger=UNOPENED, secrets=_secret).deliver(
            [far], at=AT
        )
        assert reason_of(receipt) == "invalid_recipient"
    else:
        with pytest.raises(ForbiddenHostError, match=rf"channels\.yaml: {channel}\..*WAYFINDER_MODE=live"):
            open_driver(channel, made, outbound=tmp_path, ledger=UNOPENED, secrets=_secret)


@pytest.mark.parametrize(("name", "channel"), NETWORKED)
def test_live_alone_reaches_nobody_until_a_person_has_let_the_driver(name, channel, tmp_path):
    """§7, sandbox to live by mistake: the environment says where, and a row of the ledger who wanted it."""
    stated = STATED[name](url="http://127.0.0.1:1", port=1) | {"host": "mail.shop.example", "base_url": None}
    if name == "google_audience":
        stated |= {"token_url": "https://oauth2.googleapis.com/token"}
    stated = {key: value for key, value in stated.items() if key in DRIVERS[name][0].model_fields or key == "from"}
    made, ledger = DRIVERS[name][0](driver=name, **stated), Ledger(f"sqlite:///{tmp_path / 'ledger.db'}").upgrade()
    common = {"outbound": tmp_path, "ledger": ledger, "secrets": _secret, "is_live": True}
    with pytest.raises(NotAllowedError, match=f"wayfinder live allow {channel} --by"):
        open_driver(channel, made, **common)
    ledger.live.allow(channel, name, by="ann", at=AT)
    assert open_driver(channel, made, **common).delivery
    ledger.live.withdraw(channel, name, by="ann", at=AT)
    with pytest.raises(NotAllowedError):
        open_driver(channel, made, **common)


@pytest.mark.parametrize(("name", "channel"), OVER_HTTP)
def test_a_missing_secret_is_named_by_its_variable(name, channel, tmp_path):
    stated = DRIVERS[name][0](driver=name, **STATED[name](url="http://127.0.0.1:1"))
    with pytest.raises(MissingSecretError, match=rf"channels\.yaml: {channel}\.\w+_env names \w+, which isn't set"):
        open_driver(channel, stated, outbound=tmp_path, ledger=UNOPENED)


def test_smtp_keeps_the_same_promises(tmp_path):
    with mail_server() as (mailbox, port):
        driver = _open("smtp", "email", tmp_path, port=port)
        receipts = driver.deliver([sendable("email", each) for each in ("m1", "m2", "m1")], at=AT)
        assert Counter(receipt.message_id for receipt in receipts) == {"m1": 1, "m2": 1}
        mailbox.answers = {"RCPT": "550 5.1.1 ann@example.com"}
        refused = driver.deliver([sendable("email", "m3")], at=AT)
    assert not PERSONAL.search(repr(refused))


def test_every_driver_of_the_configuration_is_here():
    assert {"file", "mail_drop", "endpoint", *STATED} == set(DRIVERS)
