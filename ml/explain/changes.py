"""Why a re-optimization changes an open message: the news, what the old choice is worth now, and what the new one is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from ml.allocation.problem import Problem
from ml.allocation.solution import adjusted_values
from ml.entities import CHANNELS, NONE
from ml.news import News
from ml.policy.standing import credit_of

COLUMNS: Final = (
    "customer_id", "message_id", "decision_id", "old_objective_id", "old_option", "new_objective_id", "new_option",
    "news", "old_value", "old_adjusted_value", "new_value", "new_adjusted_value", "reason",
)  # fmt: skip
"""Of the frame of changes: a row for each message taken back or made, the two of one person side by side.

`*_value` is net value now, `*_adjusted_value` the same less what the scarce things that it uses are worth to others; missing
where there is no choice, or it isn't allowed any more. `news` is what came in, in a word: an event, `channel_fails`,
`not_allowed`, `randomized`, or `prices`.
"""
EVENT_WORDS: Final[dict[str, str]] = {
    "converted": "has bought",
    "unsubscribed": "has unsubscribed",
    "complained": "has complained",
    "bounced": "can't be reached at the address",
    "failed": "couldn't be reached",
    "replied": "has replied, and was scored again",
    "answered": "has answered a call, and was scored again",
    "clicked": "has clicked, and was scored again",
    "visited": "has visited, and was scored again",
}
_NOTICED: Final = 5e-5


@dataclass(frozen=True, eq=False)
class Worth:
    """What any contact is worth in a problem as it was solved.

    Attributes:
        problem: With the values of open messages raised by `keep_bonus`.
        prices: Shadow prices by limit.
        customer_ids: Of the table's people, in order.
        keep_bonus: Money by which the values of open messages were raised, beside what their draw gave up.
    """

    problem: Problem
    prices: Mapping[str, float]
    customer_ids: pd.Series
    keep_bonus: float = 0.0

    def of(self, rows: pd.DataFrame, *, is_open: bool) -> np.ndarray:
        """Net value now and the same after prices, float [n, 2]; missing where the contact isn't a candidate.

        Args:
            rows: customer_id, objective_id, channel, offer_id of n contacts, and `given_up` where a draw accepted a loss.
            is_open: Whether they are open messages, whose raised values are lowered again.
        """
        if rows.empty:
            return np.empty((0, 2))
        candidates, columns = self.problem.candidates, self.problem.columns
        adjusted = adjusted_values(self.problem, dict(self.prices))
        person = pd.Series(np.arange(len(self.customer_ids)), index=self.customer_ids.to_numpy())
        objectives = [columns.objectives[j] for j in columns.objective]
        column = {
            (o, CHANNELS[c], f): i
            for i, (o, c, f) in enumerate(zip(objectives, columns.channel, columns.offer_ids, strict=True))
        }
        found = np.full((len(rows), 2), np.nan)
        bonus = credit_of(rows, self.keep_bonus) if is_open else np.zeros(len(rows))
        for at, (customer, *contact) in enumerate(
            rows[["customer_id", "objective_id", "channel", "offer_id"]].to_numpy()
        ):
            i, c = person.get(customer), column.get(tuple(contact))
            if i is None or c is None:
                continue
            span = np.arange(candidates.starts[i], candidates.starts[i + 1])
            for j in span[candidates.column[span] == c]:
                found[at] = candidates.value[j] - bonus[at], adjusted[j] - bonus[at]
        return found


def explain_changes(
    taken_back: pd.DataFrame,
    made: pd.DataFrame,
    news: News,
    worth: Worth,
    prices_before: Mapping[str, float],
    *,
    currency: str,
) -> pd.DataFrame:
    """A row for each change, with its reason.

    Args:
        taken_back: message_id, customer_id, objective_id, channel, offer_id of open messages that are withdrawn.
        made: decision_id, customer_id, objective_id, channel, offer_id, arm, net_value, adjusted_value of new contacts.
        news: What came in.
        worth: Of any contact now.
        prices_before: Shadow prices of the decision that the open messages are from.
        currency: Of the workspace.

    Returns:
        `COLUMNS`, in the order of customer_id.
    """
    old = _sides(taken_back, "old", "message_id").assign(
        **dict(zip(("old_value", "old_adjusted_value"), worth.of(taken_back, is_open=True).T, strict=True))
    )
    new = _sides(made, "new", "decision_id").assign(
        new_value=made["net_value"].to_numpy(dtype=float),
        new_adjusted_value=made["adjusted_value"].to_numpy(dtype=float),
        arm=made["arm"].astype(str).to_numpy(),
    )
    frame = old.merge(new, on=["customer_id", "place"], how="outer").sort_values(["customer_id", "place"])
    for name in ("old_option", "new_option"):
        frame[name] = frame[name].astype(object).where(frame[name].notna(), NONE)
    rows = frame.to_dict("records")
    moved = price_words(prices_before, worth.prices)
    frame["news"] = [news_word(row, news) for row in rows]
    frame["reason"] = [_reason(row, word, moved, currency) for row, word in zip(rows, frame["news"], strict=True)]
    return frame[list(COLUMNS)].reset_index(drop=True)


def _sides(contacts: pd.DataFrame, side: str, key: str) -> pd.DataFrame:
    """One side of the changes; several of a person are paired in their order."""
    ordered = contacts.reset_index(drop=True)
    return pd.DataFrame(
        {
            "customer_id": ordered["customer_id"].astype(object),
            "place": ordered.groupby("customer_id").cumcount(),
            key: ordered[key].astype(object),
            f"{side}_objective_id": ordered["objective_id"].astype(object),
            f"{side}_option": ordered["channel"].astype(str) + ":" + ordered["offer_id"].astype(str),
        }
    )


def news_word(row: Mapping[Any, Any], news: News) -> str:
    """What of the news changed this person's choice."""
    known = news.events.get(row["customer_id"])
    if known is not None:
        return known
    old = row["old_option"]
    if old != NONE and old.partition(":")[0] in news.failing:
        return "channel_fails"
    if row.get("arm") not in {"system", None} and isinstance(row.get("arm"), str):
        return "randomized"
    if old != NONE and np.isnan(row["old_value"]):
        return "not_allowed"
    return "prices"


def price_words(before: Mapping[str, float], now: Mapping[str, float]) -> str:
    """Which price of what is scarce moved most, in words; empty where none did."""
    names = {*before, *now}
    name = max(sorted(names), key=lambda each: abs(now.get(each, 0.0) - before.get(each, 0.0)), default=None)
    if name is None or abs(now.get(name, 0.0) - before.get(name, 0.0)) < _NOTICED:
        return ""
    return f"one more of {name} is worth {now.get(name, 0.0):,.4f} now, {before.get(name, 0.0):,.4f} before"


def _reason(row: Mapping[Any, Any], word: str, moved: str, currency: str) -> str:
    causes = {
        "channel_fails": f"{row['old_option'].partition(':')[0]} fails for most of its messages",
        "not_allowed": "what stood isn't allowed any more (consent, a suppression, a cap, or its window has passed)",
        "randomized": f"the {row.get('arm')} arm's choice, drawn and not weighed",
        "prices": f"others' news freed or took what is scarce{': ' if moved else ''}{moved}",
    }
    cause = causes.get(word) or f"the person {EVENT_WORDS.get(word, word)}"
    return f"{cause}; {_weighed(row, currency)}"


def _weighed(row: Mapping[Any, Any], currency: str) -> str:
    old, new = row["old_option"], row["new_option"]
    parts = []
    if old != NONE and not np.isnan(row["old_value"]):
        parts.append(f"{old} would be worth {_money(row['old_value'], row['old_adjusted_value'], currency)}")
    if new != NONE:
        parts.append(f"{new} is worth {_money(row['new_value'], row['new_adjusted_value'], currency)}")
    else:
        parts.append(f"{old} is taken back")
    return ", ".join(parts)


def _money(value: float, adjusted: float, currency: str) -> str:
    after = "" if abs(value - adjusted) < _NOTICED else f" ({adjusted:,.4f} after the prices of what is scarce)"
    return f"{value:,.4f} {currency} now{after}"


def summary(changes: pd.DataFrame, open_count: int) -> dict[str, Any]:
    """How much of what stood was changed, and why.

    Args:
        changes: As `explain_changes` gives them.
        open_count: Messages that were open.
    """
    taken = int(changes["message_id"].notna().sum())
    return {
        "open_before": open_count,
        "kept": open_count - taken,
        "taken_back": taken,
        "made": int(changes["decision_id"].notna().sum()),
        "changed_share": taken / open_count if open_count else 0.0,
        "by_news": {str(name): int(count) for name, count in changes["news"].value_counts().sort_index().items()},
    }
