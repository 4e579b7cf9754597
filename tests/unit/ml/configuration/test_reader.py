# ruff: noqa: PLR0917 - a case is a line
import shutil
from datetime import date
from pathlib import Path

import pytest

from ml.configuration import ConfigurationError, read_configuration
from ml.configuration.do_not_call import read_do_not_call
from ml.configuration.schema import json_schemas
from ml.entities import CHANNELS, Option

OBJECTIVE, ACTIONS, POLICY = "objectives/reactivate.yaml", "actions.yaml", "policy.yaml"
CARD, RESPONSE, SLOTS = "capacity_per_day: 20,", "channels.direct_mail.response", "slots: {morning:"


def test_the_example_of_the_contract_is_read_with_its_defaults(folder):
    configuration = read_configuration(folder.path)
    objective = configuration.objective("reactivate")
    assert (objective.starts_on, objective.value_per_unit, objective.target.counted) == (
        date(2026, 1, 1),
        "from_data",
        "lift",
    )
    assert objective.arms.system == pytest.approx(0.88)
    assert configuration.policy.consent["sms"] == ["express_written"]
    assert configuration.policy.quiet_hours.of("email") is None
    assert configuration.policy.quiet_hours.of("sms").start.hour == 21
    assert {c: s.driver for c, s in configuration.channels.items()} == {"email": "file", "direct_mail": "file"}


def test_options_are_channel_and_offer_with_a_creative_in_channel_order(folder):
    actions = read_configuration(folder.path).actions
    assert actions.options() == [Option("email", "ten_off"), Option("direct_mail", "none")]
    assert actions.creatives_of(Option("email", "ten_off")) == ["winback", "again"]
    assert [a.action_id for a in actions.actions()][-1] == "direct_mail:none:card:any"


@pytest.mark.parametrize(
    ("file", "old", "new", "key", "remedy"),
    [
        (OBJECTIVE, "ends_on: 2026-03-31", "ends_on: 2025-03-31", "", "before starts_on"),
        (OBJECTIVE, "metric: reactivations", "metric: reactivation", "metric", 'Did you mean "reactivations"?'),
        (OBJECTIVE, "count: 1200", "count: 0", "target.count", "above 0"),
        (OBJECTIVE, "count: 1200", 'count: "1200"', "target.count", "whole number"),
        (OBJECTIVE, "{count: 1200}", "{change: 0.0, baseline: forecast}", "target", "nothing to reach"),
        (OBJECTIVE, "{count: 1200}", "{count: 5, amount: 5.0}", "target", "exactly one"),
        (OBJECTIVE, "budget: 60000", "budget: -1", "budget", "above 0"),
        (OBJECTIVE, "budget: 60000", "budgt: 60000", "budgt", 'Did you mean "budget"?'),
        (OBJECTIVE, "budget: 60000", "arms: {holdout: 0.5, manual: 0.5, random: 0.1}\nbudget: 60000", "arms", "more than 1"),
        (OBJECTIVE, "budget: 60000", "arms: {holdot: 0.5}\nbudget: 60000", "arms.holdot", 'Did you mean "holdout"?'),
        (OBJECTIVE, "budget: 60000", "channels: [email, sms]\nbudget: 60000", "channels.1", "no terms for this channel"),
        (OBJECTIVE, "budget: 60000", "channels: [emial]\nbudget: 60000", "channels.0", 'Did you mean "email"?'),
        (OBJECTIVE, "budget: 60000", "value_per_unit: 0\nbudget: 60000", "value_per_unit", "above 0"),
        (OBJECTIVE, "budget: 60000", "manual: [{channel: email}]\nbudget: 60000", "manual.0.offer", "isn't an action"),
        (OBJECTIVE, "country = 'US'", "country == 'US'", "audience.where", "at character"),
        (OBJECTIVE, "starts_on: 2026-01-01", "starts_on: 2026-13-01", "starts_on", "calendar"),
        (OBJECTIVE, "starts_on: 2026-01-01", 'starts_on: "2026-01-01"', "starts_on", "without quotes"),
        (OBJECTIVE, "owner: growth@example.com", "", "owner", "is required"),
        (OBJECTIVE, "budget: 60000", "segment_quotas: {west: 3.0}\nbudget: 60000", "segment_quotas.west", "no such segment"),
        (OBJECTIVE, "budget: 60000", "segment_quotas: {other: 0.0}\nbudget: 60000", "segment_quotas.other", "greater than 0"),
        (OBJECTIVE, "budget: 60000", "minimum_effect: -0.1\nbudget: 60000", "minimum_effect", "0 or more"),
        (OBJECTIVE, "{count: 1200}", "{count: 1200, pursued: 1}", "target.pursued", "true or false"),
        (POLICY, "currency: USD", "risk: {value: careful}", "risk.value", "expected 'mean', 'cautious' or 'draw'"),
        (POLICY, "currency: USD", "risk: {deviations: 0.0}", "risk.deviations", "above 0"),
        (POLICY, "currency: USD", "spend_change: {fall: 1.5}", "spend_change.fall", "0 to 1"),
        (POLICY, "currency: USD", "spend_change: {channels: {fax: {rise: 0.1}}}", "spend_change.channels.fax", "email"),
        (POLICY, "currency: USD", "exploration: {spend_per_day: -5.0}", "exploration.spend_per_day", "or none"),
        (POLICY, "currency: USD", "segments: {other: \"country = 'US'\"}", "segments.other", "name it otherwise"),
        (POLICY, "currency: USD", 'segments: {us: "country =="}', "segments.us", "at character"),
        (ACTIONS, CARD, f"response: {{ceiling: 0}}, {CARD}", f"{RESPONSE}.ceiling", "above 0"),
        (ACTIONS, CARD, f"response: {{ceiling: 9.0, by_segment: {{us: 2.0}}}}, {CARD}", f"{RESPONSE}.by_segment.us", "no such segment"),
        (ACTIONS, CARD, f"response: {{ceiling: 9.0, retention: 1.0}}, {CARD}", f"{RESPONSE}.retention", "under 1"),
        (ACTIONS, SLOTS, f"exclusive_offers: [[ten_off, tenoff]]\n{SLOTS}", "exclusive_offers.0.1", 'Did you mean "ten_off"?'),
        (ACTIONS, SLOTS, f"exclusive_offers: [[ten_off]]\n{SLOTS}", "exclusive_offers.0", "at least two"),
        (ACTIONS, "{cost: 0.68, capacity_per_day: 20", "{capacity_per_day: 20", "channels.direct_mail.cost", "is required"),
        (ACTIONS, "offer: none, template", "offer: tenoff, template", "creatives.card.offer", 'Did you mean "ten_off"?'),
        (ACTIONS, "card: {channel: direct_mail", "card: {channel: fax", "creatives.card.channel", "expected 'email'"),
        (ACTIONS, "card: {channel: direct_mail", "card: {channel: sms", "creatives.card.channel", "no terms"),
        (ACTIONS, "channels: [email, direct_mail]}", "channels: [direct_mail]}", "creatives.winback.offer", "doesn't go through email"),
        (ACTIONS, "templates/b.txt.j2", "templates/c.txt.j2", "creatives.card.template", "no such file"),
        (ACTIONS, "templates/b.txt.j2", "../b.txt.j2", "creatives.card.template", "inside the configuration folder"),
        (ACTIONS, '"08:00-11:00"', '"8-11"', "slots.morning", "HH:MM-HH:MM"),
        (ACTIONS, '"08:00-11:00"', '"21:00-08:00"', "slots.morning", "ends after it starts"),
        (ACTIONS, '"08:00-11:00"', "08:00", "slots.morning", "quoted"),
        (ACTIONS, "slots: [morning, noon]", "slots: [morning, nooon]", "channels.email.slots.1", 'Did you mean "noon"?'),
        (ACTIONS, "none: {cost_when_redeemed: 0}", "none: {cost_when_redeemed: 1}", "offers.none.cost_when_redeemed", "gives nothing away"),
        (POLICY, "America/New_York", "America/Newyork", "time_zone", "IANA"),
        (POLICY, "currency: USD", "currency: USD\nquiet_hours: {default: \"21-8\"}", "quiet_hours.default", "HH:MM-HH:MM"),
        (POLICY, "currency: USD", "currency: USD\nfrequency_caps: [{channels: all, max: 3}]", "frequency_caps.0.days", "is required"),
        (POLICY, "currency: USD", "currency: USD\nconsent: {sms: [verbal]}", "consent.sms", "express_written"),
        (POLICY, "currency: USD", "currency: USD\nlifecycle: {lapsing_days: 90, lapsed_days: 60}", "lifecycle", "greater"),
        (POLICY, "sender:", "sendr:", "sendr", 'Did you mean "sender"?'),
    ],
)  # fmt: skip
def test_bad_input_is_named_with_file_key_and_remedy(folder, file, old, new, key, remedy):
    folder.replace(file, old, new)
    with pytest.raises(ConfigurationError) as error:
        read_configuration(folder.path)
    found = [p for p in error.value.problems if p.file == file and p.key.startswith(key) and remedy in p.remedy]
    assert found, str(error.value)
    assert all(p.line > 0 for p in found if key)


def test_every_problem_is_named_at_once(folder):
    folder.replace(OBJECTIVE, "budget: 60000", "budget: -1")
    folder.replace(ACTIONS, "cost: 0.68, ", "")
    folder.replace(POLICY, "USD", "dollars")
    folder.write("channels.yaml", "emial: {driver: file}\n")
    with pytest.raises(ConfigurationError) as error:
        read_configuration(folder.path)
    assert [(p.file, p.key) for p in error.value.problems] == [
        ("actions.yaml", "channels.direct_mail.cost"),
        ("channels.yaml", "emial"),
        (OBJECTIVE, "budget"),
        ("policy.yaml", "currency"),
    ]


def test_two_files_with_one_id_are_refused(folder):
    folder.write("objectives/second.yaml", (folder.path / OBJECTIVE).read_text())
    with pytest.raises(ConfigurationError, match="has this id too"):
        read_configuration(folder.path)


def test_a_secret_is_refused_and_never_shown(folder):
    folder.write("channels.yaml", "email: {driver: smtp, password: hunter2}\n")
    with pytest.raises(ConfigurationError, match="password_env") as error:
        read_configuration(folder.path)
    assert "hunter2" not in str(error.value)
    settings = "host: mx, from: a@x.com, username_env: SMTP_USER, password_env: SMTP_PASSWORD"
    folder.write("channels.yaml", f"email: {{driver: smtp, {settings}}}\n")
    assert read_configuration(folder.path).channels["email"].password_env.endswith("_PASSWORD")


def test_a_missing_folder_file_or_objective_is_named(tmp_path, folder):
    with pytest.raises(ConfigurationError, match="is not a folder"):
        read_configuration(tmp_path / "nowhere")
    (folder.path / "actions.yaml").unlink()
    (folder.path / OBJECTIVE).unlink()
    with pytest.raises(ConfigurationError) as error:
        read_configuration(folder.path)
    assert {p.file for p in error.value.problems} == {"actions.yaml", "objectives/"}


def test_the_version_changes_with_any_file_and_only_then(folder):
    before = read_configuration(folder.path).version
    assert read_configuration(folder.path).version == before
    folder.write("templates/a.html.j2", "Hello!")
    after = read_configuration(folder.path).version
    assert len({before, after}) == 2
    folder.write("channels.yaml", "email: {driver: file}\n")
    assert read_configuration(folder.path).version not in {before, after}


def test_an_audience_over_an_unknown_column_is_named_when_the_view_is_known(folder):
    configuration = read_configuration(folder.path)
    configuration.check_audience(["lifecycle", "country"])
    with pytest.raises(ConfigurationError, match=r'"country" isn\'t a column.*Did you mean "county"'):
        configuration.check_audience(["lifecycle", "county"])


def test_the_schema_covers_every_file_and_key():
    schemas = json_schemas()
    assert set(schemas) == {"objectives/*.yaml", "actions.yaml", "policy.yaml", "channels.yaml"}
    assert {"audience", "arms", "manual", "autonomy"} <= set(schemas["objectives/*.yaml"]["properties"])


def test_a_do_not_call_list_without_its_day_or_older_than_31_days_is_not_current(tmp_path):
    path = tmp_path / "dnc.txt"
    path.write_text("# scrubbed_on: 2026-01-05\n+12015550100\n\n+12015550101\n")
    listed = read_do_not_call(path)
    assert listed.phones == {"+12015550100", "+12015550101"}
    assert [listed.is_current(day) for day in (date(2026, 1, 4), date(2026, 2, 5), date(2026, 2, 6))] == [
        False,
        True,
        False,
    ]
    path.write_text("+12015550100\n")
    assert read_do_not_call(path).phones == {"+12015550100"}
    assert not read_do_not_call(path).is_current(date(2026, 1, 5))
    assert not read_do_not_call(tmp_path / "nowhere").is_current(date(2026, 1, 5))


def test_the_product_configuration_offers_every_channel_with_every_offer(tmp_path):
    source = Path(__file__).parents[4] / "config"
    shutil.copytree(source, tmp_path / "config")
    templates = tmp_path / "config" / "templates"
    templates.mkdir(exist_ok=True)
    for name in ("winback_email.html", "welcome_email.html", "loyalty_email.html", "short_sms.txt", "call_script.txt", "postcard.txt",
                 "push_note.txt", "social_ad.txt", "display_ad.txt", "web_banner.html"):  # fmt: skip
        (templates / f"{name}.j2").touch()
    configuration = read_configuration(tmp_path / "config")
    assert {str(o) for o in configuration.actions.options()} == {
        f"{c}:{o}" for c in CHANNELS for o in ("none", "ten_off", "free_shipping")
    }
    assert {o.metric for o in configuration.objectives} == {
        "new_customers",
        "reactivations",
        "churn_rate",
        "incremental_margin",
    }
    assert sum(t.capacity_per_day for t in configuration.actions.channels.values()) <= 50_000
