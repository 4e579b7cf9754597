"""What a trial of a table says of a channel, as a finding: where the next campaigns start from."""

from collections.abc import Mapping, Sequence
from datetime import date

from ml.entities import CHANNELS
from ml.evaluation.policy_value import mean_with_interval
from ml.learning.memory import Finding, of_trial
from ml.tables.errors import TableError
from ml.trials.fitting import Fitted


def channels_taught(words: Sequence[str]) -> dict[str, str]:
    """The channels that a table is to teach of, each with the action named for it; empty where none is.

    Args:
        words: `channel` or `channel=action` each.

    Raises:
        TableError: There is no such channel, or it is named twice.
    """
    found: dict[str, str] = {}
    for word in words:
        channel, _, action = (part.strip() for part in word.partition("="))
        if channel not in CHANNELS:
            raise TableError(f"--teaches {word}: no channel {channel!r}; there are {', '.join(CHANNELS)}")
        if channel in found:
            raise TableError(f"--teaches {word}: {channel} is there already; a table says one thing of a channel")
        found[channel] = action
    return found


def taught(fitted: Fitted, channels: Mapping[str, str], table: str, on: date) -> list[Finding]:
    """Findings of a trial.

    Args:
        fitted: What was learned of the table.
        channels: As `channels_taught` gives them; without an action, the only one.
        table: Name of the file.
        on: The day.

    Raises:
        TableError: The table has no effects on a 0/1 outcome, or no such action.
    """
    if not channels:
        return []
    if fitted.learned is None or fitted.prepared.kind == "continuous":
        raise TableError(
            "--teaches: only a table with a control (--action, --control) and an outcome of 0/1 says what a contact "
            "adds to the chance of a conversion"
        )
    names = fitted.model.actions[1:]
    found: list[Finding] = []
    for channel, named in channels.items():
        action = named or (names[0] if len(names) == 1 else "")
        if action not in names:
            raise TableError(f"--teaches {channel}={named}: write {channel}=ACTION, with one of {', '.join(names)}")
        found.append(of_trial(channel, _effect(fitted, names.index(action)), fitted.model.facts["rows"], table, on))
    return found


def _effect(fitted: Fitted, place: int) -> tuple[float, float, float]:
    """Mean doubly robust effect of an action with its 95 % interval."""
    learned = fitted.learned
    if learned is None:
        raise ValueError("a table without a control has no effects")
    robust = learned.choice.robust
    found = mean_with_interval(robust[:, place + 1] - robust[:, 0], learned.trial.weight)
    return found.value, found.low, found.high
