"""Whether a training is due: asked by the warehouse, which prepares its rows, and by what trains."""

from datetime import date, timedelta
from typing import Final

from ml.tracking import Tracking

TRAIN_JOB: Final = "train"
TRAINED_ON: Final = "wayfinder.trained_on"


def is_training_due(tracking: Tracking, job_name: str, day: date, every_days: int) -> bool:
    """Asked for by job, or the last training is old enough, whatever became of it.

    A challenger that lost isn't tried again the next day, and a past day that is backfilled doesn't train on itself.
    """
    tag = tracking.challenger_tag(TRAINED_ON)
    return job_name == TRAIN_JOB or tag is None or day >= date.fromisoformat(tag) + timedelta(days=every_days)
