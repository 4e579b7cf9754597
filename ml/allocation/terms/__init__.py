"""The terms that a problem may be made of: each a small class with its formula. A new one is a file and a line here."""

from ml.allocation.terms.base import Limit, Term, Totals
from ml.allocation.terms.budgets import (
    ChannelBudget,
    ChannelSpendShare,
    ExplorationBudget,
    ObjectiveBudget,
    SpendChange,
    TotalBudget,
)
from ml.allocation.terms.people import ContactFrequencyCap, ContactLimit, ExclusiveOffers, MinimumEffect
from ml.allocation.terms.response import ConcaveResponse
from ml.allocation.terms.risk import PosteriorDraw, RiskAversion
from ml.allocation.terms.volumes import ChannelCapacity, ContactVolume, ObjectiveQuota

__all__ = [
    "ChannelBudget",
    "ChannelCapacity",
    "ChannelSpendShare",
    "ConcaveResponse",
    "ContactFrequencyCap",
    "ContactLimit",
    "ContactVolume",
    "ExclusiveOffers",
    "ExplorationBudget",
    "Limit",
    "MinimumEffect",
    "ObjectiveBudget",
    "ObjectiveQuota",
    "PosteriorDraw",
    "RiskAversion",
    "SpendChange",
    "Term",
    "TotalBudget",
    "Totals",
]
