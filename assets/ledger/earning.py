"""The test that a level is raised or lowered by, as it was first stated, and what each cycle found."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import Engine, func, select

from assets.ledger.audit import record
from assets.ledger.counters import insert_once
from assets.ledger.engine import reading, writing
from assets.ledger.objectives import move
from assets.ledger.tables import autonomy_evidence, autonomy_test, plan
from ml.configuration.policy import AutonomyTest

if TYPE_CHECKING:  # a ledger is opened without waiting for scipy
    from ml.learning.advantage import Advantage
    from ml.policy.earning import Judgement

SYSTEM: Final = "system"
Facts = dict[str, Any]


class Earning:
    """Keeps tests and evidence, and moves levels on it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep_test(self, objective_id: str, stated: AutonomyTest, at: datetime) -> AutonomyTest:
        """The test of an objective: the one stated when it was first seen, whatever the policy says later.

        Args:
            objective_id: The objective.
            stated: The policy's now; kept where nothing is yet.
            at: Business time.
        """
        known = self.test(objective_id)
        if known is not None:
            return known
        with writing(self._engine) as connection:
            if insert_once(connection, autonomy_test, {"objective_id": objective_id, **stated.model_dump(), "at": at}):
                record(connection, kind="autonomy.test", subject=objective_id, detail=stated.model_dump(), at=at)
        return self.test(objective_id) or stated

    def test(self, objective_id: str) -> AutonomyTest | None:
        """The test that was stated for an objective, None before it was first seen."""
        mine = select(autonomy_test).where(autonomy_test.c.objective_id == objective_id)
        with reading(self._engine) as connection:
            row = connection.execute(mine).mappings().first()
        return None if row is None else AutonomyTest(**{name: row[name] for name in AutonomyTest.model_fields})

    def keep(
        self,
        objective_id: str,
        cycle_id: str,
        kind: Literal["arms", "breach"],
        level: str,
        judged: "Judgement",
        *,
        at: datetime,
        shown: "Advantage | None" = None,
    ) -> bool:
        """Keep what a cycle found, and move the level by it, in one transaction. What it has kept before stays.

        Args:
            objective_id: The objective.
            cycle_id: The cycle that found it.
            kind: Of its arms, or a breach.
            level: In force when it was judged.
            judged: What becomes of the level.
            at: Business time.
            shown: What the arms showed; None of a breach.

        Returns:
            Whether the level moved, or a raise was proposed.
        """
        row = {"objective_id": objective_id, "cycle_id": cycle_id, "kind": kind, "level": level, "at": at}
        row |= {"move": judged.move, "words": judged.words}
        row |= {"better": shown.better if shown else None, "worse": shown.worse if shown else None}
        with writing(self._engine) as connection:
            if not insert_once(connection, autonomy_evidence, row) or judged.move == "stays":
                return False
            why = f"{cycle_id}: {judged.words}"
            return move(connection, objective_id, judged.move, judged.level, of=level, by=SYSTEM, reason=why, at=at)

    def conduct(self, objective_id: str, since: date, before: date) -> tuple[int, int]:
        """Days on which the objective had a plan, and those on which one of its plans crossed a guardrail.

        Args:
            objective_id: The objective.
            since: The first day that counts.
            before: The first that doesn't.
        """
        days, bounds = plan.c.cycle_id, (since.isoformat(), before.isoformat())
        query = select(days, plan.c.objectives, plan.c.summary).where(days >= bounds[0], days < bounds[1])
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        own = [
            (row.cycle_id[:10], json.loads(row.summary)) for row in rows if objective_id in json.loads(row.objectives)
        ]
        crossed = {day for day, summary in own if summary.get("crossed", {}).get(objective_id)}
        return len({day for day, _ in own}), len(crossed)

    def newest(self) -> Mapping[str, Facts]:
        """What was found last of each objective: cycle_id, kind, level, move, better, worse, words, at."""
        last = select(func.max(autonomy_evidence.c.seq)).group_by(autonomy_evidence.c.objective_id)
        with reading(self._engine) as connection:
            rows = connection.execute(select(autonomy_evidence).where(autonomy_evidence.c.seq.in_(last))).mappings()
            return {
                row["objective_id"]: {k: v for k, v in row.items() if k not in ("seq", "objective_id")} for row in rows
            }

    def of_cycle(self, cycle_id: str) -> list[Facts]:
        """What a cycle found, by objective."""
        mine = select(autonomy_evidence).where(autonomy_evidence.c.cycle_id == cycle_id)
        with reading(self._engine) as connection:
            return [dict(row) for row in connection.execute(mine.order_by(autonomy_evidence.c.objective_id)).mappings()]
