"""Words of the contracts that several suites share, stated here again because a test must not inherit what it tests."""

from typing import Final

CHANNELS: Final = ("email", "sms", "direct_mail", "voice", "paid_social", "display", "web", "push")
ARMS: Final = ("holdout", "manual", "random", "system")
NONE: Final = "none"
OUTCOME_TYPES: Final = (
    *("delivered", "bounced", "opened", "clicked", "visited", "replied", "answered", "no_answer", "converted"),
    *("unsubscribed", "complained", "failed"),
)
