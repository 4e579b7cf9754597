import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from assets.channels.rendering import Renderer, RenderingError
from assets.channels.sandbox import UnsafeTemplate

CONFIG = Path(__file__).parents[4] / "config"
VARIABLES = {
    "customer": {"first_name": "Ann"},
    "offer": {"id": "ten_off", "label": "$10 off"},
    "objective": {"id": "reactivate"},
    "sender": {"name": "Shop", "postal_address": "1 Main St"},
    "unsubscribe_url": "https://example.com/u?a=1&b=2",
}
LEGAL = "{{ unsubscribe_url }} {{ sender.postal_address }}"


@dataclass(frozen=True)
class Terms:
    channel: str
    template: str
    subject: str | None = None


SHIPPED = {
    "winback": Terms("email", "templates/winback_email.html.j2", "Hello {{ customer.first_name or 'friend' }}"),
    "welcome": Terms("email", "templates/welcome_email.html.j2", "Welcome"),
    "loyalty": Terms("email", "templates/loyalty_email.html.j2", "Thanks"),
    "sms": Terms("sms", "templates/short_sms.txt.j2"),
    "call": Terms("voice", "templates/call_script.txt.j2"),
    "card": Terms("direct_mail", "templates/postcard.txt.j2"),
    "push": Terms("push", "templates/push_note.txt.j2"),
    "social": Terms("paid_social", "templates/social_ad.txt.j2"),
    "display": Terms("display", "templates/display_ad.txt.j2"),
    "web": Terms("web", "templates/web_banner.html.j2"),
}
SHAPES = {
    "email": {"subject", "html", "text"},
    "sms": {"text"},
    "voice": {"goal", "script", "facts", "allowed_offers", "consent_text"},
    "push": {"title", "body"},
    "direct_mail": {"headline", "body"},
    "paid_social": {"audience", "headline", "body"},
    "display": {"audience", "headline", "body"},
    "web": {"slot", "html"},
}


@pytest.fixture(scope="module")
def shipped():
    return Renderer(CONFIG, SHIPPED)


def _render(folder, source, *, channel="sms", subject=None, name="t.txt.j2", variables=VARIABLES):
    (folder / name).write_text(source)
    return Renderer(folder, {"c": Terms(channel, name, subject)}).render("c", variables)


@pytest.mark.parametrize("offer", [{"id": "none"}, {"id": "ten_off"}, {"id": "ten_off", "label": "$10 off"}])
@pytest.mark.parametrize("first_name", ["Ann", None])
@pytest.mark.parametrize("creative_id", SHIPPED)
def test_every_shipped_template_works_for_every_offer_and_without_a_name(shipped, creative_id, first_name, offer):
    content = shipped.render(creative_id, VARIABLES | {"offer": offer, "customer": {"first_name": first_name}})
    assert set(content) == SHAPES[SHIPPED[creative_id].channel]
    everything = str(content)
    assert "None" not in everything
    assert "{" not in everything.replace("{'", "")
    assert (offer["id"] in everything) or offer["id"] == "none" or creative_id in ("social", "display")


def test_html_is_escaped_and_text_is_not(shipped):
    content = shipped.render("winback", VARIABLES | {"customer": {"first_name": "<script>"}})
    assert "<script>" not in content["html"]
    assert "<script>" in content["text"]


def test_a_line_break_in_a_name_can_not_start_a_header(shipped):
    content = shipped.render("winback", VARIABLES | {"customer": {"first_name": "Ann\r\nBcc: x@y.z"}})
    assert "\n" not in content["subject"]


def test_a_call_offers_only_what_was_decided(shipped):
    assert shipped.render("call", VARIABLES)["allowed_offers"] == ["ten_off"]
    assert shipped.render("call", VARIABLES | {"offer": {"id": "none"}})["allowed_offers"] == []


def test_a_missing_name_is_an_error_not_a_gap(tmp_path):
    with pytest.raises(RenderingError, match=r"'c'.*nickname"):
        _render(tmp_path, "Hi {{ customer.nickname }}")


@pytest.mark.parametrize("source", ["{{ sender.postal_address }}", "{{ unsubscribe_url }}", ""])
def test_an_email_without_address_or_way_out_is_refused(tmp_path, source):
    with pytest.raises(RenderingError, match="e-mail must"):
        _render(tmp_path, source, channel="email", subject="s", name="t.html.j2")


def test_an_email_needs_a_subject(tmp_path):
    with pytest.raises(RenderingError, match="subject"):
        _render(tmp_path, LEGAL, channel="email", name="t.html.j2")


def test_an_email_without_a_text_template_gets_a_text_part(tmp_path):
    source = f'<p>Hi</p><a href="https://x.example">Look</a> {LEGAL}'
    assert (
        "Look (https://x.example)" in _render(tmp_path, source, channel="email", subject="s", name="t.html.j2")["text"]
    )


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ customer.__init__.__globals__ }}",
        "{{ 'A' * 10**8 }}",
        "{{ '%99999999d' % 1 }}",
        "{{ 'x'.ljust(10**8) }}",
        "{{ 'x'|center(100000000) }}",
        "{% for a in range(10**9) %}x{% endfor %}",
        "{% for a in customer.l %}{% for b in customer.l %}x{% endfor %}{% endfor %}",
        "{% set a = 'x' %}",
        "{% include 'other' %}",
        "{% import 'os' as os %}",
        "{% macro m() %}{% endmacro %}",
        "{{ cycler }}",
        "{% for a in [1,2,3] %}x{% endfor %}",
        "{{ 'x'|format(1) }}",
        "{% with a = 'x' ~ 'x' %}{% endwith %}",
        "{% filter upper %}x{% endfilter %}",
    ],
)
def test_a_template_that_reaches_beyond_its_variables_is_refused(tmp_path, source):
    variables = VARIABLES | {"customer": {"l": list("abc")}}
    started = time.monotonic()
    with pytest.raises((UnsafeTemplate, RenderingError)):
        _render(tmp_path, source, variables=variables)
    assert time.monotonic() - started < 1


def test_a_loop_over_a_given_list_is_fine(tmp_path):
    assert _render(
        tmp_path, "{% for a in customer.l %}{{ a }};{% endfor %}", variables=VARIABLES | {"customer": {"l": "abc"}}
    ) == {"text": "a;b;c;"}


def test_content_has_its_channels_size(tmp_path):
    with pytest.raises(RenderingError, match="at most 1600"):
        _render(tmp_path, "{{ customer.first_name }}", variables=VARIABLES | {"customer": {"first_name": "x" * 2000}})


@pytest.mark.parametrize("path", ["../outside.txt.j2", "missing.txt.j2"])
def test_a_template_outside_the_folder_or_missing_is_refused_by_name(tmp_path, path):
    (tmp_path / "outside.txt.j2").write_text("x")
    (tmp_path / "config").mkdir()
    with pytest.raises(RenderingError, match="config folder"):
        Renderer(tmp_path / "config", {"c": Terms("sms", path)})
