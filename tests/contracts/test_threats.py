"""Every threat of the table, by its name: what an attacker would try, and that it is refused.

Forged webhooks, poisoned outcomes and forged links have theirs beside the receiver (tests/unit/assets/channels/receiver).
"""

import os
import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest
from jinja2 import TemplateError
from pydantic import SecretStr

from assets import duck
from assets.channels.contract import Unsendable
from assets.channels.drivers import NotAllowedError, open_driver
from assets.channels.email_message import compose, parse_sender
from assets.channels.hosts import ForbiddenHostError, check_url, is_public
from assets.channels.mail_drop import COLUMNS, line_of
from assets.channels.sandbox import UnsafeTemplate, make_environment, parse_safely
from assets.home import Home
from assets.intake.discovery import find_files
from assets.ledger.engine import open_engine
from assets.ledger.errors import PlanRefused
from assets.ledger.records import Escalation
from data_tests import messages as messages_suite
from ml.configuration.drivers import DRIVERS
from ml.configuration.yaml_reader import read_yaml
from ml.objectives.audience import parse
from ml.objectives.tokens import AudienceError
from orchestration import ui
from orchestration.settings import Settings
from tests.unit.assets.channels.support import AT, sendable
from tests.unit.assets.ledger.support import execute, messages, propose

PROBES = (
    "read_text('/etc/passwd') is not null",
    "glob('/**') = 'x'",
    "country = 'US'; drop table dim_customers",
    "country = 'US' union select * from secrets",
    "country in (select country from dim_recipients)",
    "copy dim_customers to '/tmp/x'",
    "attach 'x.db'",
    "country = (select 1)",
    "country = 'US' -- comment",
    "country = 'US' /* comment */",
    "getenv('SECRET') = 'x'",
    "country like '%'",
    "frame.country = 'US'",
)


@pytest.mark.parametrize("where", PROBES)
def test_threat_sql_injection_by_an_objective_is_refused_when_it_is_read(where):
    with pytest.raises(AudienceError):
        parse(where)


@pytest.mark.parametrize("trap", ["a: 1\na: 2", "a: &x 1\nb: *x", "a: !!python/name:os.system", "a: 12:30", "a: 0123"])
def test_threat_yaml_traps_are_errors_with_their_line(tmp_path, trap):
    path = tmp_path / "policy.yaml"
    path.write_text(trap)
    assert read_yaml(path, "policy.yaml").problems


@pytest.mark.parametrize(
    "source",
    [
        "{{ customer.__class__.__mro__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ 'A' * 100000000 }}",
        "{% for n in range(100000000) %}x{% endfor %}",
        "{{ ''.join(['a'] * 9) }}",
        "{% include '/etc/passwd' %}",
        "{% import 'x' as y %}",
        "{{ lipsum(10000) }}",
    ],
)
def test_threat_template_injection_is_refused(source):
    environment = make_environment(autoescape=True)

    def use() -> str:
        parse_safely(environment, source, place="creative")
        return environment.from_string(source).render(customer="Ann")

    with pytest.raises((UnsafeTemplate, TemplateError)):
        use()


@pytest.mark.parametrize(
    "email", ["a@x.example, b@y.example", "a@x.example\r\nBcc: b@y.example", "a@x.example b@y.example"]
)
def test_threat_header_and_recipient_injection_reaches_nobody(email):
    with pytest.raises(Unsendable):
        compose(sendable("email", recipient={"email": email}), sender=parse_sender("Shop <n@example.com>"), at=AT)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "|cmd", "%0A"])
def test_threat_csv_injection_no_cell_starts_a_formula(cell):
    fine = dict.fromkeys(COLUMNS, "x")
    with pytest.raises(Unsendable):
        line_of(fine | {"name": cell})


def test_threat_secrets_in_logs_neither_parameters_nor_secrets_are_printed(tmp_path):
    assert open_engine(f"sqlite:///{tmp_path}/ledger.db").hide_parameters
    assert open_engine("postgresql://u:secret@localhost/x").hide_parameters
    assert "secret" not in repr(open_engine("postgresql://u:secret@localhost/x"))
    assert "hunter2" not in repr(SecretStr("hunter2"))


def test_threat_pii_in_metadata_what_a_failed_check_says_names_no_value():
    frame = messages(3).assign(plan_id="p1", channel="canary@example.com")
    found = messages_suite.check(frame, cycle_id="2026-01-05", plan_id="p1", decisions=frame)
    assert not found.passed
    assert "canary" not in "; ".join(map(str, found.failures))


def test_threat_path_traversal_by_landing_files_reads_nothing_outside(tmp_path):
    home = Home(tmp_path / "home")
    folder = home.root / "landing" / "orders"
    folder.mkdir(parents=True)
    (tmp_path / "secret.csv").write_text("order_id\n1\n")
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "up").symlink_to(tmp_path, target_is_directory=True)
    found, refused = find_files(home.root)
    assert found == []
    assert len(refused) == 2


def test_threat_pickles_mlflow_loads_none_in_this_process_or_one_that_it_starts(tmp_path):
    settings = Settings(home=tmp_path)
    settings.enter()
    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    assert settings.environment()["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"


def test_threat_unauthenticated_uis_listen_on_loopback_only(tmp_path, monkeypatch):
    started = []

    def note(command, **_):
        started.append(command)
        raise OSError("enough seen")

    monkeypatch.setattr(ui, "prepare", lambda _: None)
    monkeypatch.setattr(subprocess, "Popen", note)
    with pytest.raises(OSError, match="enough"):
        ui.serve(Settings(home=tmp_path), 3000)
    assert started[0][started[0].index("-h") + 1] == "127.0.0.1"


def test_threat_approval_bypass_no_release_without_the_persons_word_in_code_or_database(ledger):
    plan = propose(ledger, "p0")
    ledger.plans.propose(replace(plan, plan_id="p1"), held=Escalation(["assisted"], AT + timedelta(hours=1)))
    with pytest.raises(PlanRefused, match="waiting"):
        ledger.plans.release("p1", "hash", by="system", at=AT, messages=messages(), expires_at=AT + timedelta(days=1))
    columns = "(plan_id, plan_hash, kind, actor, reason, approvals_needed, message_count, spend_micros, at)"
    with pytest.raises(Exception, match="waits for approval"):
        execute(
            ledger,
            f"INSERT INTO plan_authorization {columns} "
            "VALUES ('p1', 'hash', 'released', 'me', '', 0, 0, 0, '2026-01-05 13:00:00')",
        )
    for nobody in ("", " ", "system", "System"):
        with pytest.raises(PlanRefused, match="named person"):
            ledger.plans.approve("p1", by=nobody, at=AT)


def test_threat_extension_supply_chain_nothing_is_loaded_by_itself():
    for setting in ("autoinstall_known_extensions", "autoload_known_extensions"):
        assert not duck.query(f"select current_setting('{setting}') as it")["it"].iloc[0]


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/latest",
        "https://localhost/x",
        "https://127.0.0.1/x",
        "https://twilio.com.evil.example/x",
        "https://user:pass@twilio.com/x",
        "http://api.twilio.com/x",
        "file:///etc/passwd",
    ],
)
def test_threat_ssrf_a_live_driver_reaches_its_provider_by_https_and_nothing_else(url):
    with pytest.raises(ForbiddenHostError):
        check_url(url, place="channels.yaml: sms.base_url", hosts=("twilio.com",), is_live=True)


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "10.0.0.1", "127.0.0.1", "::1", "fe80::1%eth0", "::ffff:10.0.0.1"]
)
def test_threat_ssrf_a_name_that_stands_for_something_inside_is_not_public(address):
    assert not is_public(address)


def test_threat_sandbox_to_live_a_driver_needs_the_mode_and_a_persons_word(ledger, tmp_path):
    stated = {"driver": "smtp", "host": "mail.example.com", "port": 587, "from": "Shop <n@example.com>"}
    made = DRIVERS["smtp"][0].model_validate(stated)
    with pytest.raises(ForbiddenHostError, match="beyond this machine"):
        open_driver("email", made, outbound=tmp_path, ledger=ledger)
    with pytest.raises(NotAllowedError, match="nobody has let it"):
        open_driver("email", made, outbound=tmp_path, ledger=ledger, is_live=True)
    ledger.live.allow("email", "smtp", by="ann", at=AT)
    open_driver("email", made, outbound=tmp_path, ledger=ledger, is_live=True)
