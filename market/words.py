"""The market's own copy of the contract's words, and the array types that its modules share."""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]
Bools = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]

CHANNELS: Final = ("email", "sms", "direct_mail", "voice", "paid_social", "display", "web", "push")
EMAIL, SMS, MAIL, VOICE, SOCIAL, DISPLAY, WEB, PUSH = range(8)
CATEGORIES: Final = ("apparel", "beauty", "garden", "home", "outdoor", "toys")
TRAITS: Final = ("price", "digital", "phone", "store", "loyalty", "novelty")
PRICE, DIGITAL, PHONE, STORE, LOYALTY, NOVELTY = range(6)
OBJECTIONS: Final = ("none", "price", "timing", "trust", "no_need", "competitor")

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000


class MarketError(Exception):
    """The market cannot do what was asked; the message says where and what would be right."""
