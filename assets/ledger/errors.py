"""What the ledger refuses, in its own words. Each error says what to do instead."""


class LedgerError(Exception):
    """The ledger refused or can't go on."""


class PlanConflict(LedgerError):  # noqa: N818 - a domain noun
    """The plan id is taken by other decisions: decisions of a cycle never change once proposed."""


class PlanRefused(LedgerError):  # noqa: N818 - a domain noun
    """The plan has no authority for what was asked.

    Rejected, expired, unapproved, or its data never passed the gates.
    """


class BudgetExceeded(LedgerError):  # noqa: N818 - a domain noun
    """The messages would cost more than a cap leaves. Nothing was released."""


class BadMessages(LedgerError):  # noqa: N818 - a domain noun
    """The messages handed in can't be kept as they are."""
