"""Mistakes in channels.yaml are named by file, key and value, with what would be right."""

import pytest

from ml.configuration import ConfigurationError, read_configuration
from ml.configuration.drivers import DRIVERS, drivers_for
from ml.entities import CHANNELS

SMTP = "driver: smtp, host: mx, from: a@x.com"
TWILIO = f"driver: twilio_sms, account_sid: AC{'0' * 32}, auth_token_env: T"


def _problem(folder, channel, text):
    folder.write("channels.yaml", f"{channel}: {{{text}}}\n")
    with pytest.raises(ConfigurationError) as error:
        read_configuration(folder.path)
    (problem,) = error.value.problems
    assert problem.file == "channels.yaml"
    assert problem.line == 1
    return problem


@pytest.mark.parametrize(
    ("channel", "text", "expected"),
    [
        ("email", "driver: smpt", ("email.driver", "smpt", 'Did you mean "smtp"?')),
        ("sms", SMTP, ("sms.driver", "smtp", "no such driver for sms. Known: file, twilio_sms.")),
        ("email", "driver: 7", ("email.driver", "7", "Known: file, smtp.")),
        ("email", "driver: smtp, from: a@x.com", ("email.host", "", "is required: name or address of the mail server")),
        ("email", "driver: smtp, host: mx", ("email.from", "", "is required")),
        ("email", f"{SMTP}, port: 0", ("email.port", "0", "a port, 1 to 65535")),
        ("email", f'{SMTP}, port: "25"', ("email.port", "25", "a whole number: a port")),
        ("email", f"{SMTP}, prot: 25", ("email.prot", "25", 'Did you mean "port"?')),
        ("email", f"{SMTP}, username_env: U", ("email", "", "username_env and password_env go together")),
        ("email", f"{SMTP}, security: ssl", ("email.security", "ssl", "'starttls', 'tls' or 'none'")),
        ("sms", TWILIO, ("sms", "", "from_number or messaging_service_sid")),
        ("sms", f"{TWILIO}, from_number: '555'", ("sms.from_number", "555", "a number in E.164")),
        ("sms", f"{TWILIO}, auth_token: x", ("sms", "", "auth_token_env: ITS_NAME")),
        (
            "push",
            "driver: web_push, vapid_private_key_env: V, contact: me",
            ("push.contact", "me", "mailto: or https:"),
        ),
    ],
)
def test_a_mistake_is_named(folder, channel, text, expected):
    key, value, remedy = expected
    problem = _problem(folder, channel, text)
    assert (problem.key, problem.value) == (key, value)
    assert remedy in problem.remedy


def test_every_setting_of_every_driver_is_described_or_plain():
    plain = {"driver", "urgency", "product", "size", "is_color", "return_address", "token_url"}
    for model, _ in DRIVERS.values():
        for name, field in model.model_fields.items():
            described = field.description or any(getattr(part, "description", None) for part in field.metadata)
            optional_variable = name.endswith("_env")
            assert described or optional_variable or name in plain, (model.__name__, name)


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_has_the_file_and_a_way_of_its_own(channel):
    assert drivers_for(channel)[0] == "file"
    assert len(drivers_for(channel)) > 1
