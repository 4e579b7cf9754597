"""Published generations of the warehouse, and whether their gates passed: dispatch reads this again for itself."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, func, insert, select

from assets.ledger.columns import to_json
from assets.ledger.counters import insert_once
from assets.ledger.engine import reading, writing
from assets.ledger.tables import gate, generation


class Generations:
    """What was published and what was found out about it. A generation without a gate hasn't passed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def publish(
        self, generation_id: str, *, cycle_on: date, path: str, at: datetime, detail: Mapping[str, Any] | None = None
    ) -> bool:
        """Note a published generation. Returns whether it was new.

        Args:
            generation_id: `<cycle date>-<n>`.
            cycle_on: The day that it was built for.
            path: Relative to the home.
            at: Business time.
            detail: Facts such as row counts.
        """
        row = {
            "generation_id": generation_id,
            "cycle_on": cycle_on.isoformat(),
            "path": path,
            "detail": to_json(detail or {}),
            "published_at": at,
        }
        with writing(self._engine) as connection:
            return insert_once(connection, generation, row)

    def record_gate(self, generation_id: str, check: str, *, is_passed: bool, at: datetime, detail: str = "") -> None:
        """Note a check's result.

        The newest one of a check counts. `detail` names rows and rules, never values of people.
        """
        with writing(self._engine) as connection:
            connection.execute(
                insert(gate).values(
                    generation_id=generation_id, check_name=check, is_passed=is_passed, at=at, detail=detail
                )
            )

    def is_passed(self, generation_id: str) -> bool:
        """Whether at least one gate was recorded and the newest result of each passed."""
        with reading(self._engine) as connection:
            return has_passed(connection, generation_id)

    def latest(self) -> str | None:
        """The generation published last, whether or not its gates passed."""
        with reading(self._engine) as connection:
            newest = select(generation.c.generation_id).order_by(
                generation.c.published_at.desc(), generation.c.generation_id.desc()
            )
            return connection.execute(newest.limit(1)).scalar()

    def latest_of(self, cycle_on: date) -> str:
        """The generation published last for a day.

        Raises:
            LookupError: There is none.
        """
        of_day = select(generation.c.generation_id).where(generation.c.cycle_on == cycle_on.isoformat())
        newest = of_day.order_by(
            generation.c.published_at.desc(),
            func.length(generation.c.generation_id).desc(),
            generation.c.generation_id.desc(),
        )
        with reading(self._engine) as connection:
            found = connection.execute(newest.limit(1)).scalar()
        if found is None:
            raise LookupError(f"nothing is published for {cycle_on}: materialize published_generation for that day")
        return str(found)

    def next_id(self, cycle_on: date) -> str:
        """The id for another generation of a day."""
        with reading(self._engine) as connection:
            of_day = select(func.count()).select_from(generation).where(generation.c.cycle_on == cycle_on.isoformat())
            return f"{cycle_on.isoformat()}-{connection.execute(of_day).scalar_one() + 1}"


_RESULTS = select(gate.c.is_passed).where(
    gate.c.seq.in_(
        select(func.max(gate.c.seq)).where(gate.c.generation_id == bindparam("b_id")).group_by(gate.c.check_name)
    )
)


def has_passed(connection: Connection, generation_id: str) -> bool:
    """Whether the generation may be acted on, as seen by the caller's transaction."""
    results: Sequence[bool] = connection.execute(_RESULTS, {"b_id": generation_id}).scalars().all()
    return bool(results) and all(results)
