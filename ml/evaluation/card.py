"""The model card: what a model is, what it was learned from, how good it is, and what it can't know."""

from collections.abc import Mapping
from typing import Any

from ml.entities import NONE
from ml.response.evidence import RANDOMISED_SHARE, WEIGHT_LIMIT
from ml.response.model import ResponseModel
from ml.response.person_factor import PersonFactor
from ml.response.redemption import Redemption

_BASELINES = {
    "not_contacted": "people who weren't contacted fix its level",
    "everyone": "nobody was left alone in the training rows: what a contact causes can't be told, and uplift is 0",
    "prior": "a cold start: the same rate for everyone, no row of history",
}
_KINDS = {
    "randomised": "differences are caused by the contact",
    "observational": "differences are only as good as the features that explain who was chosen",
    "none": "no contact in history: the effect is that of the other channels, or assumed",
}


def model_card(model: ResponseModel, metrics: Mapping[str, float]) -> str:
    """The card as Markdown."""
    facts = model.facts
    lines = [
        "# Response model",
        "",
        "Chance to convert within the horizon when left alone, the difference that each channel and offer makes on average,",
        "how far a person's departs from it, and the expected margin of a conversion. Averages compare drawn contacts with",
        "people left alone who are like those contacted; each channel and offer is drawn towards its neighbours.",
        "",
        "## Learned from",
        "",
        _counts(facts),
        f"- {len(model.spec.names)} features; left out: {_left_out(model)}",
        f"- baseline: {_BASELINES[model.baseline.learned_from]}",
        f"- amount: {_amount(model)}, mean {model.amount.mean:.2f}",
        f"- who differs: {_personal(model)}",
        "",
        "## Evidence by channel",
        "",
        "| channel | evidence | contacts | conversions | probability known | weights clipped | looked at | effect, points |",
        "|---|---|---|---|---|---|---|---|",
        *(_channel_row(model, position) for position in range(len(model.evidence))),
        "",
        *(
            f"- **{kind}**: {meaning}"
            for kind, meaning in _KINDS.items()
            if any(e.kind == kind for e in model.evidence)
        ),
        *(f"- **{channel}** {change.words}" for channel, change in model.changes.items() if change.is_likely),
        "",
        f"Randomised means a known probability below 1 for at least {RANDOMISED_SHARE:.0%} of the contacts.",
        f"Inverse-propensity weights, of the baseline, are clipped at {WEIGHT_LIMIT:g} times their channel's mean.",
        "",
        "Looked at: the share of contacts whose people opened, answered or came within the horizon, where the channel tells. Who is",
        "likelier to look is moved and redeems in proportion."
        + (
            f" To other channels on screens {model.exposure.alike:.0%} of these differences (in logs) are carried over."
            if any(model.exposure.is_carried_to(each.channel) for each in model.evidence)
            else ""
        ),
        "",
        "## Offers",
        "",
        "| offer | redeemed by who comes anyway | by whom it brought | of the usual discount replaced |",
        "|---|---|---|---|",
        *(_offer_row(offer, shares) for offer, shares in model.redemption.items() if offer != NONE),
        "",
        f"The usual discount is {model.usual_discount.mean:.2f} a sale without an offer; what an offer replaces of it, it doesn't cost.",
        "",
        "## On people held out",
        "",
        "| figure | value |",
        "|---|---|",
        *(f"| {name} | {value:.6g} |" for name, value in sorted(metrics.items())),
        "",
    ]
    return "\n".join(lines)


def _counts(facts: Mapping[str, Any]) -> str:
    rows = f"{facts.get('rows', 0)} rows of {facts.get('people', 0)} people on {facts.get('days', 0)} days"
    days = f"({facts.get('first_day')} to {facts.get('last_day')})"
    return f"- {rows} {days}, {facts.get('contacts', 0)} contacts, {facts.get('conversions', 0)} conversions"


def _amount(model: ResponseModel) -> str:
    return "the constant mean" if model.amount.forest.is_empty else "trees"


def _personal(model: ResponseModel) -> str:
    personal = model.personal
    if personal.is_silent:
        return "nobody for certain: held-out people support no difference, so everybody has the average of channel and offer"
    if isinstance(personal.learner, PersonFactor):
        return (
            f"learner `{personal.name}`: the level of each channel and offer times a factor of the person; the log of its odds "
            f"against the same for everybody is {personal.learner.evidence:.1f} (standard deviation of its own log {personal.slope_sd:.2f})"
        )
    return (
        f"learner `{personal.name}`; {personal.slope:.2f} of its differences are used, the lower bound of what held-out "
        f"people support (standard deviation {personal.slope_sd:.2f})"
    )


def _left_out(model: ResponseModel) -> str:
    return "; ".join(f"{name} ({reason})" for name, reason in model.spec.left_out.items()) or "none"


def _channel_row(model: ResponseModel, position: int) -> str:
    evidence = model.evidence[position]
    learner, line = model.personal.learner, model.exposure.lines.get(evidence.channel)
    averages = learner.levels if isinstance(learner, PersonFactor) else model.averages
    average = averages.channels.get(evidence.channel, averages.pooled)
    looked = "not told" if line is None else f"{line.rate:.0%}"
    return (
        f"| {evidence.channel} | {evidence.kind} | {evidence.contacts} | {evidence.conversions} "
        f"| {evidence.known_share:.0%} | {evidence.clipped_share:.1%} | {looked} "
        f"| {100 * average.mean:+.3f} ± {100 * average.sd:.3f} |"
    )


def _offer_row(offer: str, shares: Redemption) -> str:
    return f"| {offer} | {shares.anyway:.0%} | {shares.caused:.0%} | {shares.replaces:.0%} |"
