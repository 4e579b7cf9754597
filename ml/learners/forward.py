"""Who responds: a model chosen by how well it foretells rows that come later in the table.

Windows follow each other in the order of the rows: each is foretold by models of the rows before it. Where the order means
nothing that is as good as any cross-validation; where rows are dated it is the only honest one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from ml.evaluation.classification import auc
from ml.learners.bases import regressor_from
from ml.learners.contract import Matrix, Outcome, Vector
from ml.learners.line import Line
from ml.learners.regressors import Regressor
from ml.learners.trees import Trees

WINDOWS: Final = 5
BEGIN: Final = 0.5
"""Share of the rows that only teach; the rest is divided into windows."""
DRIFTING: Final = 0.25
"""Population stability index from which on a column is another one late than early (the usual limit)."""
BEST: Final = 5
"""At most so many of the best recipes are averaged: as many as foretell best together."""
_RETRIED: Final = 6
_BINS: Final = 10

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Recipe:
    """How a response model is made.

    Attributes:
        base: `line` or `trees`.
        strength: A line's penalty, 0 where leave-one-out chooses it; of trees, the leaves.
        memory: Age of rows, as a share of all rows, at which their weight has fallen to 1 / e; 0 where all count the same.
        drops_drifting: Whether columns that are others late than early are left out.
    """

    base: Literal["line", "trees"]
    strength: float
    memory: float = 0.0
    drops_drifting: bool = False

    @property
    def name(self) -> str:
        """In words."""
        size = f"{self.strength:g} leaves" if self.base == "trees" else f"penalty {self.strength or 'by leave-one-out'}"
        remembers = f", memory {self.memory:g}" if self.memory else ""
        return f"{self.base}, {size}{remembers}{', without drifting columns' if self.drops_drifting else ''}"

    def regressor(self) -> Regressor:
        """The regressor, unfitted."""
        if self.base == "line":
            return Line((self.strength,)) if self.strength else Line()
        return Trees(leaves=int(self.strength))

    def weights(self, weight: Vector) -> Vector:
        """Row weights with older rows counting less, mean 1."""
        count = len(weight)
        aged = weight * (np.exp((np.arange(count) - count) / (count * self.memory)) if self.memory else 1.0)
        return np.asarray(aged * (count / aged.sum()))


_BASES: Final = (("line", 0.0), ("line", 1.0), ("line", 10.0), ("line", 100.0), ("trees", 7), ("trees", 3))
_MEMORIES: Final = (0.0, 0.25, 0.1)


@dataclass(frozen=True)
class Foretold:
    """A recipe and how well it foretold each window, weighted by what a window can tell: AUC, or the explained share."""

    recipe: Recipe
    score: float
    by_window: list[float]


@dataclass(frozen=True)
class ResponseHead:
    """Models whose mean foretells the response, brought to the level of the latest rows.

    Attributes:
        models: Fitted regressors with the columns that each uses.
        slope: Of the logit (binary) or of the expectation, so that promises are kept in the windows.
        intercept: Added to it.
        kind: Whether the outcome is binary.
    """

    models: list[tuple[Regressor, list[int]]]
    slope: float
    intercept: float
    kind: Outcome

    def predict(self, matrix: Matrix) -> Vector:
        """Chance of a response (or expected outcome), [n]."""
        raw = np.mean([model.predict(matrix[:, columns]) for model, columns in self.models], axis=0)
        return _moved(raw, self.slope, self.intercept, self.kind)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        models = [{"model": model.to_dict(), "columns": columns} for model, columns in self.models]
        return {"models": models, "slope": self.slope, "intercept": self.intercept, "kind": self.kind}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ResponseHead":
        """What `to_dict` wrote."""
        models = [(regressor_from(each["model"]), each["columns"]) for each in values["models"]]
        return cls(models, values["slope"], values["intercept"], values["kind"])


@dataclass(frozen=True)
class HeadChoice:
    """The head, what was tried, and what it foretold.

    Attributes:
        head: Fitted on all rows.
        table: Every recipe, the best first.
        used: Names of the recipes that the head averages.
        score: Of their average in the windows.
        rows: Places of the rows in the windows.
        foretold: What the average foretold there, calibrated.
        drifting: Columns of the matrix that are others late than early.
    """

    head: ResponseHead
    table: list[Foretold]
    used: list[str]
    score: float
    rows: npt.NDArray[np.int64]
    foretold: Vector
    drifting: list[int]


def choose_head(
    matrix: Matrix,
    target: Vector,
    weight: Vector,
    kind: Outcome,
    *,
    seed: int,
    threads: int = 1,
    progress: Progress = lambda _: None,
) -> HeadChoice:
    """Tries the recipes forward in time and fits the best, or the average of a few, on all rows.

    Args:
        matrix: Features in the order of time, [n, F].
        target: Responses, [n].
        weight: Row weights, [n].
        kind: Whether responses are 0 or 1.
        seed: Seeds the trees.
        threads: Cores that may be used.
        progress: Told each recipe when it is done.
    """
    drifting = drifting_columns(matrix)
    edges = np.linspace(BEGIN * len(target), len(target), WINDOWS + 1).astype(int)
    windows = [(int(begin), int(end)) for begin, end in pairwise(edges)]
    steady = [place for place in range(matrix.shape[1]) if place not in set(drifting)]
    every = list(range(matrix.shape[1]))

    def foretell(recipe: Recipe) -> Vector:
        columns = steady if recipe.drops_drifting else every
        said = []
        for begin, end in windows:
            model = _fitted(
                recipe, matrix[:begin, columns], target[:begin], weight[:begin], kind=kind, seed=seed, threads=threads
            )
            said.append(model.predict(matrix[begin:end, columns]))
        progress(recipe.name)
        return np.concatenate(said)

    recipes = [Recipe(base, strength, memory) for base, strength in _BASES for memory in _MEMORIES]  # type: ignore[arg-type]
    said = {recipe: foretell(recipe) for recipe in recipes}
    if drifting and steady:
        retried = sorted(recipes, key=lambda each: -_score(said[each], target, windows, kind)[0])[:_RETRIED]
        said |= {kept: foretell(kept) for kept in (Recipe(r.base, r.strength, r.memory, True) for r in retried)}  # noqa: FBT003
    table = sorted(
        (Foretold(each, *_score(said[each], target, windows, kind)) for each in said), key=lambda f: -f.score
    )
    ahead = [row.recipe for row in table[:BEST]]
    means = [np.mean([said[each] for each in ahead[:count]], axis=0) for count in range(1, len(ahead) + 1)]
    scores = [_score(mean, target, windows, kind)[0] for mean in means]
    best = int(np.argmax(scores))
    used, mean = ahead[: best + 1], means[best]
    slope, intercept = _level(mean, target[edges[0] :], kind)
    models = []
    for recipe in used:
        columns = steady if recipe.drops_drifting else every
        models.append(
            (_fitted(recipe, matrix[:, columns], target, weight, kind=kind, seed=seed, threads=threads), columns)
        )
    return HeadChoice(
        ResponseHead(models, slope, intercept, kind), table, [each.name for each in used],
        scores[best], np.arange(edges[0], len(target)), _moved(mean, slope, intercept, kind), drifting,
    )  # fmt: skip


def drifting_columns(matrix: Matrix) -> list[int]:
    """Places of the columns whose population stability index between the first and the last third is above the limit."""
    third = len(matrix) // 3
    if third < 5 * _BINS:
        return []
    return [
        place
        for place in range(matrix.shape[1])
        if _instability(matrix[:third, place], matrix[-third:, place]) > DRIFTING
    ]


def _instability(early: Matrix, late: Matrix) -> float:
    edges = np.unique(np.nanquantile(np.concatenate([early, late]), np.linspace(0, 1, _BINS + 1)[1:-1]))

    def shares(values: Matrix) -> Vector:
        bins = np.where(np.isfinite(values), np.searchsorted(edges, values, side="left"), len(edges) + 1)
        return (np.bincount(bins, minlength=len(edges) + 2) + 0.5) / (len(values) + 1)

    first, second = shares(early), shares(late)
    return float(((second - first) * np.log(second / first)).sum())


def _fitted(
    recipe: Recipe, matrix: Matrix, target: Vector, weight: Vector, *, kind: Outcome, seed: int, threads: int
) -> Regressor:
    return recipe.regressor().fit(matrix, target, recipe.weights(weight), kind, seed=seed, threads=threads)


def _score(said: Vector, target: Vector, windows: list[tuple[int, int]], kind: Outcome) -> tuple[float, list[float]]:
    """Mean over windows by what each can tell (its pairs of classes, or its rows), and the windows' own."""
    first, by_window, information = windows[0][0], [], []
    for begin, end in windows:
        here, true = said[begin - first : end - first], target[begin:end]
        if kind == "binary":
            hits = float(true.sum())
            by_window.append(auc(here, true))
            information.append(hits * (len(true) - hits) / max(len(true), 1))
        else:
            variance = float(true.var())
            by_window.append(1 - float(((true - here) ** 2).mean()) / variance if variance else float("nan"))
            information.append(float(len(true)) if variance else 0.0)
    known = [place for place, value in enumerate(by_window) if np.isfinite(value) and information[place] > 0]
    if not known:
        return 0.5 if kind == "binary" else 0.0, by_window
    return float(np.average([by_window[k] for k in known], weights=[information[k] for k in known])), by_window


def _level(said: Vector, target: Vector, kind: Outcome) -> tuple[float, float]:
    """Slope and intercept that make what was foretold keep its promise; the slope is never negative."""
    if kind == "binary":
        chance = np.clip(said, 1e-6, 1 - 1e-6)
        logit = np.log(chance / (1 - chance))[:, None].astype(np.float32)
        fitted = Line((1e-4,)).fit(logit, target, np.ones(len(target)), "binary")
        return _plain_line(fitted)
    fitted = Line((1e-4,)).fit(said[:, None].astype(np.float32), target, np.ones(len(target)), "continuous")
    return _plain_line(fitted)


def _plain_line(fitted: Line) -> tuple[float, float]:
    if fitted.scale_ is None or fitted.scale_.scale[0] == 0:
        return 1.0, 0.0
    slope = float(fitted.coefficients_[0] / fitted.scale_.scale[0])
    if slope <= 0:
        return 1.0, 0.0
    return slope, float(fitted.intercept_ - slope * fitted.scale_.mean[0])


def _moved(raw: Vector, slope: float, intercept: float, kind: Outcome) -> Vector:
    if kind == "continuous":
        return np.asarray(intercept + slope * raw)
    chance = np.clip(raw, 1e-9, 1 - 1e-9)
    return np.asarray(1 / (1 + np.exp(-(intercept + slope * np.log(chance / (1 - chance))))))
