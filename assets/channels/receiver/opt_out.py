"""Whether a person's words revoke consent: keywords, and free text that any reader would take so.

47 CFR 64.1200(a)(10) (FCC 24-24): any reasonable means counts, the keywords always. In doubt a sentence about stopping
counts: not contacting somebody once too often is the cheaper mistake.
"""

import re
import unicodedata
from typing import Final

KEYWORDS: Final = frozenset(
    (
        *("stop", "stopall", "quit", "end", "revoke", "optout", "cancel", "unsubscribe"),
        *("arret", "alto", "baja", "parar", "stopp", "abmelden"),
    )
)
"""The words of the rule and of the carriers (alone, or with nothing but pleasantries); the usual ones of other languages."""

_COURTESY: Final = re.compile(r"\b(please|pls|plz|thanks|thank you|thx|now|immediately|ok|hi|hello|all|this|it|asap)\b")
_VERB: Final = r"(text|txt|messag|contact|call|send|email|mail|bother|ring|phon|spam|writ|harass)\w*"
_PATTERNS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"\bunsubscribe\b",
        r"\b(opt|opting)\b.{0,12}\bout\b",
        r"\b(remove|delete|take) (me|us|my (name|number|phone))\b",
        r"\btake my .{0,20}\boff\b",
        rf"\b(stop|quit|cease)\b.{{0,20}}\b{_VERB}",
        rf"\b(do not|dont|never|no longer)\b (want|wish|like|need|ever|you )?.{{0,30}}\b{_VERB}",
        r"\bno more\b.{0,20}\b(text|txt|messag|call|email|mail|spam|of (this|these))\w*",
        r"\bleave (me|us) alone\b",
        r"\b(revoke|withdraw|cancel)\b.{0,20}\b(consent|permission|subscription|text|messag)\w*",
        r"\bwrong (number|person)\b",
        r"\bi (want|would like|wish|need|asked|told you|said)\b.{0,25}\bstop\b",
        r"\b(please|just|pls) (make (it|this) )?stop\b",
    )
)
_NOT_MEANT: Final = re.compile(
    r"\b(do not|dont|never) (ever )?(stop|quit|unsubscribe|cancel|remove|delete)\b|\bwhen (do|does|will)\b.{0,30}\b(stop|end)\b"
)


def is_opt_out(text: str) -> bool:
    """Whether a message says that the person wants no more."""
    plain = _plain(text)
    if re.sub(r"\s+", "", _COURTESY.sub(" ", plain)) in KEYWORDS:
        return True
    if _NOT_MEANT.search(plain):
        return False
    return any(pattern.search(plain) for pattern in _PATTERNS)


def _plain(text: str) -> str:
    """Lower case without accents, apostrophes and punctuation; runs of space as one."""
    bare = "".join(
        letter for letter in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(letter)
    )
    bare = re.sub(r"['\u2019`]", "", bare[:2_000])
    return re.sub(r"\s+", " ", re.sub(r"[^\w\s]", " ", bare)).strip()
