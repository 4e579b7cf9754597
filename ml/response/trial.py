"""Training rows seen as one experiment with many arms."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.entities import NONE, Option
from ml.response.exposure import Exposure
from ml.response.logit import unit_mean
from ml.response.rows import TrainingRows, distinct_options

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """The experiment.

    Attributes:
        rows: The training rows.
        option: Position of each row's action in `options`, [n].
        options: The distinct channels and offers; None is to be left alone.
        exposure: Who looks at what comes by which channel; everybody without it.
    """

    rows: TrainingRows
    option: npt.NDArray[np.int64]
    options: list[Option | None]
    exposure: Exposure = field(default_factory=Exposure)

    @property
    def channel(self) -> npt.NDArray[np.object_]:
        """Of each row's contact, [n]; `none` of people left alone."""
        names = np.array([NONE if done is None else done.channel for done in self.options], dtype=object)
        return names[self.option]

    @cached_property
    def own_ratio(self) -> Vector:
        """How likely each row's person looks at the own contact over those contacted by its channel, [n]; 1 if left alone."""
        channel, found = self.channel, np.ones(len(self.option))
        for name in dict.fromkeys(done.channel for done in self.options if done is not None):
            at = np.flatnonzero(channel == name)
            found[at] = self.exposure.ratio(name, self.rows.features[at])
        return found

    @classmethod
    def of(cls, training: pd.DataFrame, rows: TrainingRows) -> "Trial":
        """The trial in a training frame.

        Each side's weights have mean 1: a thinned row that stands for ten people is the evidence of one, and must not
        drown the contacts that it's compared with.
        """
        weight = rows.weight.copy()
        for side in (rows.contacted, ~rows.contacted):
            weight[side] = unit_mean(weight[side])
        return cls(replace(rows, weight=weight), *distinct_options(training))
