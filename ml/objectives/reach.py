"""Whether a target can be reached in the days left; if not, which limits conflict and the smallest move of each.

Most units over the rest are found on the fluid of `fluid.py`; its dual splits that most into what each limit holds:
`sum_r price_r number_r + what the people hold`. Limits that hold a part conflict with the target. A move is found by
letting one limit give way alone, rounded to a figure that an operator would state, and verified by solving again with it:
a mixture of plans that keeps everything and reaches the target.
"""

from collections.abc import Iterator
from dataclasses import replace
from math import ceil

import numpy as np

from ml.allocation.errors import Relaxation
from ml.allocation.infeasibility import moved_to
from ml.allocation.problem import Rows
from ml.allocation.terms import Limit
from ml.objectives.fluid import Fluid, Mixture, of_objective
from ml.objectives.question import Answer, Question
from ml.objectives.rest import DayLimits, People, rest_of_period
from ml.objectives.smallest import first_enough, smallest, stated
from ml.objectives.words import Figure, figure_of, target_words

HOLDS = 0.01
"""Part of the most that a limit must hold to be named."""
ENOUGH = 1e-3
"""Relative distance to the target that counts as reached: ten times what the fluid is solved to."""
_OTHERS = 1e4
_WIDENINGS = 5
_LONGEST = 4
"""Times the days left, the contacts or the people, beyond which no move is looked for."""


def can_be_reached(people: People, question: Question, limits: DayLimits, *, explains: bool = True) -> Answer:
    """Whether the target can be reached by the deadline within all limits.

    Args:
        people: Who stands for all.
        question: What is asked.
        limits: What a day allows.
        explains: Whether to look for conflicts and moves, some seconds, where it can't.
    """
    return _Asked(people, question, limits).answer(explains)


class _Asked:
    def __init__(self, people: People, question: Question, limits: DayLimits):
        self._people, self._question, self._limits = people, question, limits
        self._rest = rest_of_period(people, question.period_of(question.days), limits)
        self._rows = self._rest.problem.rows()
        self._fluid = Fluid(self._rest.problem)
        self._weights = of_objective(self._rest.problem, question.objective.id)

    def answer(self, explains: bool) -> Answer:
        rows = self._rows
        found = self._fluid.best(rows, unit_weights=self._weights)
        most = float(found.units @ self._weights) * self._rest.scale
        if not found.is_within_limits:
            return self._without_plan(rows, found, explains)
        if self._is_enough(most):
            return Answer(most, is_reachable=True, has_plan=True)
        if not explains:
            return Answer(most, is_reachable=False, has_plan=True)
        held = {limit.name: part for limit, part in self._held(rows, found) if part > HOLDS}
        limits = [limit for limit in self._rest.problem.limits if limit.name in held]
        limits.sort(key=lambda limit: -held[limit.name])
        moves = [self._target(most), *(self._move(limit) for limit in limits)]
        if found.people_worth > HOLDS * abs(found.bound):
            moves += [self._contacts(), self._audience(rows)]
        moves.append(self._deadline(most))
        if not any(moves[1:]):
            moves.append(self._together(limits))
        relaxations = tuple(move for move in moves if move is not None)
        names = ["target", *(limit.name for limit in limits)]
        names += ["contacts"] if found.people_worth > HOLDS * abs(found.bound) else []
        names += ["deadline"] if any(move.limit == "deadline" for move in relaxations) else []
        return Answer(
            most,
            is_reachable=False,
            has_plan=True,
            conflicts=tuple(names),
            words=tuple(self._words(names)),
            relaxations=relaxations,
        )

    def _is_enough(self, units: float) -> bool:
        return units >= self._question.needed * (1 - ENOUGH)

    def _held(self, rows: Rows, found: Mixture) -> Iterator[tuple[Limit, float]]:
        """Each limit and the part of the most that it holds; a minimum by what keeping it costs."""
        size, spend = abs(found.bound) or 1.0, float(found.contacts @ self._rest.problem.columns.unit_cost)
        numbers = [float(limit.number.value) for limit in self._rest.problem.limits]
        # A share's row has 0 on its right side: what it holds is its price times the money that the share lets through.
        uses = [
            number * spend if limit.unit == "share" else bound
            for limit, number, bound in zip(self._rest.problem.limits, numbers, rows.bound, strict=True)
        ]
        parts = np.abs(found.prices * uses) / size
        return zip(self._rest.problem.limits, (float(part) for part in parts), strict=True)

    def _words(self, names: list[str]) -> list[str]:
        question = self._question
        words = {
            "target": f"a target of {target_words(question.objective, question.goal, question.goal)}",
            "contacts": f"{_caps_words(self._limits)} to the people in the audience",
            "deadline": f"the deadline of {question.objective.ends_on}",
        }
        for limit in self._rest.problem.limits:
            figure = self._figure(limit)
            words[limit.name] = f"{figure.noun} of {figure.say(figure.of(float(limit.number.value)))}"
        return [words[name] for name in names]

    def _figure(self, limit: Limit) -> Figure:
        return figure_of(limit, self._rest, self._question.spent)

    def _reached_with(self, rows: Rows, *, for_target: bool = True) -> bool:
        return self._is_reached_in(self._fluid, rows, self._rest.scale if for_target else np.inf)

    def _is_reached_in(self, fluid: Fluid, rows: Rows, scale: float) -> bool:
        """Whether a mixture keeps the limits and reaches what is needed, one unit of it standing for `scale`."""
        needed = self._question.needed * (1 - ENOUGH) / scale
        found = fluid.best(rows, unit_weights=self._weights, until=needed)
        return found.is_within_limits and float(found.units @ self._weights) >= needed * (1 - 1e-9)

    def _target(self, most: float) -> Relaxation | None:
        question = self._question
        goal = question.goal - question.needed + most
        if goal <= 0:
            return None
        words = (
            f"lower the target from {target_words(question.objective, question.goal, question.goal)} "
            f"to {target_words(question.objective, goal, question.goal)}"
        )
        return Relaxation("target", words, question.goal, goal, is_verified=True)

    def _move(self, limit: Limit, *, for_target: bool = True) -> Relaxation | None:
        """The smallest move of one limit that leaves room for the target, or for any plan; None where it doesn't alone."""
        needed = self._given_way(limit, for_target)
        if needed is None:
            return None
        figure, number = self._figure(limit), float(limit.number.value)
        for widening in range(_WIDENINGS):
            slack = ENOUGH * (2**widening - 1) * abs(needed)
            moved = stated(figure.of(needed - slack if limit.is_minimum else needed + slack), figure.step, limit)
            with moved_to(limit, figure.back(moved)):
                rows = self._rest.problem.rows() if limit.unit == "share" else self._rest.rows_like(self._rows)
            is_enough = self._reached_with(rows, for_target=for_target)
            if is_enough:
                was, verb = figure.of(number), "lower" if limit.is_minimum else "raise"
                words = f"{verb} {figure.noun} from {figure.say(was)} to {figure.say(moved)}"
                return Relaxation(limit.name, words, was, moved, is_verified=True)
        return None

    def _given_way(self, limit: Limit, for_target: bool) -> float | None:
        """The limit's number at which the others leave room; None where none does."""
        rows = self._rows
        if for_target:
            rows = rows.followed_by(self._quota(self._question.needed * (1 - ENOUGH) / self._rest.scale))
        row = rows.names.index(limit.name)
        relief = np.where(rows.bound < 0, _OTHERS, np.inf)
        relief[row] = 1.0
        found = self._fluid.best(rows, relief=relief)
        if (np.delete(found.broken, row) > ENOUGH * np.abs(np.delete(rows.bound, row))).any():
            return None
        return self._own_figure(limit, found)

    def _quota(self, units: float) -> Rows:
        """The target as a row: at least so many units."""
        columns = len(self._weights)
        return Rows(("target",), np.zeros((1, columns)), -self._weights.reshape(1, 1, columns), np.array([-units]))

    def _own_figure(self, limit: Limit, found: Mixture) -> float:
        totals = self._rest.problem.totals
        totals.contacts.value = found.contacts
        totals.conversions.value = found.units[None]
        return float(limit.reached.value)

    def _contacts(self) -> Relaxation | None:
        """More contacts a person, where a cap over all channels is what holds them."""
        caps = [cap for cap in self._limits.caps if cap.channels == "all"]
        if not caps:
            return None
        tightest = min(caps, key=lambda cap: cap.max / cap.days)

        def wider(most: int) -> DayLimits:
            wanted = [
                cap.model_copy(update={"max": max(cap.max, ceil(most * cap.days / tightest.days))})
                if cap.channels == "all"
                else cap
                for cap in self._limits.caps
            ]
            return replace(self._limits, caps=wanted)

        if wider(_LONGEST * tightest.max).contacts_a_day <= self._limits.contacts_a_day:
            return None

        def is_enough(most: int) -> bool:
            return self._is_reached_by(self._people, self._question.days, wider(most))

        most = first_enough(is_enough, tightest.max + 1, _LONGEST * tightest.max)
        if most is None:
            return None
        words = f"raise the contacts of a person from {tightest.max} to {most} in {tightest.days} days"
        return Relaxation("contacts", words, float(tightest.max), float(most), is_verified=True)

    def _audience(self, rows: Rows) -> Relaxation | None:
        """More people of the same kind: all limits and the target are spread over more of them."""

        def is_enough(percent: int) -> bool:
            more = 1 + percent / 100
            spread = Rows(rows.names, rows.contacts, rows.conversions, rows.bound / more)
            return self._is_reached_in(self._fluid, spread, self._rest.scale * more)

        percent = smallest(is_enough, 1, 100 * (_LONGEST - 1))
        if percent is None:
            return None
        words = f"widen the audience by {percent} % more people of the same kind"
        return Relaxation("audience", words, 1.0, 1 + percent / 100, is_verified=True)

    def _deadline(self, most: float) -> Relaxation | None:
        days = self._question.days

        def is_enough(more: int) -> bool:
            return self._is_reached_by(self._people, days + more, self._limits)

        guess = days * (self._question.needed / most - 1) if most > 0 else None
        more = smallest(is_enough, 1, (_LONGEST - 1) * max(days, 10), guess)
        if more is None:
            return None
        day = "day" if more == 1 else "days"
        words = f"move the deadline from {self._question.objective.ends_on} by {more} {day}"
        return Relaxation("deadline", words, float(days), float(days + more), is_verified=True)

    def _is_reached_by(self, people: People, days: int, limits: DayLimits) -> bool:
        rest = rest_of_period(people, self._question.period_of(days), limits)
        return self._is_reached_in(Fluid(rest.problem, self._fluid.prices), rest.rows_like(self._rows), rest.scale)

    def _together(self, limits: list[Limit]) -> Relaxation | None:
        """All limits that hold a part, raised by the same percentage."""
        rows = self._rows
        held = np.array([limit in limits for limit in self._rest.problem.limits]) & (rows.bound > 0)

        def is_enough(percent: int) -> bool:
            return self._reached_with(replace(rows, bound=np.where(held, rows.bound * (1 + percent / 100), rows.bound)))

        percent = smallest(is_enough, 1, 100 * (_LONGEST - 1)) if held.any() else None
        if percent is None:
            return None
        nouns = ", ".join(self._figure(limit).noun for limit in limits if limit.unit != "share")
        return Relaxation("together", f"raise each of {nouns} by {percent} %", 1.0, 1 + percent / 100, is_verified=True)

    def _without_plan(self, rows: Rows, found: Mixture, explains: bool) -> Answer:
        """Minimums that can't be kept, whatever the target: those conflict whose move leaves a plan."""
        if not explains:
            return Answer(0.0, is_reachable=False, has_plan=False)
        priced = found.prices * np.abs(rows.bound)
        limits = [
            limit
            for limit, part in zip(self._rest.problem.limits, priced, strict=True)
            if part > HOLDS * priced.max(initial=0.0)
        ]
        moves = [self._move(limit, for_target=False) for limit in limits]
        names = [limit.name for limit in limits]
        kept = tuple(move for move in moves if move is not None)
        return Answer(
            0.0,
            is_reachable=False,
            has_plan=False,
            conflicts=tuple(names),
            words=tuple(self._words(names)),
            relaxations=kept,
        )


def _caps_words(limits: DayLimits) -> str:
    caps = [f"{cap.max} contacts in {cap.days} days" for cap in limits.caps if cap.channels == "all"]
    return " and ".join(caps) or f"{limits.contacts} contacts a cycle"
