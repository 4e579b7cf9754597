"""Re-optimization within the day: only what is open, only where something matters, few changes where little has changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from assets.cycles import next_revision, read_json, revisions, write_frame, write_json
from assets.deciding import Gathered, gather, keep
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.models import kept_model
from assets.problems import keep_problem
from assets.releasing import WITHDRAWS, Office, decisions_of, part_of, propose, release_by_policy
from ml.decision import Decided, decide
from ml.entities import NONE
from ml.explain.changes import Worth, explain_changes, summary
from ml.knowledge import Knowledge, Moment
from ml.news import News, news_of, refreshed
from ml.policy.standing import NEEDED, standing
from ml.response.scores import Scores
from ml.response.store import with_threads

KEEP_BONUS: Final = 0.01
"""Money by which another choice must be better before an open message is replaced: noise in a price must not move it."""
CURSOR: Final = "reoptimization.json"
CHANGES: Final = "changes.parquet"
"""In a re-optimization's folder: each change with its reason (`ml.explain.changes.COLUMNS`)."""


@dataclass(frozen=True)
class Reoptimized:
    """What became of what came in. `cycle_id` is None where nothing was decided anew."""

    words: str
    cycle_id: str | None = None
    state: str | None = None
    cancelled: int = 0
    messages: Mapping[str, int] = field(default_factory=dict)
    people: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)

    def to_metadata(self) -> dict[str, Any]:
        """Figures for the asset."""
        return {
            "decision": self.words,
            "cycle": self.cycle_id or "unchanged",
            "withdrawn": self.cancelled,
            "new_messages": sum(self.messages.values()),
            "people_reconsidered": self.people,
            "open_messages_kept": self.changes.get("kept", 0),
            "changes_by_news": json.dumps(self.changes.get("by_news", {})),
            **{f"seconds_{phase.replace(' ', '_')}": seconds for phase, seconds in self.seconds.items()},
        }


def reoptimize(office: Office, day: date, at: datetime, *, seed: int, threads: int) -> Reoptimized:
    """Look at what came in since the last look, and decide the open rest of the day anew where it matters.

    People who were sent something today are left as they are; so is an open message unless another choice is clearly
    better. The new plan holds only what changes, and waits or is released by the same rules as the morning's.
    """
    morning = day.isoformat()
    if not revisions(office.home, day):
        return Reoptimized(f"no plan for {morning} yet: what came in waits for the cycle")
    since = office.ledger.outcomes.news_since(_cursor(office.home, day))
    news = news_of(_unknown_in_the_morning(office, since.frame, day), office.ledger.figures.handed_over_on(day))
    if not news.matters:
        _move_cursor(office.home, day, since.cursor)
        return Reoptimized(news.words)
    found = _decide_anew(office, day, at, news, seed, threads)
    _move_cursor(office.home, day, since.cursor)
    return found


def _decide_anew(office: Office, day: date, at: datetime, news: News, seed: int, threads: int) -> Reoptimized:
    home, ledger = office.home, office.ledger
    salt = f"wayfinder-{seed}"
    gathered = gather(home, ledger, office.configuration, day, at, salt=salt)
    still_open = ledger.outbox.open_messages(day)
    gathered = _rescored(home, gathered, news, threads)
    is_free = _is_free(gathered.known.customers["customer_id"], ledger, day, news, _waiting(office, day, at))
    gathered = _freed(_only(gathered, is_free), still_open, news)
    cycle_id = next_revision(home, day)
    moment = Moment(cycle_id, day, at, seed, salt=salt)
    warm = read_json(home.cycle(day.isoformat()) / "plan.json")["allocation"]["prices"]
    stands = standing([decisions_of(home, earlier, NEEDED) for earlier in revisions(home, day)], still_open)
    decided = decide(
        moment,
        gathered.known,
        gathered.configuration,
        gathered.room,
        threads=threads,
        warm_prices=warm,
        keeps=stands,
        keep_bonus=KEEP_BONUS,
    )
    freed = {str(name): float(cost) for name, cost in still_open.groupby("objective_id")["cost"].sum().items()}
    keep_problem(home, ledger, decided, gathered, cycle_id, seed, warm_prices=warm, freed=freed)
    changes, withdraws = _changes(decided.plan.decisions, still_open, news.ended)
    taken_back = still_open[still_open["message_id"].isin(withdraws)].merge(stands, how="left")
    reasons = _reasons(decided, gathered, taken_back, changes, news, warm)
    decided = replace(decided, plan=replace(decided.plan, decisions=changes))
    write_json({"withdraws": withdraws}, home.cycle(cycle_id) / WITHDRAWS)
    write_frame(reasons, home.cycle(cycle_id) / CHANGES)
    changed = {"news": news.words, **summary(reasons, len(still_open))}
    keep(home, decided, gathered, cycle_id, at, {"changes": changed})
    _close_unfinished(ledger, day, cycle_id, at)
    plans = propose(office, cycle_id, at)
    cancelled, messages = 0, {}
    for plan in plans:
        if plan.state == "proposed":
            counts = release_by_policy(office, plan, at)
            if counts:
                cancelled += counts.cancelled
                messages = dict(plan.summary["messages"])
    state = "waiting" if any(plan.state == "waiting" for plan in ledger.plans.list(cycle_id)) else "released"
    return Reoptimized(news.words, cycle_id, state, cancelled, messages, int(is_free.sum()), decided.seconds, changed)


def _reasons(
    decided: Decided,
    gathered: Gathered,
    taken_back: pd.DataFrame,
    made: pd.DataFrame,
    news: News,
    prices_before: Mapping[str, float],
) -> pd.DataFrame:
    ids = gathered.known.customers["customer_id"]
    worth = Worth(decided.problem, decided.allocation.prices, ids, KEEP_BONUS)
    currency = gathered.configuration.policy.currency
    return explain_changes(taken_back, made, news, worth, prices_before, currency=currency)


def _rescored(home: Home, gathered: Gathered, news: News, threads: int) -> Gathered:
    """Score those who showed interest again, with the model of the morning."""
    if news.begun.empty:
        return gathered
    known = gathered.known
    rows = refreshed(known.customers, news.begun)
    where = np.flatnonzero(known.customers["customer_id"].isin(rows["customer_id"]).to_numpy())
    model = with_threads(kept_model(home, gathered.versions["model_sha256"]), threads)
    fresh = model.score(rows, known.scores.options)
    if known.journeys is not None:
        fresh = known.journeys.corrected(fresh, rows, gathered.configuration.policy.journeys)
    customers = pd.concat([known.customers.drop(rows.index), rows]).loc[known.customers.index]
    scores = replace(
        known.scores,
        baseline=_put(known.scores.baseline, where, fresh.baseline),
        uplift=_put(known.scores.uplift, where, fresh.uplift),
        uplift_sd=_put(known.scores.uplift_sd, where, fresh.uplift_sd),
        propensity=_put(known.scores.propensity, where, fresh.propensity),
        amount=_put(known.scores.amount, where, fresh.amount),
        exposure=_put(known.scores.exposure, where, fresh.exposure),
        usual_discount=_put(known.scores.usual_discount, where, fresh.usual_discount),
    )
    return replace(gathered, known=replace(known, customers=customers, scores=scores))


def _is_free(customer_ids: pd.Series, ledger: Ledger, day: date, news: News, waits: set[str]) -> np.ndarray:
    """Who can still be decided: nobody to whom something left today, who has bought or left, or whose message waits for a person."""
    left = ledger.figures.reached_on(day)
    return np.asarray(~customer_ids.isin(left | news.ended | waits).to_numpy())


def _waiting(office: Office, day: date, at: datetime) -> set[str]:
    """People whom a plan of the day that waits would contact: its approval must not make two of one."""
    waits: set[str] = set()
    for plan in office.ledger.plans.waiting(at):
        if plan.cycle_id.startswith(day.isoformat()):
            held = part_of(plan, decisions_of(office.home, plan.cycle_id, ("customer_id", "objective_id", "channel")))
            waits |= set(held.loc[held["channel"] != NONE, "customer_id"])
    return waits


def _only(gathered: Gathered, is_free: np.ndarray) -> Gathered:
    known = gathered.known
    scores = known.scores
    kept = Scores(
        scores.customer_ids[is_free],
        scores.options,
        scores.baseline[is_free],
        scores.uplift[is_free],
        scores.uplift_sd[is_free],
        scores.propensity[is_free],
        scores.amount[is_free],
        scores.redemption,
        scores.exposure[is_free],
        scores.usual_discount[is_free],
        {},
    )
    people: Knowledge = replace(
        known,
        customers=known.customers[is_free].reset_index(drop=True),
        scores=kept,
        future_margin=known.future_margin[is_free],
        unit_values={name: values[is_free] for name, values in known.unit_values.items()},
    )
    return replace(gathered, known=people)


def _freed(gathered: Gathered, still_open: pd.DataFrame, news: News) -> Gathered:
    """Open messages are decided anew, so what they hold is room again; they aren't contacts yet. A failing channel has none."""
    room = gathered.room
    spend = still_open.groupby("channel")["cost"].sum()
    count = still_open["channel"].value_counts()
    by_objective = still_open.groupby("objective_id")["cost"].sum()
    contacts = gathered.known.contacts
    return replace(
        gathered,
        room=replace(
            room,
            total=None if room.total is None else room.total + float(spend.sum()),
            objectives={name: amount + float(by_objective.get(name, 0.0)) for name, amount in room.objectives.items()},
            channels={name: amount + float(spend.get(name, 0.0)) for name, amount in room.channels.items()},
            spent={name: amount - float(spend.get(name, 0.0)) for name, amount in room.spent.items()},
            capacity={
                name: 0.0 if name in news.failing else amount + float(count.get(name, 0))
                for name, amount in room.capacity.items()
            },
        ),
        known=replace(gathered.known, contacts=contacts[~contacts["message_id"].isin(still_open["message_id"])]),
    )


def _changes(
    decisions: pd.DataFrame, still_open: pd.DataFrame, ended: frozenset[str]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Decisions that differ from the open messages, and the messages that they take the place of.

    Returns:
        New contacts only; and, of people whose choice is another one now, or none, or who have bought or left, their open
        messages with the customer of each.
    """
    key = ["customer_id", "objective_id", "channel", "offer_id"]
    contacts = decisions[decisions["channel"] != NONE]
    chosen = pd.MultiIndex.from_frame(contacts[key])
    standing = pd.MultiIndex.from_frame(still_open[key])
    decided = set(decisions["customer_id"]) | ended
    reconsidered = still_open["customer_id"].isin(decided).to_numpy()
    gone = still_open[reconsidered & ~standing.isin(chosen)]
    return contacts[~chosen.isin(standing)].reset_index(drop=True), dict(
        zip(gone["message_id"], gone["customer_id"], strict=True)
    )


def _put(values: np.ndarray, where: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    changed = values.copy()
    changed[where] = fresh
    return changed


def _close_unfinished(ledger: Ledger, day: date, cycle_id: str, at: datetime) -> None:
    """Plans that a crash left proposed: this one is made from the same news and takes their place."""
    for plan in ledger.plans.list():
        if plan.state == "proposed" and plan.cycle_id.startswith(f"{day.isoformat()}."):
            ledger.plans.supersede(plan.plan_id, by_plan_id=cycle_id, at=at)


def _unknown_in_the_morning(office: Office, events: pd.DataFrame, day: date) -> pd.DataFrame:
    """Events that the day's first decisions couldn't rest on: after the cut-off, or received after they were made."""
    decided_at = datetime.fromisoformat(read_json(office.home.cycle(day.isoformat()) / "plan.json")["at"])
    cutoff_at = datetime.combine(day, time(), ZoneInfo(office.configuration.policy.time_zone))
    is_later = events["received_at"] > _naive(decided_at)
    return events[is_later | (events["occurred_at"] >= _naive(cutoff_at))]


def _naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)


def _cursor(home: Home, day: date) -> int:
    """Up to which event the day was looked at: from the cycle's own start on."""
    path = home.cycle(day.isoformat()) / CURSOR
    return int(read_json(path)["cursor"]) if path.exists() else 0


def _move_cursor(home: Home, day: date, cursor: int) -> None:
    """After the plan is committed: a crash before looks at the same events again, and finds its messages there already."""
    write_json({"cursor": cursor}, home.cycle(day.isoformat()) / CURSOR)
