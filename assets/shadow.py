"""A day decided by a challenger, beside what was decided: nothing is proposed, and nothing of it can leave.

A challenger is another model, or another configuration: what conversions are worth, risk, exploration. It decides from what
the day's own plan knew: the same people, contacts before it, and the same money. Other limits are a question for
`what-if`. Where what came of the day is known, both policies are valued on its log, and the challenger is held against
the plan that was used: it may be used where its value isn't below that.
"""

from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from assets.cycles import CHANCES, read_json, read_scores, write_frame, write_json
from assets.deciding import Gathered, gather, measured_values
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.plan_figures import day_of, figures_of
from assets.policy_log import DayLog, LogError, day_log, dense
from ml.configuration import Configuration
from ml.day_problem import Room
from ml.decision import Decided, decide
from ml.entities import NONE
from ml.evaluation.off_policy import Vector, difference, evaluate, support
from ml.knowledge import Moment
from ml.objectives.unit_value import UnitValue
from ml.policy.guardrails import guardrails_of
from ml.response.scores import Scores

SHADOW: Final = "shadow"
"""In a cycle's folder: a folder by name for each challenger that decided the day."""
SUPPORTED: Final = 0.95
"""Share of what a challenger would do that the day's own draws must have been able to show."""


@dataclass(frozen=True, eq=False)
class Challenger:
    """What decides instead.

    Attributes:
        name: Of the shadow run.
        configuration: What would be stated; the day's own where only the model is another.
        scores: Of another model for the day's people and options; None keeps the day's.
        model: Its version, to be shown.
    """

    name: str
    configuration: Configuration
    scores: Scores | None = None
    model: str | None = None


def shadow(
    home: Home,
    ledger: Ledger,
    configuration: Configuration,
    day: date,
    challenger: Challenger,
    *,
    seed: int,
    threads: int,
) -> dict[str, Any]:
    """Decide a day that has a plan with a challenger, keep it in the day's folder, and give the difference.

    Args:
        home: The workspace.
        ledger: What was known, and what was released.
        configuration: The one in force.
        day: The day.
        challenger: What decides instead.
        seed: Of the workspace, as on the day.
        threads: Cores to use.

    Returns:
        Figures of both plans, guardrails that each crosses, who would be treated differently, and the value by what came of
        it; plain values.
    """
    facts = read_json(home.cycle(day.isoformat()) / "plan.json")
    at = datetime.fromisoformat(facts["at"])
    moment = Moment(day.isoformat(), day, at, seed, salt=f"wayfinder-{seed}")
    gathered = gather(home, ledger, configuration, day, at, salt=moment.salt, is_shadow=True)
    challenged = _challenged(home, gathered, challenger, day)
    decided = decide(moment, challenged.known, challenged.configuration, Room(**facts["room"]), threads=threads)
    folder = home.cycle(day.isoformat()) / SHADOW / challenger.name
    write_frame(decided.plan.decisions, folder / "decisions.parquet")
    people = challenged.known.customers["customer_id"].to_numpy()
    write_frame(decided.chances.frame(people, decided.problem.columns.objectives), folder / CHANCES)
    used = pd.read_parquet(home.cycle(day.isoformat()) / "decisions.parquet")
    found = {
        "cycle_id": day.isoformat(),
        "name": challenger.name,
        "model": challenger.model or facts["versions"]["model"],
        "configuration": challenger.configuration.version,
        "used": _figures(home, ledger, gathered, used, day, at),
        "shadow": _figures(home, ledger, challenged, decided.plan.decisions, day, at),
        "people_different": _different(used, decided.plan.decisions),
        "gate": _gate(home, ledger, configuration, day, decided, threads),
    }
    write_json(found, folder / "difference.json")
    return found | {"folder": str(folder)}


def _challenged(home: Home, gathered: Gathered, challenger: Challenger, day: date) -> Gathered:
    """What was gathered for the day, with the challenger's scores and values, as the day's morning knew it."""
    known, stated = gathered.known, {each.id: each for each in challenger.configuration.objectives}
    scores = challenger.scores or known.scores
    arms = {each.id: each.arms for each in gathered.configuration.objectives}
    objectives = [stated[name].model_copy(update={"arms": arms[name]}) for name in arms if name in stated]
    configuration = Configuration(**{**vars(challenger.configuration), "objectives": objectives})
    values = measured_values(home, gathered.versions["generation_id"], configuration, day)["values"]
    worth = {name: UnitValue(**value).of_people(scores.amount) for name, value in values.items()}
    usable = [each for each in objectives if each.id in worth]
    earlier = known.contacts[~known.contacts["message_id"].isin(_messages_since(home, day))]
    return replace(
        gathered,
        known=replace(known, scores=scores, unit_values=worth, contacts=earlier),
        configuration=Configuration(**{**vars(configuration), "objectives": usable}),
    )


def _messages_since(home: Home, day: date) -> set[str]:
    """Ids of the messages that this day and later ones decided: the morning's plan couldn't know of them."""
    found: set[str] = set()
    for path in home.root.glob("cycles/*/decisions.parquet"):
        if path.parent.name[:10] >= day.isoformat():
            decided = pd.read_parquet(path, columns=["decision_id", "channel"])
            found |= {f"m-{name.removeprefix('d-')}" for name in decided.loc[decided["channel"] != NONE, "decision_id"]}
    return found


def _figures(
    home: Home, ledger: Ledger, gathered: Gathered, decisions: pd.DataFrame, day: date, at: datetime
) -> dict[str, Any]:
    """What a plan adds up to, and the guardrails that it crosses, as if it were the day's first."""
    contacts = decisions[decisions["channel"] != NONE]
    configuration = gathered.configuration
    whole = day_of(
        home, ledger, configuration, decisions, day.isoformat(), at, replaced=frozenset(_messages_since(home, day))
    )
    alone = replace(whole, today=whole.today.iloc[:0])
    bounds, crossed = guardrails_of(configuration.policy.guardrails), {}
    for objective in configuration.objectives:
        readings = [bound.read(figures_of(objective, alone, configuration)) for bound in bounds]
        crossed[objective.id] = [one.words for one in readings if one.is_crossed]
    return {
        "people": int(contacts["customer_id"].nunique()),
        "messages": {str(k): int(v) for k, v in contacts["channel"].value_counts().items()},
        "spend": {str(k): float(v) for k, v in contacts.groupby("channel")["contact_cost"].sum().items()},
        "value_expected": float(contacts["net_value"].sum()),
        "crossed": {name: words for name, words in crossed.items() if words},
    }


def _different(used: pd.DataFrame, other: pd.DataFrame) -> int:
    """People who would get something else, or nothing, or something instead of nothing."""
    told = ["customer_id", "objective_id", "channel", "offer_id"]
    sets = [set(each.loc[each["channel"] != NONE, told].itertuples(index=False, name=None)) for each in (used, other)]
    return len({row[0] for row in sets[0] ^ sets[1]})


def _gate(
    home: Home, ledger: Ledger, configuration: Configuration, day: date, decided: Decided, threads: int
) -> dict[str, Any]:
    """Whether the challenger may be used, by what came of the day; open where that isn't known."""
    if decided.column.shape[1] > 1:
        return {
            "verdict": "open",
            "reason": "plans with several contacts a person and cycle can't be valued on the log",
        }
    try:
        log = day_log(home, ledger, configuration, day, threads=threads)
    except LogError as error:
        return {"verdict": "open", "reason": str(error)}
    expected = _expected(home, day, decided, log)
    other = log.as_released(dense(decided.problem, decided.chance))
    shown = float(support(other, log.logging).mean()) if len(log.person) else 0.0
    gain = difference(log.rows, other, log.logging, expected)
    estimates = {name: asdict(one) for name, one in evaluate(log.rows, other, expected).items()}
    facts = {"estimates": estimates, "gain": asdict(gain), "support": shown, "rows": len(log.person)}
    if gain.interval == "none" or shown < SUPPORTED:
        reason = f"the day's draws could show {shown:.0%} of what it would do; {SUPPORTED:.0%} is needed to value it"
        return facts | {"verdict": "open", "reason": reason}
    words = f"{gain.value:+.4f} a person against the plan used (95 % {gain.low:+.4f} to {gain.high:+.4f})"
    return facts | {"verdict": "refused" if gain.value < 0 else "passed", "reason": words}


def _expected(home: Home, day: date, decided: Decided, log: DayLog) -> Vector:
    """Margin less contact cost that the day's own model expects, which hadn't seen what came of it, float [n, 1 + C]."""
    scores, columns = read_scores(home.cycle(day.isoformat()) / "scores.parquet"), decided.problem.columns
    amount, places = scores.amount[log.person].astype(np.float64), {str(o): k for k, o in enumerate(scores.options)}
    found = np.zeros((len(log.person), log.logging.shape[1]))
    found[:, 0] = scores.baseline[log.person] * amount
    for column in range(found.shape[1] - 1):
        option = places[columns.names[column].partition("/")[2]]
        found[:, column + 1] = scores.propensity[log.person, option] * amount - columns.unit_cost[column]
    found[:, log.withheld] = found[:, :1]
    return found
