"""What a table is to teach of is checked before anything is learned from it."""

import pytest

from ml.tables.errors import TableError
from ml.trials.teaching import channels_taught


def test_channels_come_with_the_action_named_for_them():
    assert channels_taught(["email=womens", " voice "]) == {"email": "womens", "voice": ""}
    assert channels_taught([]) == {}


@pytest.mark.parametrize(
    ("words", "remedy"), [(["carrier_pigeon=a"], "there are email, sms"), (["email", "email=a"], "is there already")]
)
def test_a_channel_that_is_none_or_named_twice_is_refused(words, remedy):
    with pytest.raises(TableError, match=remedy):
        channels_taught(words)
