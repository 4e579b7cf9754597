"""What must hold between the files: names that refer to each other, templates that exist, audiences that parse."""

from collections.abc import Iterator
from pathlib import Path

from ml.configuration.actions import Actions
from ml.configuration.configuration import predicates
from ml.configuration.objective import Objective
from ml.configuration.policy import Policy
from ml.configuration.problems import Problem, did_you_mean, shown
from ml.configuration.sensitive import sensitive_words
from ml.configuration.yaml_reader import Document, Key, dotted
from ml.entities import AUDIENCES, NONE, OTHER
from ml.objectives.audience import AudienceError, parse


def check_actions(actions: Actions, document: Document, folder: Path) -> Iterator[Problem]:
    """References within `actions.yaml`, and the templates on disk."""
    for name, creative in actions.creatives.items():
        at: Key = ("creatives", name)
        if creative.channel not in actions.channels:
            yield _problem(
                document,
                (*at, "channel"),
                creative.channel,
                "this channel has no terms (cost, capacity) under channels: add them",
            )
        if creative.offer not in actions.offers:
            remedy = f"there is no such offer.{did_you_mean(creative.offer, list(actions.offers))}"
            yield _problem(document, (*at, "offer"), creative.offer, remedy)
        elif (goes := actions.offers[creative.offer].channels) != "all" and creative.channel not in goes:
            yield _problem(
                document,
                (*at, "offer"),
                creative.offer,
                f"this offer doesn't go through {creative.channel}: add it to the offer's channels",
            )
        if creative.channel == "email" and creative.subject is None:
            yield _problem(document, (*at, "subject"), "", "is required: an e-mail has a subject")
        if not (folder / creative.template).is_file():
            yield _problem(
                document,
                (*at, "template"),
                creative.template,
                f"there is no such file in {folder.name}/: write the template or correct the name",
            )
    yield from _check_terms(actions, document)


def _check_terms(actions: Actions, document: Document) -> Iterator[Problem]:
    for i, group in enumerate(actions.exclusive_offers):
        for k, offer in enumerate(group):
            if offer not in actions.offers:
                remedy = f"there is no such offer.{did_you_mean(offer, list(actions.offers))}"
                yield _problem(document, ("exclusive_offers", i, k), offer, remedy)
        if len(set(group)) < max(2, len(group)):
            remedy = "name at least two offers, each once"
            yield _problem(document, ("exclusive_offers", i), ", ".join(group), remedy)
    if NONE in actions.offers and actions.offers[NONE].cost_when_redeemed:
        cost = actions.offers[NONE].cost_when_redeemed
        yield _problem(document, ("offers", NONE, "cost_when_redeemed"), cost, "the offer none gives nothing away: 0")
    used = {creative.channel for creative in actions.creatives.values()}
    for channel, terms in actions.channels.items():
        if channel not in used:
            yield _problem(
                document, ("channels", channel), "", "no creative uses this channel: add one, or remove the channel"
            )
        for i, slot in enumerate(terms.slots):
            if slot not in actions.slots:
                remedy = f"there is no such slot.{did_you_mean(slot, list(actions.slots))}"
                yield _problem(document, ("channels", channel, "slots", i), slot, remedy)


def check_objective(objective: Objective, document: Document, actions: Actions | None) -> Iterator[Problem]:
    """Audiences that parse, channels and offers that exist."""
    for key, where in predicates(objective):
        try:
            parse(where)
        except AudienceError as error:
            path: Key = tuple(int(part) if part.isdigit() else part for part in key.split("."))
            yield _problem(document, path, where, str(error))
    if words := sensitive_words(f"{objective.id} {objective.audience.where}"):
        for channel in sorted(objective.allowed_channels.intersection(AUDIENCES)):
            remedy = f"{words[0]} is sensitive and may not shape an ad audience: leave {channel} out of channels"
            yield _problem(document, ("audience", "where"), objective.audience.where, remedy)
    if actions is None:
        return
    yield from _unknown_channels(objective, document, actions)
    options = {(option.channel, option.offer_id) for option in actions.options()}
    for i, rule in enumerate(objective.manual):
        if (rule.channel, rule.offer) not in options:
            remedy = f"{rule.channel} with offer {rule.offer} isn't an action: actions.yaml has no creative for it"
            yield _problem(document, ("manual", i, "offer"), rule.offer, remedy)


def _unknown_channels(objective: Objective, document: Document, actions: Actions) -> Iterator[Problem]:
    for i, channel in enumerate([] if objective.channels == "all" else objective.channels):
        if channel not in actions.channels:
            yield _problem(
                document,
                ("channels", i),
                channel,
                "actions.yaml has no terms for this channel: add them, or leave it out",
            )


def check_segments(
    policy: Policy,
    policy_document: Document,
    objectives: list[tuple[Objective, Document]],
    actions: Actions | None,
    actions_document: Document,
) -> Iterator[Problem]:
    """Segments that parse, and those named elsewhere that exist."""
    for name, where in policy.segments.items():
        if name == OTHER:
            yield _problem(
                policy_document, ("segments", name), where, "is what everybody else is in: name it otherwise"
            )
        try:
            parse(where)
        except AudienceError as error:
            yield _problem(policy_document, ("segments", name), where, str(error))
    known = [*policy.segments, OTHER]
    for objective, document in objectives:
        for name, amount in objective.segment_quotas.items():
            if name not in known:
                yield _problem(document, ("segment_quotas", name), amount, _no_segment(name, known))
    for channel, terms in (actions.channels if actions else {}).items():
        for name, ceiling in (terms.response.by_segment if terms.response else {}).items():
            if name not in known:
                key: Key = ("channels", channel, "response", "by_segment", name)
                yield _problem(actions_document, key, ceiling, _no_segment(name, known))


def _no_segment(name: str, known: list[str]) -> str:
    return f"policy.yaml has no such segment.{did_you_mean(name, known)}"


def check_policy(policy: Policy, document: Document, actions: Actions | None) -> Iterator[Problem]:
    """What the policy needs of the actions."""
    if actions and "email" in actions.channels and policy.sender is None:
        yield _problem(
            document,
            ("sender",),
            "",
            'is required where e-mail is sent: {name: Shop, postal_address: "1 Main St, Springfield"}',
        )
    for channel, basis in policy.consent.items():
        if basis == []:
            yield _problem(
                document,
                ("consent", channel),
                "[]",
                "no basis would ever be accepted: name some, or remove the channel from actions.yaml",
            )


def check_ids(objectives: list[tuple[Objective, Document]]) -> Iterator[Problem]:
    """One file an id."""
    first: dict[str, str] = {}
    for objective, document in objectives:
        if objective.id in first:
            yield _problem(
                document, ("id",), objective.id, f"{first[objective.id]} has this id too: each objective needs its own"
            )
        first.setdefault(objective.id, document.file)


def _problem(document: Document, key: Key, value: object, remedy: str) -> Problem:
    return Problem(document.file, document.line(key), dotted(key), shown(value) if value != "" else "", remedy)
