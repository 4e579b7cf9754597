"""The whole configuration of a workspace, read and checked."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ml.configuration.actions import Actions
from ml.configuration.channels import ChannelSettings
from ml.configuration.identity import IdentityOverrides
from ml.configuration.objective import Objective
from ml.configuration.policy import Policy
from ml.configuration.problems import ConfigurationError, Problem, shown
from ml.entities import Channel
from ml.objectives.audience import AudienceError, parse


@dataclass(frozen=True)
class Configuration:
    """What the operator states.

    Attributes:
        objectives: In the order of their ids.
        channels: Settings of every channel of `actions.yaml`; `file` where none are given.
        folder: Where it was read from; templates are relative to it.
        version: First 16 hex digits of the SHA-256 over names and contents of all files, templates included.
        sources: File of each objective by its id, for messages.
        identity: What a person said about who is who.
    """

    objectives: list[Objective]
    actions: Actions
    policy: Policy
    channels: dict[Channel, ChannelSettings]
    folder: Path
    version: str
    sources: dict[str, str]
    identity: IdentityOverrides = field(default_factory=IdentityOverrides)

    def objective(self, objective_id: str) -> Objective:
        """The objective of that id.

        Raises:
            KeyError: There is none.
        """
        for objective in self.objectives:
            if objective.id == objective_id:
                return objective
        raise KeyError(f"no objective {objective_id!r}; there are {', '.join(o.id for o in self.objectives)}")

    def check_audience(self, columns: Iterable[str]) -> None:
        """See that every audience and manual rule is over columns that `dim_customers` has.

        Args:
            columns: The view's columns, `attr_` ones included.

        Raises:
            ConfigurationError: Every predicate over an unknown column.
        """
        known, problems = list(columns), []
        for objective in self.objectives:
            for key, where in predicates(objective):
                try:
                    parse(where).check(known)
                except AudienceError as error:
                    problems.append(Problem(self.sources[objective.id], 0, key, shown(where), str(error)))
        for name, where in self.policy.segments.items():
            try:
                parse(where).check(known)
            except AudienceError as error:
                problems.append(Problem("policy.yaml", 0, f"segments.{name}", shown(where), str(error)))
        if problems:
            raise ConfigurationError(problems)


def predicates(objective: Objective) -> list[tuple[str, str]]:
    """Key and text of every predicate in an objective."""
    rules = [(f"manual.{i}.where", rule.where) for i, rule in enumerate(objective.manual)]
    return [("audience.where", objective.audience.where), *rules]
