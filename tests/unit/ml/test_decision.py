"""The limits of the system's choice leave room for what is bound already."""

from types import SimpleNamespace

import pytest

from ml.allocation.terms import ChannelSpendShare
from ml.configuration.policy import Policy
from ml.decision import Room, _terms
from ml.entities import Option


@pytest.mark.parametrize(
    ("spent", "allowance"),
    [({}, 0.0), ({"email": 4.0}, -1.0), ({"direct_mail": 4.0}, 3.0), ({"email": 1.0, "direct_mail": 3.0}, 2.0)],
)
def test_a_channels_share_is_of_the_whole_days_spend_the_randomized_contacts_included(spent, allowance):
    table = SimpleNamespace(options=(Option("email", "none"), Option("direct_mail", "none")), objectives=("grow",))
    room = Room(total=None, objectives={}, channels={}, capacity={}, spend_share=0.75, spent=spent)
    terms = _terms(table, SimpleNamespace(policy=Policy()), room)
    shares = {term.channel: term for term in terms if isinstance(term, ChannelSpendShare)}
    assert shares["email"].share == pytest.approx(0.75)
    assert shares["email"].allowance == pytest.approx(allowance)
