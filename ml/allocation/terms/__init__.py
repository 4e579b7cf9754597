"""The terms that a problem may be made of: each a small class with its formula. A new one is a file and a line here."""

from ml.allocation.terms.base import Limit, Term, Totals
from ml.allocation.terms.budgets import ChannelBudget, ChannelSpendShare, ObjectiveBudget, TotalBudget
from ml.allocation.terms.contact_limit import ContactLimit
from ml.allocation.terms.volumes import ChannelCapacity, ContactVolume, ObjectiveQuota

__all__ = [
    "ChannelBudget",
    "ChannelCapacity",
    "ChannelSpendShare",
    "ContactLimit",
    "ContactVolume",
    "Limit",
    "ObjectiveBudget",
    "ObjectiveQuota",
    "Term",
    "TotalBudget",
    "Totals",
]
