"""What templates may name, what people must have for them, and that each template is compiled once."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from assets.channels.fields import KNOWN
from assets.channels.messages import content_sha256, creative_problems, needs_by_channel, variables_of
from assets.channels.rendering import Renderer, RenderingError, _compiled
from ml.configuration import read_configuration
from ml.entities import CHANNELS
from ml.policy.eligibility import lacking

CONFIG = Path(__file__).parents[4] / "config"


@dataclass(frozen=True)
class Terms:
    channel: str
    template: str
    subject: str | None = None
    needs: list = field(default_factory=list)
    defaults: dict = field(default_factory=dict)


def _renderer(folder, source):
    (folder / "t.txt.j2").write_text(source)
    return Renderer(folder, {"c": Terms("sms", "t.txt.j2")}, KNOWN)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ customer.frist_name }}", 'no customer.frist_name. Did you mean "first_name"'),
        ("{% if offer.id != 'none' %}{{ offer.lable }}{% endif %}", 'no offer.lable. Did you mean "label"'),
        ("{{ custmer.first_name }}", 'no custmer. Did you mean "customer"'),
        ("{% if sender.phone %}x{% endif %}", "no sender.phone"),
    ],
)
def test_a_name_that_doesnt_exist_is_found_when_the_template_is_read_even_in_a_branch(tmp_path, source, said):
    with pytest.raises(RenderingError, match=said):
        _renderer(tmp_path, source)


@pytest.mark.parametrize(
    ("source", "needs"),
    [
        ("Hi {{ customer.first_name }}", {"first_name"}),
        ("Hi {{ customer.first_name | upper }} of {{ customer.city }}", {"first_name", "city"}),
        ("Hi {{ customer.first_name or 'there' }}", set()),
        ("Hi {{ customer.first_name | default('there') }}", set()),
        ("{% if customer.first_name %}{{ customer.first_name }}, {% endif %}hello", set()),
        ("{% if customer.city %}{{ customer.first_name }}{% endif %}", {"first_name"}),
        ("{% if customer.city %}x{% else %}{{ customer.city }}{% endif %}", {"city"}),
        ("{{ customer.city if customer.city else 'your town' }}", set()),
        ("{{ customer.first_name or customer.last_name }}", {"last_name"}),
    ],
)
def test_what_is_said_without_anything_in_its_place_is_needed(tmp_path, source, needs):
    assert _renderer(tmp_path, source).needs_of("c") == needs


def test_the_shipped_creatives_have_no_problem_and_need_nothing():
    configuration = read_configuration(CONFIG)
    assert creative_problems(configuration) == []
    assert needs_by_channel(configuration) == {}


def test_a_default_stands_in_and_a_need_is_left_out_of_no_sentence():
    configuration = read_configuration(CONFIG)
    creative = configuration.actions.creatives["short_sms"].model_copy(
        update={"needs": ["city"], "defaults": {"first_name": "friend"}}
    )
    configuration.actions.creatives["short_sms"] = creative
    assert needs_by_channel(configuration) == {"sms": ["city"]}
    seen = variables_of(configuration, "short_sms", {"first_name": None, "city": "Rome"}, "grow", "https://x.example")
    assert (seen["customer"]["first_name"], seen["customer"]["city"]) == ("friend", "Rome")


def test_who_lacks_what_a_channel_says_is_left_out_of_that_channel():
    customers = pd.DataFrame({"customer_id": ["a", "b", "c"]})
    details = pd.DataFrame({"customer_id": ["b", "a"], "city": [" ", "Rome"]})
    out = lacking(customers, details, {"sms": ["city"]})
    assert out[:, CHANNELS.index("sms")].tolist() == [False, True, True]
    assert out.sum() == 2
    assert not lacking(customers, None, {}).any()


def test_a_template_is_compiled_once_however_many_creatives_and_releases_use_it():
    configuration = read_configuration(CONFIG)
    Renderer(CONFIG, configuration.actions.creatives, KNOWN)
    before = _compiled.cache_info().misses
    Renderer(CONFIG, configuration.actions.creatives, KNOWN)
    assert _compiled.cache_info().misses == before


def test_the_fingerprint_of_content_changes_with_every_cell_and_not_with_the_order():
    frame = pd.DataFrame(
        {"message_id": ["m1", "m2"], "channel": "sms", "recipient": ["a", "b"], "content": ["x", "y"]}
    ).assign(send_at=pd.Timestamp("2026-01-05"), expires_at=pd.Timestamp("2026-01-06"))
    shown = content_sha256(frame)
    assert content_sha256(frame.iloc[::-1]) == shown
    for name, value in (("content", "z"), ("recipient", "z"), ("send_at", pd.Timestamp("2026-01-07"))):
        assert content_sha256(frame.assign(**{name: value})) != shown
    assert content_sha256(frame.assign(recipient=["ax", "b"], content=["", "y"])) != shown
