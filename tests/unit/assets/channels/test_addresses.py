import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.channels.addresses import postal_address
from assets.channels.contract import Unsendable
from tests.unit.assets.channels.support import RECIPIENTS

HOME = RECIPIENTS["direct_mail"]


def test_an_address_is_what_an_envelope_shows():
    assert postal_address(HOME) == {
        "name": "Ann Lee",
        "address_line": "1 Main St",
        "city": "Springfield",
        "region": "IL",
        "postal_code": "62701",
        "country": "US",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"first_name": None, "last_name": None},
        {"first_name": "Zoë", "last_name": "O\u2019Neil-Smith"},
        {"address_line": "#4, 12½ Elm St. (rear)".replace("½", "-1/2")},
        {"country": "DE", "postal_code": "10115", "city": "Berlin", "region": None},
        {"country": "GB", "postal_code": "sw1a 1aa", "city": "London", "region": "Greater London"},
        {"country": None},
    ],
)
def test_ordinary_addresses_pass(changes):
    assert postal_address(HOME | changes)["address_line"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"postal_code": "1234"}, "postal_code"),
        ({"postal_code": None}, "postal_code"),
        ({"region": None}, "region"),
        ({"region": "Illinois"}, "region"),
        ({"city": ""}, "city"),
        ({"address_line": "1 Main St\nApt 2"}, "address_line"),
        ({"address_line": "x" * 65}, "address_line"),
        ({"country": "USA"}, "country"),
        ({"first_name": "=cmd|' /C calc'!A0"}, "name"),
        ({"first_name": "+1", "last_name": ""}, "name"),
        ({"city": "@SUM(1)"}, "city"),
        ({"address_line": "-2+3"}, "address_line"),
    ],
)
def test_what_can_not_be_printed_is_refused_by_its_field(changes, field):
    with pytest.raises(Unsendable, match=field) as error:
        postal_address(HOME | changes)
    assert "cmd" not in str(error.value)


@given(st.dictionaries(st.sampled_from(sorted(HOME)), st.none() | st.text(max_size=60)))
def test_no_field_that_passes_starts_a_formula_or_a_line(changes):
    """§7, CSV injection: the characters of OWASP's page."""
    try:
        address = postal_address(HOME | changes)
    except Unsendable:
        return
    assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r")) for value in address.values())
    assert all(value.isprintable() for value in address.values())
