import time
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from ml.configuration.actions import Actions
from ml.configuration.do_not_call import DoNotCall
from ml.configuration.objective import Objective
from ml.configuration.policy import Policy
from ml.entities import CHANNELS
from ml.policy.eligibility import eligibility, for_objective, without_rejected
from ml.policy.frequency import all_contacts
from ml.policy.reasons import Reason

AT = datetime(2026, 1, 5, 5, tzinfo=UTC)
HAS = ["has_email", "has_phone", "has_address", "has_device_token", "has_visitor"]


def _actions(**lead):
    return Actions.model_validate(
        {
            "channels": {
                c: {"cost": 0.1, "capacity_per_day": 1, "lead_time_hours": lead.get(c, 0.0)} for c in CHANNELS
            },
            "offers": {"none": {"cost_when_redeemed": 0}},
            "creatives": {c: {"channel": c, "offer": "none", "template": "x.j2"} for c in CHANNELS},
        }
    )


def _customers(n=1, **columns):
    facts = {"time_zone": "America/New_York", "age_years": 40, "days_since_last_purchase": 9, "country": "US"}
    frame = pd.DataFrame({"customer_id": [f"c{i}" for i in range(n)], **facts})
    return frame.assign(**dict.fromkeys(HAS, True)).assign(**columns)


def _consents(*rows):
    return pd.DataFrame(rows, columns=["customer_id", "channel", "status", "basis"], dtype="str")


def _contacts(*rows):
    return pd.DataFrame(rows, columns=["customer_id", "channel", "sent_at", "message_id"]).assign(offer_id="none")


EVERYTHING = _consents(*[("c0", c, "granted", "express_written") for c in CHANNELS])


def _ask(customers=None, *, policy=None, **given):
    given = {
        "consents": EVERYTHING,
        "contacts": _contacts(),
        "suppressions": _consents(),
        "actions": _actions(),
    } | given
    asked = eligibility(
        _customers() if customers is None else customers,
        policy=Policy.model_validate(policy or {}),
        earliest_at=given.pop("earliest_at", AT),
        **given,
    )
    return {c: Reason(code) for c, code in zip(CHANNELS, asked.reasons[0], strict=True)}


def _only(reasons, reason):
    return {c for c, r in reasons.items() if r == reason}


def test_with_consent_and_details_everything_is_allowed():
    assert set(_ask().values()) == {Reason.ALLOWED}


def test_without_any_consent_only_opt_out_channels_are_allowed():
    reasons = _ask(consents=_consents())
    assert _only(reasons, Reason.ALLOWED) == {"direct_mail", "web"}
    assert _only(reasons, Reason.NO_CONSENT) == set(CHANNELS) - {"direct_mail", "web"}


@pytest.mark.parametrize(
    ("basis", "allowed"),
    [
        ("soft_opt_in", {"email"}),
        ("express", {"email", "push", "paid_social", "display"}),
        (None, {"email", "push", "paid_social", "display"}),
        ("express_written", {"email", "push", "paid_social", "display", "sms", "voice"}),
        ("implied", set()),
    ],
)
def test_each_channel_needs_a_basis_that_it_accepts(basis, allowed):
    reasons = _ask(consents=_consents(*[("c0", c, "granted", basis) for c in CHANNELS]))
    assert _only(reasons, Reason.ALLOWED) - {"direct_mail", "web"} == allowed


def test_consent_for_another_person_or_channel_allows_nothing():
    reasons = _ask(consents=_consents(("c1", "email", "granted", "express"), ("c0", "fax", "granted", "express")))
    assert reasons["email"] == Reason.NO_CONSENT


def test_withdrawn_consent_stops_opt_out_channels_too():
    reasons = _ask(consents=_consents(("c0", "direct_mail", "withdrawn", None), ("c0", "web", "withdrawn", None)))
    assert _only(reasons, Reason.CONSENT_WITHDRAWN) == {"direct_mail", "web"}


def test_suppression_holds_for_its_channel_or_for_all():
    listed = pd.DataFrame({"customer_id": ["c0", "c1"], "channel": ["email", "all"]})
    asked = eligibility(
        _customers(2),
        policy=Policy(),
        actions=_actions(),
        consents=_consents(),
        contacts=_contacts(),
        suppressions=listed,
        earliest_at=AT,
    )
    assert (asked.reasons[0] == Reason.SUPPRESSED).tolist() == [c == "email" for c in CHANNELS]
    assert (asked.reasons[1] == Reason.SUPPRESSED).all()


@pytest.mark.parametrize(
    ("column", "lost"),
    [
        ("has_email", {"email"}),
        ("has_phone", {"sms", "voice"}),
        ("has_address", {"direct_mail"}),
        ("has_device_token", {"push"}),
        ("has_visitor", {"web"}),
    ],
)
def test_a_channel_needs_its_contact_detail(column, lost):
    assert _only(_ask(_customers(**{column: False})), Reason.NO_CONTACT_DETAIL) == lost


def test_minors_are_not_contacted_and_unknown_age_is_what_policy_says():
    assert set(_ask(_customers(age_years=17)).values()) == {Reason.UNDER_AGE}
    unknown = _customers(age_years=pd.array([None], dtype="Int64"))
    assert set(_ask(unknown).values()) == {Reason.ALLOWED}
    assert set(_ask(unknown, policy={"unknown_age": "deny"}).values()) == {Reason.UNKNOWN_AGE}


@pytest.mark.parametrize("zone", [None, "Mars/Base"])
def test_an_unknown_time_zone_stops_sms_and_voice(zone):
    customers = _customers(time_zone=pd.Series([zone], dtype="str"))
    assert _only(_ask(customers), Reason.UNKNOWN_TIME_ZONE) == {"sms", "voice"}
    assert set(_ask(customers, policy={"unknown_time_zone": "workspace"}).values()) == {Reason.ALLOWED}


def test_a_frequency_cap_counts_every_window_and_what_is_planned():
    caps = {"frequency_caps": [{"channels": "all", "max": 2, "days": 7}, {"channels": ["voice"], "max": 1, "days": 30}]}
    inside = ("c0", "email", pd.Timestamp("2025-12-29 05:00:01"), "m1")
    outside = ("c0", "email", pd.Timestamp("2025-12-29 05:00:00"), "m2")
    planned = ("c0", "push", pd.Timestamp("2026-01-09 12:00"), "m3")
    call = ("c0", "voice", pd.Timestamp("2025-12-10 12:00"), None)
    assert set(_ask(policy=caps, contacts=_contacts(inside, outside)).values()) == {Reason.ALLOWED}
    assert set(_ask(policy=caps, contacts=_contacts(inside, planned)).values()) == {Reason.FREQUENCY_CAP}
    assert _only(_ask(policy=caps, contacts=_contacts(inside, call)), Reason.FREQUENCY_CAP) == {"voice"}


def test_who_is_capped_until_a_moment_of_the_day_is_allowed_where_the_channel_reaches_them_after_it():
    caps = {"frequency_caps": [{"channels": "all", "max": 1, "days": 7}]}
    until_ten = _contacts(("c0", "email", pd.Timestamp("2025-12-29 10:00"), "m1"))
    closes_at = np.full((1, len(CHANNELS)), np.datetime64("2026-01-05T20:00", "us"))
    closes_at[0, CHANNELS.index("voice")] = np.datetime64("2026-01-05T10:00", "us")
    closes_at[0, CHANNELS.index("sms")] = np.datetime64("2026-01-05T11:00", "us")
    closes_at[0, CHANNELS.index("push")] = np.datetime64("NaT")
    found = _ask(policy=caps, contacts=until_ten, closes_at=closes_at)
    assert _only(found, Reason.FREQUENCY_CAP) == {"voice", "push", "sms"}, "a text would be due in its last hour"
    assert set(_ask(policy=caps, contacts=until_ten).values()) == {Reason.FREQUENCY_CAP}


def test_a_message_known_to_ledger_and_touches_counts_once():
    one = _contacts(
        ("c0", "email", pd.Timestamp("2026-01-04"), "m1"), ("c0", "email", pd.Timestamp("2026-01-03"), None)
    )
    both = all_contacts(one, _contacts(("c0", "email", pd.Timestamp("2026-01-04"), "m1")))
    assert len(both) == 2
    assert len(all_contacts(_contacts())) == 0


def test_do_not_call_stops_those_listed_and_everybody_when_it_is_old():
    policy, phones = {"do_not_call_file": "dnc.txt"}, pd.DataFrame({"customer_id": ["c0"], "phone": ["+12015550100"]})
    fresh, old = DoNotCall(date(2025, 12, 20), frozenset({"+12015550100"})), DoNotCall(date(2025, 12, 4), frozenset())
    assert _only(_ask(policy=policy, do_not_call=fresh, phones=phones), Reason.DO_NOT_CALL_LISTED) == {"sms", "voice"}
    assert _only(_ask(policy=policy, do_not_call=old, phones=phones), Reason.DO_NOT_CALL_STALE) == {"sms", "voice"}
    assert _only(_ask(policy=policy, phones=phones), Reason.DO_NOT_CALL_STALE) == {"sms", "voice"}
    nobody = DoNotCall(date(2025, 12, 20), frozenset())
    assert set(_ask(policy=policy, do_not_call=nobody, phones=phones).values()) == {Reason.ALLOWED}


def test_a_stopped_or_unused_channel_is_closed():
    assert _only(_ask(stopped=["email"]), Reason.CHANNEL_STOPPED) == {"email"}


def test_an_objective_uses_its_channels_and_only_what_arrives_before_it_ends():
    objective = Objective.model_validate(
        {
            "id": "a", "description": "a", "owner": "a@b", "metric": "reactivations", "target": {"count": 1}, "audience": {"where": "true"},
            "starts_on": date(2026, 1, 1), "ends_on": date(2026, 1, 6), "budget": 1.0, "channels": ["email", "direct_mail"],
        }
    )  # fmt: skip
    actions = _actions(direct_mail=72.0)
    everyone = eligibility(
        _customers(),
        policy=Policy(),
        actions=actions,
        consents=EVERYTHING,
        contacts=_contacts(),
        suppressions=_consents(),
        earliest_at=AT,
    )
    asked = for_objective(everyone, objective, actions, AT)
    assert [Reason(code) for code in asked.reasons[0]][:3] == [
        Reason.ALLOWED,
        Reason.NOT_FOR_OBJECTIVE,
        Reason.ARRIVES_TOO_LATE,
    ]
    assert everyone.allowed.all()
    assert asked.counts()["email"] == {"allowed": 1}


def test_what_a_person_rejected_is_left_out_for_its_objective_alone():
    everyone = eligibility(
        _customers(2),
        policy=Policy(),
        actions=_actions(),
        consents=_consents(*[(f"c{i}", c, "granted", "express_written") for i in range(2) for c in CHANNELS]),
        contacts=_contacts(),
        suppressions=_consents(),
        earliest_at=AT,
    )
    ids = pd.Series(["c0", "c1"], dtype="str")
    rejected = pd.DataFrame(
        {"customer_id": ["c1", None], "objective_id": ["a", "a"], "channel": ["email", "voice"]}, dtype="object"
    )
    found = without_rejected(everyone, ids, "a", rejected).reasons == Reason.REJECTED
    assert [[c for c, is_out in zip(CHANNELS, row, strict=True) if is_out] for row in found] == [
        ["voice"],
        ["email", "voice"],
    ]
    assert without_rejected(everyone, ids, "b", rejected).allowed.all()
    assert without_rejected(everyone, ids, "a", None).allowed.all()


def test_nobody_at_all_is_not_an_error():
    asked = eligibility(
        _customers(0),
        policy=Policy(),
        actions=_actions(),
        consents=_consents(),
        contacts=_contacts(),
        suppressions=_consents(),
        earliest_at=AT,
    )
    assert asked.allowed.shape == (0, 8)


@pytest.mark.slow
def test_two_hundred_thousand_people_are_asked_in_seconds():
    n, rng = 200_000, np.random.default_rng(1)
    customers = _customers(n)
    ids = customers["customer_id"].to_numpy()
    consents = pd.DataFrame(
        {
            "customer_id": np.tile(ids, 6),
            "channel": np.repeat(list(CHANNELS[:6]), n),
            "status": "granted",
            "basis": "express",
        }
    )
    sent = pd.Timestamp("2026-01-04") - pd.to_timedelta(rng.integers(0, 30 * 24, 300_000), unit="h")
    contacts = pd.DataFrame(
        {"customer_id": rng.choice(ids, 300_000), "channel": "email", "sent_at": sent, "message_id": None}
    )
    policy = Policy.model_validate({"frequency_caps": [{"channels": "all", "max": 3, "days": 7}]})
    started = time.process_time()
    eligibility(
        customers,
        policy=policy,
        actions=_actions(),
        consents=consents,
        contacts=contacts,
        suppressions=_consents(),
        earliest_at=AT,
    )
    assert time.process_time() - started < 2


def test_a_member_of_an_audience_is_not_added_again_while_the_membership_lasts():
    days = _actions().channels["display"].audience_days
    for ago, reason in ((days - 0.01, Reason.IN_AUDIENCE), (days + 0.01, Reason.ALLOWED)):
        added = AT - timedelta(days=ago)
        told = _ask(contacts=_contacts(("c0", "display", added, "m1"), ("c0", "email", added, "m2")))
        assert told.pop("display") == reason
        assert set(told.values()) == {Reason.ALLOWED}


def test_a_member_whose_days_end_within_the_day_is_added_again_after_that():
    added = AT - timedelta(days=_actions().channels["display"].audience_days) + timedelta(hours=5)
    closes_at = np.full((1, len(CHANNELS)), np.datetime64("2026-01-05T20:00", "us"))
    contacts = _contacts(("c0", "display", added, "m1"))
    asked = eligibility(
        _customers(),
        policy=Policy(),
        actions=_actions(),
        consents=EVERYTHING,
        contacts=contacts,
        suppressions=_consents(),
        earliest_at=AT,
        closes_at=closes_at,
    )
    assert asked.allowed.all()
    assert asked.from_at[0, CHANNELS.index("display")] == np.datetime64("2026-01-05T10:00")
    assert (asked.from_at[0, : CHANNELS.index("display")] == np.datetime64("2026-01-05T05:00")).all()


def test_who_waits_for_one_contact_gets_one_over_all_channels_however_many_others_still_allow():
    caps = {"frequency_caps": [{"channels": ["email", "sms"], "max": 1, "days": 7}]}
    contacts = _contacts(("c0", "email", pd.Timestamp("2025-12-29 10:00"), "m1"))
    given = {"actions": _actions(), "consents": EVERYTHING, "suppressions": _consents(), "earliest_at": AT}
    closes_at = np.full((2, len(CHANNELS)), np.datetime64("2026-01-05T20:00", "us"))
    policy = Policy.model_validate(caps)
    asked = eligibility(_customers(2), policy=policy, contacts=contacts, closes_at=closes_at, **given)
    assert asked.most(AT).tolist() == [1, len(CHANNELS)]
