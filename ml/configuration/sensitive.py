"""Words that an ad audience may not be drawn by: platforms refuse them, and the law protects what they are about."""

import re
from typing import Final

_SENSITIVE: Final = re.compile(
    r"health|diseas|diagnos|medic|pregnan|disab|religio|faith|church|ethnic|race|racial|sexual|orientation|gender"
    r"|politic|union_member|trade_union|genetic|biometric|criminal|convict|bankrupt|debt|immigra|citizenship"
)


def sensitive_words(text: str) -> list[str]:
    """Names in a text, such as columns of a predicate, that are about what GDPR Art. 9 or platform rules protect."""
    return [name for name in re.findall(r"[a-z_][a-z0-9_]*", text.lower()) if _SENSITIVE.search(name)]
