"""What an answer needs of somebody who carries messages and outcomes besides the files; a sandbox is one."""

from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa


class Relay(Protocol):
    """Brings messages that came another way, and takes outcomes that are told another way."""

    @property
    def outbound(self) -> Path:
        """A mailbag like the product's ``outbound/``."""

    def take(self, outcomes: pa.Table, name: str) -> pa.Table:
        """Takes what it will tell itself, and remembers it until it is told.

        Args:
            outcomes: The contract's ``outcomes`` that are told now.
            name: Of the interval; the same interval again replaces what was taken for it.

        Returns:
            The others, for landing.
        """

    def tell(self) -> dict[str, Any]:
        """Tells all that was taken and not told yet; called when the answer is in force.

        Returns:
            Counts.
        """
