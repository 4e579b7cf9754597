"""A day of Wayfinder by the functions below its assets, without Dagster, MLflow, the outbox and what only people look at.

Landing, views, training rows, training and its gate, scores, creatives, the decision: each is the function that the asset of
that name calls, on the same files of the same home. What is left out: data tests, reports, lifts, rendering, and the
re-optimization within the day.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pandas as pd

from assets.conversations import keep_journeys, newest_journeys
from assets.creatives import creative_shares
from assets.cycles import CREATIVES, write_json, write_scores
from assets.deciding import gather, keep
from assets.duck import writer
from assets.frames import TrainingSources, read_mart, training_frame
from assets.home import Home
from assets.intake import land, prepare, record_messages, set_cycle, set_identity_overrides
from assets.propensity import MAX_TRAINING_ROWS, TRAINING_THREADS, history_of
from assets.publishing import MARTS, prune, publish
from benchmarks.value.views import Views
from ml.configuration import Configuration
from ml.decision import Decided, decide
from ml.entities import NONE
from ml.journeys.model import JourneyModel, Scans
from ml.knowledge import Moment
from ml.policy.value import contact_cost_of
from ml.response.fit import settings_of
from ml.response.model import ResponseModel
from ml.response.scores import Scores
from ml.response.store import with_threads
from ml.training import gate, train, trustworthy

MORNING: Final = time(5)
SEED: Final = 20260105
READ_BY_TRAININGS: Final = frozenset({"fct_customer_snapshots", "fct_clicks", "fct_exposures"})
READ_DAILY: Final = tuple(mart for mart in MARTS if mart not in READ_BY_TRAININGS)

Scoring = Callable[["Seen"], Scores]
"""What a policy believes of everybody in a day's view."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A day's view.

    Attributes:
        on: The day.
        generation_id: The published generation.
        customers: `dim_customers`.
    """

    on: date
    generation_id: str
    customers: pd.DataFrame


@dataclass
class Shop:
    """A workspace and what its owner's Wayfinder has learned.

    Attributes:
        home: The workspace.
        configuration: What the operator states.
        ledger: `Books`, or the ledger itself.
        views: The warehouse.
        model: The champion; None before the first training.
        trained_on: Day of the last training, whatever became of it.
        verdicts: What the gate said, by day.
        seed: Of all that is drawn.
    """

    home: Home
    configuration: Configuration
    ledger: Any
    views: Views
    model: ResponseModel | None = None
    trained_on: date | None = None
    verdicts: dict[str, str] = field(default_factory=dict)
    seed: int = SEED

    def at(self, on: date) -> datetime:
        """Five in the morning of a day in the workspace, UTC."""
        return datetime.combine(on, MORNING, ZoneInfo(self.configuration.policy.time_zone)).astimezone(UTC)

    def is_training_due(self, on: date) -> bool:
        """Whether a training is due, as `assets.due` has it."""
        every = timedelta(days=self.configuration.policy.training.every_days)
        return self.trained_on is None or on >= self.trained_on + every


def look(shop: Shop, on: date, *, learns: bool) -> Seen:
    """Take in what landed, bring the views up to date and publish them.

    Args:
        shop: The workspace.
        on: The day.
        learns: Whether training rows are wanted where a training is due.
    """
    at, policy = shop.at(on), shop.configuration.policy
    is_due = learns and shop.is_training_due(on)
    with writer(shop.home) as connection:
        prepare(connection)
        land(shop.home.root, connection, at=at.replace(tzinfo=None), known=())
        set_identity_overrides(connection, shop.configuration.identity.pairs())
        cutoff_at = datetime.combine(on, time(), ZoneInfo(policy.time_zone)).astimezone(UTC)
        set_cycle(
            connection,
            cycle_on=on,
            cutoff_at=cutoff_at.replace(tzinfo=None),
            received_by=at.replace(tzinfo=None),
            time_zone=policy.time_zone,
            lapsing_days=policy.lifecycle.lapsing_days,
            lapsed_days=policy.lifecycle.lapsed_days,
            margin_share=policy.margin_share,
            horizon_days=policy.training.horizon_days,
            is_training_due=is_due,
        )
    shop.views.build(with_training=is_due)
    generation_id = f"{on.isoformat()}-0"
    with writer(shop.home) as connection:
        publish(shop.home, connection, generation_id, MARTS if is_due else READ_DAILY)
    prune(shop.home, {generation_id})
    return Seen(on, generation_id, read_mart(shop.home, generation_id, "dim_customers"))


def learn(shop: Shop, seen: Seen, *, uses_past: bool = True) -> None:
    """Train where a training is due; the challenger takes the champion's place where the gate lets it.

    Args:
        shop: The workspace.
        seen: The day's view.
        uses_past: Whether contacts of campaigns before the first cycle teach anything.
    """
    if not shop.is_training_due(seen.on):
        return
    configuration = shop.configuration
    frame = rows_to_learn_from(shop, seen)
    if not uses_past and len(frame):
        frame = frame[frame["source"] == "cycle"].reset_index(drop=True)
    costs = contact_cost_of(configuration)
    trained = train(
        frame,
        configuration.actions.options(),
        seed=shop.seed,
        threads=TRAINING_THREADS,
        history=history_of(shop.home, seen.generation_id, configuration),
        costs=costs,
        settings=settings_of(shop.model),
    )
    verdict = gate(trained.model, shop.model, trained.validation, costs)
    shop.trained_on = seen.on
    shop.verdicts[seen.on.isoformat()] = verdict.reason
    if verdict.may_replace:
        shop.model = trained.model
    if shop.model is not None:
        _learn_of_conversations(shop, frame, shop.model)


def _learn_of_conversations(shop: Shop, frame: pd.DataFrame, response: ResponseModel) -> None:
    """As the asset `journeys` does; scans are only counted for what a contact makes possible, which is off."""
    rows = trustworthy(frame) if len(frame) else frame
    keep_journeys(shop.home, JourneyModel.fit(rows, response, shop.configuration.policy.journeys, Scans(0, 0), {}))


def rows_to_learn_from(shop: Shop, seen: Seen) -> pd.DataFrame:
    """The training frame of a day."""
    return training_frame(_sources(shop, seen), MAX_TRAINING_ROWS, shop.seed)


def _sources(shop: Shop, seen: Seen) -> TrainingSources:
    cycles = [path.parent for path in shop.home.root.glob("cycles/*/features.parquet")]
    policy = shop.configuration.policy
    return TrainingSources(
        shop.home.generation(seen.generation_id),
        tuple(sorted(path for path in cycles if path.name < seen.on.isoformat())),
        seen.on,
        policy.training.horizon_days,
        policy.time_zone,
        {path.name: shop.ledger.plans.withheld(path.name) for path in cycles},
        shop.configuration.actions.valid_days,
    )


def believed(shop: Shop, seen: Seen) -> Scores:
    """What the champion says of everybody.

    Raises:
        ValueError: Nothing was trained yet.
    """
    if shop.model is None:
        raise ValueError(f"{seen.on}: no model is in use; call `learn` on the first day")
    return with_threads(shop.model, 1).score(seen.customers, shop.configuration.actions.options())


def decide_day(shop: Shop, seen: Seen, scores: Scores) -> Decided:
    """Decide, and keep what later days learn from."""
    cycle_id, at = seen.on.isoformat(), shop.at(seen.on)
    folder = shop.home.cycle(cycle_id)
    write_scores(scores, folder / "scores.parquet")
    versions = {
        "generation_id": seen.generation_id,
        "model": "simulated",
        "model_sha256": "simulated",
        "configuration": shop.configuration.version,
        "journeys": newest_journeys(shop.home),
    }
    write_json(versions, folder / "versions.json")
    shares = creative_shares(shop.home, shop.ledger, shop.configuration, seen.generation_id, seen.on, shop.seed)
    write_json(shares, folder / CREATIVES)
    moment = Moment(cycle_id, seen.on, at, shop.seed, salt=f"wayfinder-{shop.seed}")
    gathered = gather(shop.home, shop.ledger, shop.configuration, seen.on, at, salt=moment.salt)
    decided = decide(moment, gathered.known, gathered.configuration, gathered.room, threads=1)
    keep(shop.home, decided, gathered, cycle_id, at)
    return decided


def tell_of_contacts(shop: Shop, seen: Seen, decisions: pd.DataFrame, recipients: pd.DataFrame) -> None:
    """Messages as the landing asset copies them from the ledger, so that touches are known the next day."""
    contacts = decisions[decisions["channel"] != NONE]
    if contacts.empty:
        return
    ids = recipients.set_index("customer_id")["contact_ids"]
    rows = contacts.assign(
        message_id="m-" + contacts["decision_id"].str.slice(2),
        handed_over_at=contacts["send_at"],
        cost=contacts["contact_cost"],
        contact_ids=[_as_json(each) for each in ids.loc[contacts["customer_id"]]],
    )
    with writer(shop.home) as connection:
        record_messages(connection, rows, (shop.at(seen.on) + timedelta(days=1)).replace(tzinfo=None))


def _as_json(ids: Any) -> str:
    return "[" + ", ".join(f'"{each}"' for each in ids) + "]"
