"""One test a legal guardrail, named after its number. What a part of its own enforces is tested there."""

import dataclasses
import hashlib
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from assets.channels.calling import calling_guard
from assets.channels.guards import frequency_guard
from assets.channels.messages import Unsubscribe
from assets.channels.recipients import email_sha256, email_sha256_google, phone_sha256
from assets.channels.rendering import Renderer, RenderingError
from ml.configuration.do_not_call import DoNotCall, read_do_not_call
from ml.configuration.objective import Objective
from ml.configuration.policy import FrequencyCap, Guardrails, Policy
from ml.configuration.sensitive import sensitive_words
from ml.entities import CHANNELS
from ml.policy.authority import authorize
from ml.policy.guardrails import PlanFigures, guardrails_of
from ml.policy.places import Place
from ml.policy.reasons import Reason
from tests.unit.assets.channels.support import message
from tests.unit.assets.channels.test_rendering import CONFIG, VARIABLES, Terms
from tests.unit.assets.ledger.support import AT, execute, messages, release, states
from tests.unit.assets.ledger.test_outcomes import events
from tests.unit.ml.policy.test_eligibility import _ask, _consents, _customers, _only
from tests.unit.ml.policy.test_places import window

OPT_OUT = {"direct_mail", "web"}
GRANTED = _consents(*[("c0", channel, "granted", "express_written") for channel in CHANNELS])


def _send(ledger, at=AT, channel="email", **kept):
    """Messages that may leave now, after the last check."""
    lease = ledger.outbox.claim(channel, at=at, limit=100, owner="a", lease_s=60)
    return ledger.outbox.begin_sending(lease, at=at, **kept)


def test_l1_without_consent_for_this_person_and_channel_nothing_goes():
    for consents in (
        _consents(),
        _consents(("c1", "email", "granted", "express_written")),
        _consents(("c0", "voice", "granted", "express_written"), ("c0", "email", "unknown", "express_written")),
    ):
        assert _only(_ask(consents=consents), Reason.ALLOWED) <= OPT_OUT | {"voice"}


def test_l1_consent_withdrawn_after_the_decision_holds_at_send(ledger):
    release(ledger)
    gone = pd.DataFrame([{"contact_id": "c0", "channel": "email", "status": "withdrawn", "occurred_at": AT}])
    ledger.suppressions.take_in_consents(gone, received_at=AT)
    assert {each.message_id for each in _send(ledger).messages} == {"m1", "m2"}


def test_l2_a_soft_opt_in_is_for_email_after_a_sale_and_nothing_else():
    soft = _consents(*[("c0", channel, "granted", "soft_opt_in") for channel in CHANNELS])
    assert _only(_ask(consents=soft), Reason.ALLOWED) == {"email"} | OPT_OUT
    never_bought = _customers(days_since_last_purchase=pd.array([None], dtype="Int64"))
    assert _only(_ask(never_bought, consents=soft), Reason.ALLOWED) == OPT_OUT
    with pytest.raises(ValueError, match="e-mail only"):
        Policy.model_validate({"consent": {"sms": ["soft_opt_in"]}})


@pytest.mark.parametrize("word", ["UPDATE consent_event SET status = 'granted'", "DELETE FROM consent_event"])
def test_l3_consent_is_provable_and_never_rewritten(ledger, word):
    row = {"contact_id": "c0", "channel": "email", "status": "withdrawn", "occurred_at": AT, "source": "web_form"}
    ledger.suppressions.take_in_consents(pd.DataFrame([row]), received_at=AT)
    with pytest.raises(Exception, match="append-only"):
        execute(ledger, word)


def test_l4_who_objected_is_in_no_audience_through_any_channel():
    objected = pd.DataFrame({"customer_id": ["c0"], "channel": ["all"]})
    assert set(_ask(suppressions=objected).values()) == {Reason.SUPPRESSED}


def test_l5_who_was_erased_and_comes_in_again_under_another_id_stays_suppressed(ledger):
    ledger.suppressions.add("Person0@example.com ", reason="forgotten", source="ann", at=AT, is_address=True)
    assert "person0" not in ledger.suppressions.frame().to_string().lower()
    release(ledger, frame=messages(2, contact_ids=[["a-new-id"], ["c1"]]))
    assert {each.message_id for each in _send(ledger).messages} == {"m1"}


FULL_EMAIL = "<p>{{ sender.postal_address }}</p><a href='{{ unsubscribe_url }}'>no more</a>"


@pytest.mark.parametrize(
    "source",
    [
        FULL_EMAIL.replace("{{ sender.postal_address }}", ""),
        FULL_EMAIL.replace("{{ unsubscribe_url }}", "https://example.com"),
        "{% if offer.id == 'none' %}" + FULL_EMAIL + "{% endif %}",
        "{% if customer.first_name %}{{ unsubscribe_url }}{% endif %}{{ sender.postal_address }}",
    ],
)
def test_l6_an_email_that_may_lack_address_or_way_out_is_refused_when_it_is_read(tmp_path, source):
    (tmp_path / "t.html.j2").write_text(source)
    with pytest.raises(RenderingError, match="e-mail must"):
        Renderer(tmp_path, {"c": Terms("email", "t.html.j2", "Hello")})
    (tmp_path / "t.html.j2").write_text(FULL_EMAIL)
    Renderer(tmp_path, {"c": Terms("email", "t.html.j2", "Hello")})


def test_l6_without_a_postal_address_there_is_no_email():
    with pytest.raises(ValueError, match="postal_address"):
        Policy.model_validate({"sender": {"name": "Shop", "postal_address": ""}})


def test_l7_an_opt_out_holds_before_the_next_send(ledger):
    release(ledger)
    ledger.outcomes.take_in(events("unsubscribed", customer_key="c0", channel="email"), received_at=AT)
    assert {each.message_id for each in _send(ledger).messages} == {"m1", "m2"}
    assert states(ledger)["m0"] == "suppressed"


def test_l8_a_link_is_one_messages_own_and_cant_be_made_without_the_key():
    links = [Unsubscribe("https://shop.example", key).url(m) for key in (b"a", b"b") for m in ("m1", "m2")]
    assert len(set(links)) == 4
    assert all(link.startswith("https://shop.example/unsubscribe/") for link in links)


def test_l9_expected_complaints_beyond_the_bound_wait_for_a_person_and_a_complaint_closes_every_channel(ledger):
    bounds = guardrails_of(Guardrails(complaint_rate=0.003))
    figures = PlanFigures(spend={"email": 1.0}, people=1, data_age_hours=0, complaints=31.0, contacts=10_000)
    assert authorize(figures, "supervised", bounds).state == "waiting"
    release(ledger, frame=messages(1, channel="push"))
    ledger.outcomes.take_in(events("complained", customer_key="c0", channel="email"), received_at=AT)
    assert not _send(ledger, channel="push").messages


NEW_YORK, HONOLULU, PHOENIX = "America/New_York", "Pacific/Honolulu", "America/Phoenix"
WEDNESDAY, SATURDAY, SUNDAY = date(2026, 7, 15), date(2026, 7, 18), date(2026, 7, 19)


def _local(place, day, zone=None):
    found = window(place, day)
    return found and tuple(each.astimezone(ZoneInfo(zone or place.zones[0])).strftime("%H:%M") for each in found)


@pytest.mark.parametrize(
    ("rule", "day", "hours"),
    [
        *((state, WEDNESDAY, ("08:00", "20:00")) for state in ("FL", "OK", "MD", "WA", "WY")),
        ("US", WEDNESDAY, ("08:00", "21:00")),
        ("TX", SATURDAY, ("08:00", "21:00")),
        ("TX", SUNDAY, ("12:00", "21:00")),
        ("KY", WEDNESDAY, ("10:00", "21:00")),
        ("PA", SUNDAY, ("08:00", "21:00")),
        ("PA", date(2026, 10, 18), None),
        ("PA", date(2026, 10, 19), ("08:00", "21:00")),
        ("ME", WEDNESDAY, ("09:00", "17:00")),
        ("ME", SATURDAY, None),
        ("ME", SUNDAY, None),
    ],
)
def test_l10_states_have_hours_of_their_own(rule, day, hours):
    assert _local(Place((NEW_YORK,), tuple(sorted({rule, "US"}))), day) == hours


@pytest.mark.parametrize(
    ("zones", "day", "hours"),
    [
        ((NEW_YORK,), date(2026, 3, 8), ("08:00", "21:00")),  # the night the clocks went forward
        ((NEW_YORK,), date(2026, 11, 1), ("08:00", "21:00")),  # and back
        ((NEW_YORK,), date(2028, 2, 29), ("08:00", "21:00")),
        ((HONOLULU,), date(2026, 3, 8), ("08:00", "21:00")),
        ((NEW_YORK, "America/Chicago"), WEDNESDAY, ("09:00", "21:00")),  # both must be inside
        ((NEW_YORK, HONOLULU), WEDNESDAY, ("14:00", "21:00")),
        ((NEW_YORK, HONOLULU), date(2026, 1, 7), ("13:00", "21:00")),  # Hawaii keeps no summer time
        ((PHOENIX, "America/Denver"), WEDNESDAY, ("08:00", "20:00")),
        ((NEW_YORK, "Asia/Kolkata"), WEDNESDAY, ("08:00", "11:30")),
        ((NEW_YORK, "Asia/Tokyo"), WEDNESDAY, ("19:00", "21:00")),
        ((), WEDNESDAY, None),
    ],
)
def test_l10_every_candidate_zone_is_inside(zones, day, hours):
    assert _local(Place(zones, ("US",)), day) == hours


def test_l10_an_unknown_zone_is_denied():
    assert _only(_ask(_customers(time_zone=pd.array([None], dtype="str"))), Reason.UNKNOWN_TIME_ZONE) == {
        "sms",
        "voice",
    }


@pytest.mark.parametrize(
    ("number", "hour_utc", "goes"),
    [
        ("+12125550100", 13, True),  # nine in New York
        ("+12125550100", 12, True),  # eight
        ("+12125550100", 11, False),
        ("+18085550100", 13, False),  # three in Honolulu
        ("+13055550100", 0, False),  # eight in the evening in Miami
        ("+442079460000", 8, True),
    ],
)
def test_l10_the_number_is_asked_again_at_send(number, hour_utc, goes):
    call = message(channel="voice", recipient={"phone": number})
    at = datetime(2026, 7, 15, hour_utc, tzinfo=UTC)
    assert (calling_guard(Policy(), None)([call], at) == {}) == goes


@pytest.mark.parametrize("basis", ["express", "soft_opt_in", "implied", None])
def test_l11_calls_and_texts_need_consent_in_writing_whatever_the_policy_accepts(basis):
    loose = {"consent": {"sms": ["express", "express_written"], "voice": ["express", "express_written"]}}
    given = _consents(*[("c0", channel, "granted", basis) for channel in ("sms", "voice")])
    assert {"sms", "voice"} <= _only(_ask(consents=given, policy=loose), Reason.NO_CONSENT)
    assert {"sms", "voice"} <= _only(_ask(consents=GRANTED, policy=loose), Reason.ALLOWED)


CALL = (CONFIG / "templates" / "call_script.txt.j2").read_text()


@pytest.mark.parametrize(
    ("lost", "word"),
    [
        ("from {{ sender.name }}. You", "sender.name"),
        ('Say "stop" at any time and', "how to end"),
        ("consent_text", "block"),
    ],
)
def test_l12_a_call_that_doesnt_say_who_calls_and_how_to_end_it_is_refused(tmp_path, lost, word):
    (tmp_path / "call.txt.j2").write_text(CALL.replace(lost, "goodbye", 1))
    with pytest.raises(RenderingError, match=word):
        Renderer(tmp_path, {"c": Terms("voice", "call.txt.j2")})
    content = Renderer(CONFIG, {"c": Terms("voice", "templates/call_script.txt.j2")}).render("c", VARIABLES)
    assert "artificial voice from Shop" in content["consent_text"]


def test_l13_a_stop_by_text_ends_texts(ledger):
    recipient = [{"phone": f"+1212555010{n}", "first_name": "Ann"} for n in range(2)]
    release(ledger, frame=messages(2, channel="sms", recipient=recipient))
    stop = events("unsubscribed", customer_key="+12125550100", channel="sms", payload='{"text": "STOP"}')
    assert ledger.outcomes.take_in(stop, received_at=AT).suppressed == 1
    assert {each.message_id for each in _send(ledger, channel="sms").messages} == {"m1"}


@pytest.mark.parametrize(("age_days", "goes"), [(0, True), (31, True), (32, False), (-1, False)])
def test_l14_a_do_not_call_list_older_than_31_days_stops_calls_and_texts(tmp_path, age_days, goes):
    on = AT.date() - timedelta(days=age_days)
    (tmp_path / "dnc.txt").write_text(f"# scrubbed_on: {on}\n+12125550199\n")
    listed, policy = read_do_not_call(tmp_path / "dnc.txt"), {"do_not_call_file": "dnc.txt"}
    phones = pd.DataFrame({"customer_id": ["c0"], "phone": ["+12125550100"]})
    asked = _ask(policy=policy, do_not_call=listed, phones=phones, earliest_at=AT)
    assert ({"sms", "voice"} <= _only(asked, Reason.ALLOWED)) == goes
    call = message(channel="voice", recipient={"phone": "+12125550100"})
    assert (calling_guard(Policy.model_validate(policy), listed)([call], AT) == {}) == goes


def test_l14_a_number_listed_since_the_decision_isnt_called():
    listed = DoNotCall(AT.date(), frozenset({"+12125550100"}))
    calls = [message(n, channel="voice", recipient={"phone": n}) for n in ("+12125550100", "+12125550101")]
    guard = calling_guard(Policy.model_validate({"do_not_call_file": "dnc.txt"}), listed)
    assert set(guard(calls, AT)) == {"+12125550100"}


def test_l15_who_objected_to_mail_gets_none(ledger):
    listed = pd.DataFrame({"customer_id": ["c0"], "channel": ["direct_mail"]})
    assert _only(_ask(suppressions=listed), Reason.SUPPRESSED) == {"direct_mail"}
    release(ledger, frame=messages(1, channel="direct_mail"))
    ledger.suppressions.add("c0", channel="direct_mail", reason="robinson list", source="file", at=AT)
    assert not _send(ledger, channel="direct_mail").messages


def test_l16_a_subscription_that_is_gone_gets_nothing_more(ledger):
    frame = messages(2, channel="push", recipient=[{"device_token": "gone"}, {"device_token": "there"}])
    release(ledger, frame=frame)
    ledger.outcomes.take_in(events("bounced", customer_key="gone", channel="push"), received_at=AT)
    assert {each.message_id for each in _send(ledger, channel="push").messages} == {"m1"}


def test_l17_each_platform_hashes_after_its_own_normalisation():
    assert email_sha256("Jane.Doe+x@GMail.com").startswith("3eebe8d7")
    assert email_sha256_google(" Jane.Doe+x@GMail.com ").startswith("d6117306")
    assert email_sha256(" A@B.example\n") == email_sha256_google("a@b.EXAMPLE")
    assert phone_sha256("+1 (212) 555-0100") == hashlib.sha256(b"+12125550100").hexdigest()


@pytest.mark.parametrize("where", ["attr_religion = 'x' and country = 'US'", "attr_health_score > 3"])
def test_l17_a_sensitive_segment_isnt_an_ad_audience(where):
    assert sensitive_words(where)
    assert not sensitive_words("lifecycle = 'lapsed' and attr_loyalty_tier = 'gold'")


def test_l18_a_hash_is_kept_out_of_what_is_printed(ledger):
    hashed = email_sha256("ann@example.com")
    shown = message(channel="paid_social", recipient={"email_sha256": hashed, "phone_sha256": None, "operation": "add"})
    assert hashed not in repr(shown)
    assert {f.name for f in dataclasses.fields(shown) if not f.repr} == {"recipient_json", "content_json"}


def test_l19_minors_get_nothing_and_unknown_age_is_no_adult_where_that_is_asked():
    assert set(_ask(_customers(age_years=17)).values()) == {Reason.UNDER_AGE}
    unknown = _customers(age_years=pd.array([None], dtype="Int64"))
    assert set(_ask(unknown, policy={"unknown_age": "deny"}).values()) == {Reason.UNKNOWN_AGE}


def test_l19_a_message_whose_fate_is_unknown_counts_for_the_cap(ledger):
    release(ledger, frame=messages(1, prefix="a"))
    lease = ledger.outbox.claim("email", at=AT, limit=1, owner="a", lease_s=60)
    ledger.outbox.begin_sending(lease, at=AT)
    ledger.outbox.ack(lease, [], at=AT)
    assert states(ledger) == {"a0": "unknown"}
    guard = frequency_guard(ledger, [FrequencyCap(max=1, days=7)])
    again = dataclasses.replace(message("b0"), customer_id="k0")
    assert set(guard([again], AT + timedelta(minutes=1))) == {"b0"}


def test_l20_every_message_names_its_release_the_plan_and_what_it_rests_on(ledger):
    release(ledger)
    with ledger.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT o.decision_id, o.payload_sha256, a.kind, a.actor, p.versions FROM outbox o "
            "JOIN plan_authorization a ON a.seq = o.authorization_seq AND a.plan_hash = o.plan_hash "
            "JOIN plan p ON p.plan_id = o.plan_id"
        ).all()
    assert len(rows) == 3
    assert all(row[0] and len(row[1]) == 64 and row[2] == "released" and "generation_id" in row[4] for row in rows)


def test_l21_a_new_objective_is_supervised_and_a_person_can_stop_everything(ledger):
    assert Objective.model_fields["autonomy"].default == "supervised"
    release(ledger)
    ledger.halts.stop(by="ann", at=AT)
    assert not ledger.outbox.claim("email", at=AT, limit=9, owner="a", lease_s=60).messages
