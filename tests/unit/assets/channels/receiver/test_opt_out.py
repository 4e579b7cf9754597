"""47 CFR 64.1200(a)(10): the keywords always, and any other reasonable means."""

import pytest

from assets.channels.receiver.opt_out import is_opt_out

REVOKES = """
STOP|stop|Stop.|STOP!!|"stop"|stopall|STOP ALL|QUIT|End|REVOKE|opt out|OPT-OUT|optout|CANCEL|unsubscribe|Unsubscribe me
stop please|please stop|Stop, thanks|ok stop|STOP NOW|arrêt|ALTO|baja|stopp
stop texting me|Please stop sending me these|quit messaging me|do not text me|Don't contact me again|don\u2019t call me anymore
never text this number again|take me off your list|Remove me|remove my number please|take my number off the list
no more texts|no more messages please|leave me alone|I revoke my consent|I withdraw permission|wrong number|wrong person
opt me out|I'd like to opt out|I want you to stop|I asked you to stop|I don't want these messages|cancel my subscription
I no longer want to receive texts|make it stop please make this stop|I do not wish to be contacted|stop spamming me
"""
KEEPS = """
yes|Y|Do you have it in blue?|When does the sale stop?|when will the offer end|I'll stop by on Monday|thanks!|love it
Please call me tomorrow|text me when it is there|don't stop sending these|What is the end date?|I quit smoking|ok
can I cancel my order 1234 and get the green one|see you at the bus stop|No|what|call me|the end
"""


def cases(block):
    return [case for line in block.strip().splitlines() for case in line.split("|")]


@pytest.mark.parametrize("words", cases(REVOKES))
def test_legal_13_words_that_revoke(words):
    assert is_opt_out(words)


@pytest.mark.parametrize("words", cases(KEEPS))
def test_words_that_do_not(words):
    assert not is_opt_out(words)


def test_a_long_text_takes_no_long_time():
    assert not is_opt_out("no " * 100_000)
