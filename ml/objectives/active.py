"""Which objectives are at work on a day, and whom they mean."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from ml.configuration.objective import Objective
from ml.objectives.audience import parse


def active_objectives(objectives: Sequence[Objective], on: date) -> list[Objective]:
    """Those whose period includes the day, in their order."""
    return [objective for objective in objectives if objective.starts_on <= on <= objective.ends_on]


def audience_masks(objectives: Sequence[Objective], customers: pd.DataFrame) -> np.ndarray:
    """Who is in each objective's audience, bool [N, J].

    Raises:
        AudienceError: A predicate is over a column that `customers` lacks.
    """
    masks = [parse(objective.audience.where).mask(customers) for objective in objectives]
    return np.stack(masks, axis=1) if masks else np.zeros((len(customers), 0), dtype=bool)
