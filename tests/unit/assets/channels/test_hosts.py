import pytest

from assets.channels.hosts import ForbiddenHostError, check_server, check_url, is_loopback, is_public

HOSTS = ("twilio.com",)


def _check(url, *, is_live):
    return check_url(url, place="channels.yaml: sms.base_url", hosts=HOSTS, is_live=is_live)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8025", "http://localhost/x", "http://[::1]:1/", "http://127.9.9.9"])
def test_without_live_only_this_machine_is_reached(url):
    assert _check(url, is_live=False) == url
    with pytest.raises(ForbiddenHostError):
        _check(url, is_live=True)


@pytest.mark.parametrize("url", ["https://api.twilio.com", "https://api.dublin.ie1.twilio.com/x"])
def test_live_reaches_the_provider_alone(url):
    assert _check(url, is_live=True) == url
    with pytest.raises(ForbiddenHostError, match=r"sms\.base_url reaches .*twilio.*WAYFINDER_MODE=live"):
        _check(url, is_live=False)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://api.twilio.com",
            "https://twilio.com.evil.example",
            "https://eviltwilio.com",
            "https://169.254.169.254",
        ),
        *(
            "https://10.0.0.1",
            "https://user:secret@api.twilio.com",
            "https://api.twilio.com@evil.example",
            "ftp://twilio.com",
        ),
        *(
            "https://127.0.0.1",
            "https://localhost",
            "https://[::1]",
            "file:///etc/passwd",
            "https://",
            "https://2130706433",
            "https://api.twilio.com:x/",
            "https://api.twilio.com/a b",
            "https://api.twil\u0456o.com",
        ),
    ],
)
def test_live_reaches_nothing_else_by_whatever_spelling(url):
    with pytest.raises(ForbiddenHostError) as error:
        _check(url, is_live=True)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "127.0.0.1",
        "169.254.169.254",
        "0.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:10.0.0.1",
        "100.64.0.1",
        "224.0.0.1",
    ],
)
def test_what_lies_inside_is_not_public(address):
    assert not is_public(address)


def test_what_lies_outside_is_public():
    assert is_public("8.8.8.8")
    assert is_public("2606:4700::1111")


def test_a_name_that_resolves_here_is_not_this_machine():
    assert not is_loopback("localhost.evil.example")
    assert not is_loopback("127.0.0.1.nip.io")


def test_a_mail_relay_inside_may_be_used_live():
    check_server("10.0.0.5", place="channels.yaml: email.host", is_live=True)
    with pytest.raises(ForbiddenHostError):
        check_server("10.0.0.5", place="channels.yaml: email.host", is_live=False)
