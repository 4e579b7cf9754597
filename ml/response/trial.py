"""Training rows seen as one experiment with many arms."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.entities import Option
from ml.response.logit import unit_mean
from ml.response.rows import TrainingRows, distinct_options


@dataclass(frozen=True)
class Trial:
    """The experiment.

    Attributes:
        rows: The training rows.
        option: Position of each row's action in `options`, [n].
        options: The distinct channels and offers; None is to be left alone.
    """

    rows: TrainingRows
    option: npt.NDArray[np.int64]
    options: list[Option | None]

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
