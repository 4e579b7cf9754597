"""Bounds of a plan under supervision. Each is a small class: its formula, how far a plan is from it, what lifts it.

A guardrail bounds what could do harm: more spend, more people, older data. Doing less than expected isn't escalated.
A new one is a class in the module of what it looks at (`money`, `people`, `knowledge`), its bound in
`ml.configuration.policy.Guardrails`, and a line in `guardrails_of`.
"""

from ml.policy.guardrails.figures import PlanFigures
from ml.policy.guardrails.knowledge import DataAge, LiftLoss, ModelDrift
from ml.policy.guardrails.money import ChannelSpendShare, DiscountDepth, SpendAgainstPace, SpendChange
from ml.policy.guardrails.people import AudienceChange, AudienceSize, Complaints, FirstUses, WeeklyContacts
from ml.policy.guardrails.policy import guardrails_of
from ml.policy.guardrails.reading import Guardrail, Reading

__all__ = [
    "AudienceChange",
    "AudienceSize",
    "ChannelSpendShare",
    "Complaints",
    "DataAge",
    "DiscountDepth",
    "FirstUses",
    "Guardrail",
    "LiftLoss",
    "ModelDrift",
    "PlanFigures",
    "Reading",
    "SpendAgainstPace",
    "SpendChange",
    "WeeklyContacts",
    "guardrails_of",
]
