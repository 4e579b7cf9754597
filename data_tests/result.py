"""What a suite says of a frame."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """An expectation that didn't hold.

    Attributes:
        expectation: What was expected, in snake case.
        column: Column, or columns joined by commas.
        count: Rows that broke it; all rows where the column itself is missing or of another type.
        row_keys: Keys of at most ten of them; never a value, since values may be personal data.
    """

    expectation: str
    column: str
    count: int
    row_keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line for a log or a screen."""
        rows = (
            f" ({', '.join(self.row_keys)}{', …' if self.count > len(self.row_keys) else ''})" if self.row_keys else ""
        )
        return f"{self.expectation} on {self.column}: {self.count} rows{rows}"


@dataclass(frozen=True)
class SuiteResult:
    """A frame's verdict.

    Attributes:
        suite: Name of the hand-over.
        passed: Whether every expectation held.
        failures: Those that didn't, in the suite's order.
        row_count: Rows checked.
        expectation_count: Expectations checked, those on columns and types included.
    """

    suite: str
    passed: bool
    failures: tuple[Failure, ...]
    row_count: int
    expectation_count: int
