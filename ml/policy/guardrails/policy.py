"""The guardrails that a policy asks for."""

from ml.configuration.policy import Guardrails
from ml.policy.guardrails.knowledge import DataAge, LiftLoss, ModelDrift
from ml.policy.guardrails.money import ChannelSpendShare, DiscountDepth, SpendAgainstPace, SpendChange
from ml.policy.guardrails.people import AudienceChange, AudienceSize, Complaints, FirstUses, WeeklyContacts
from ml.policy.guardrails.reading import Guardrail


def guardrails_of(bounds: Guardrails) -> list[Guardrail]:
    """The guardrails of a policy, money first."""
    every: list[Guardrail] = [
        SpendChange(bounds.spend_change_per_day),
        SpendAgainstPace(bounds.spend_over_pace),
        ChannelSpendShare(bounds.channel_spend_share),
        DiscountDepth(bounds.discount_depth),
        AudienceChange(bounds.audience_change),
        Complaints(bounds.complaint_rate),
        WeeklyContacts(bounds.weekly_contacts),
        FirstUses(bounds.new_actions),
        DataAge(bounds.data_age_hours),
        ModelDrift(bounds.score_drift),
        LiftLoss(bounds.lift_loss),
    ]
    return every if bounds.audience_people is None else [*every, AudienceSize(bounds.audience_people)]
