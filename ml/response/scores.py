"""What the response model says of people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from ml.entities import Option
from ml.response.redemption import Redemption

Float32 = npt.NDArray[np.float32]
WORTH_UNIT: Final = 1024.0
"""Money; more than any contact is worth, so that what it adds to a chance stays one, and a power of two, so that no bit is lost."""


@dataclass(frozen=True)
class Scores:
    """What the model expects of N people under each of O options.

    Attributes:
        customer_ids: [N].
        options: Channels and offers, in column order.
        baseline: Chance to convert within the horizon when left alone, float32 [N].
        uplift: propensity - baseline, float32 [N, O].
        uplift_sd: Standard deviation of what is known of the uplift, float32 [N, O].
        propensity: Chance to convert within the horizon after the contact, float32 [N, O].
        amount: Expected margin of a conversion, float32 [N].
        redemption: Shares of conversions that redeem, of each option's offer, [O].
        exposure: Chance to look within the horizon at what comes by the option's channel over that of those contacted by it,
            float32 [N, O]; 1 where it isn't known.
        usual_discount: Expected discount of a conversion without an offer, money, float32 [N]; 0 where it isn't known.
        seconds: Wall time by stage.
    """

    customer_ids: npt.NDArray[Any]
    options: tuple[Option, ...]
    baseline: Float32
    uplift: Float32
    uplift_sd: Float32
    propensity: Float32
    amount: Float32
    redemption: tuple[Redemption, ...]
    exposure: Float32
    usual_discount: Float32
    seconds: Mapping[str, float]

    @classmethod
    def of_worth(cls, customer_ids: npt.NDArray[Any], options: Sequence[Option], worth: npt.NDArray[Any]) -> Self:
        """Scores of who knows what a contact is worth, whatever conversions it is made of, offers deducted.

        For policies that are compared with the response model, under an objective in money: a conversion of `WORTH_UNIT`.

        Args:
            customer_ids: [N].
            options: O channels with offers.
            worth: Money that each contact brings, its own cost not deducted, [N, O].
        """
        uplift = (worth / WORTH_UNIT).astype(np.float32)
        half, ones = (np.full(len(customer_ids), each, dtype=np.float32) for each in (0.5, 1.0))
        return cls(
            customer_ids,
            tuple(options),
            half,
            uplift,
            np.zeros_like(uplift),
            np.clip(half[:, None] + uplift, 0.0, 1.0),
            ones * np.float32(WORTH_UNIT),
            (Redemption(0.0, 0.0),) * len(options),
            np.ones_like(uplift),
            ones * 0,
            {},
        )
