"""`wayfinder preview`: the rendered message, with nobody else's data in it."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from orchestration import cli

CONFIG = Path(__file__).parents[2] / "config"
PEOPLE = pd.DataFrame(
    {
        "customer_id": ["k1", "k2"],
        "contact_ids": [["c1"], ["c2"]],
        "email": ["grace@canary.example", "alan@canary.example"],
        "phone": ["+12125550100", None],
        "first_name": ["Grace", "Alan"],
        "last_name": ["Canary", "Bird"],
        "city": ["Rome", None],
        "region": None,
        "country": "US",
    }
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "home" / "warehouse" / "published" / "2026-01-05-1"
    shutil.copytree(CONFIG, tmp_path / "config")
    from assets.home import Home  # noqa: PLC0415

    folder = Home(tmp_path / "home").make().generation("2026-01-05-1")
    folder.mkdir(parents=True)
    PEOPLE.to_parquet(folder / "dim_recipients.parquet")
    return tmp_path


def _ask(home, capsys, monkeypatch, *words):
    folders = ["--home", str(home / "home"), "--config", str(home / "config")]
    monkeypatch.setattr("sys.argv", ["wayfinder", "preview", *words, *folders])
    try:
        cli.main()
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    said = capsys.readouterr()
    return status, said.out, said.err


def test_without_a_customer_it_is_for_a_made_up_person(home, capsys, monkeypatch):
    status, out, _ = _ask(home, capsys, monkeypatch, "winback_email_ten_off", "--json")
    facts = json.loads(out)
    assert status == 0
    assert "Ann" in facts["content"]["text"]
    assert facts["customer_id"] is None
    assert "canary" not in out.lower()


@pytest.mark.parametrize("name", ["k1", "c1"])
def test_with_a_customer_it_is_theirs_and_nobody_elses(home, capsys, monkeypatch, name):
    status, out, _ = _ask(home, capsys, monkeypatch, "short_sms_ten_off", name)
    assert status == 0
    assert "Grace" in out
    assert "$10 off" in out
    assert "Alan" not in out
    assert "@" not in out


def test_who_would_not_be_reached_is_told_with_the_reason(home, capsys, monkeypatch):
    _, out, _ = _ask(home, capsys, monkeypatch, "short_sms", "k2", "--json")
    facts = json.loads(out)
    assert not facts["is_sent"]
    assert facts["reasons"] == ["has no contact detail for sms"]
    (home / "config" / "templates" / "short_sms.txt.j2").write_text("{{ sender.name }} in {{ customer.city }}")
    assert json.loads(_ask(home, capsys, monkeypatch, "short_sms", "k1", "--json")[1])["is_sent"]
    lacks = json.loads(_ask(home, capsys, monkeypatch, "short_sms", "k2", "--json")[1])["reasons"]
    assert "lacks city, which the channel's messages say" in lacks


@pytest.mark.parametrize("creative", ["winback_email_ten_off", "web_banner", "call_script", "postcard", "social_ad"])
def test_a_message_can_be_written_as_a_page(home, capsys, monkeypatch, creative):
    path = home / "out" / "page.html"
    assert _ask(home, capsys, monkeypatch, creative, "--html", str(path))[0] == 0
    assert "<" in path.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [(["nothing"], "winback_email_ten_off"), (["short_sms", "nobody"], "customer_id"), (["short_sms", "k1", "--date", "5"], "2026-01-05"),
     (["short_sms", "k1", "--date", "2027-01-05"], "nothing is published")],
)  # fmt: skip
def test_what_doesnt_exist_is_bad_input_that_says_what_does(home, capsys, monkeypatch, words, said):
    status, out, err = _ask(home, capsys, monkeypatch, *words)
    assert (status, out) == (2, "")
    assert said in err
