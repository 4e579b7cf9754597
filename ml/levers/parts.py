"""What the value of a contact is made of, as far as an operator's prices are in it; read only when one of them is moved."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from ml.allocation.candidates import Candidates
from ml.allocation.kernel import F32
from ml.levers.day import LeverError

if TYPE_CHECKING:
    from ml.policy.value import ValueTable  # reads the configuration, which a question about a stored plan never needs

FILE: Final = "value_parts.npz"


@dataclass(frozen=True, eq=False)
class ValueParts:
    """Of M candidates, in their order.

    Attributes:
        effect: Money that the contact causes: conversions caused, times what each is worth, float32 [M].
        redemptions: Times that its offer is expected to be redeemed, float32 [M].
        saved: What a redemption saves of the person's usual discount, money, float32 [M]; it costs no less than nothing.
    """

    effect: F32
    redemptions: F32
    saved: F32

    @classmethod
    def of(cls, table: "ValueTable", candidates: Candidates) -> "ValueParts":
        """The parts of a decision's candidates.

        Args:
            table: That the candidates' values come from; their columns are objective by objective, options within.
            candidates: As given to the allocation.
        """
        person = np.repeat(np.arange(candidates.people_count), np.diff(candidates.starts))
        objective, option = np.divmod(candidates.column.astype(np.int64), max(len(table.options), 1))
        objective %= max(len(table.objectives), 1)  # contacts made to learn are the same columns a second time
        effect = table.uplift[person, option] * table.unit_value[person, objective]
        redemptions, saved = (
            each[person, option].astype(np.float32) for each in (table.redemptions, table.offer_saved)
        )
        return cls(effect.astype(np.float32), redemptions, saved)

    def save(self, folder: Path) -> None:
        """Write the file, whole or not at all."""
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, effect=self.effect, redemptions=self.redemptions, saved=self.saved)
        aside = folder / f".{FILE}.writing"
        aside.write_bytes(buffer.getbuffer())
        aside.replace(folder / FILE)

    @classmethod
    def load(cls, folder: Path, count: int) -> "ValueParts":
        """Read the file of a problem with `count` candidates.

        Raises:
            LeverError: It isn't there, or is another problem's.
        """
        if not (folder / FILE).exists():
            raise LeverError(
                f"{folder.name} kept no parts of its values, so its prices can't be moved: ask a later cycle"
            )
        with np.load(folder / FILE, allow_pickle=False) as read:
            saved = read["saved"] if "saved" in read else np.zeros_like(read["effect"])  # a plan of an earlier version
            parts = cls(read["effect"], read["redemptions"], saved)
        if len(parts.effect) != count:
            raise LeverError(f"{folder.name}: {FILE} is another problem's; decide the cycle again")
        return parts
