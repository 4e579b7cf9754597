"""What each contact of a decision makes possible, from what was learned and what is scarce."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ml.configuration.journeys import Journeys
from ml.configuration.policy import FrequencyCap
from ml.entities import ARMS
from ml.journeys.follow_up import Ahead, Chances, Looking
from ml.journeys.model import JourneyModel
from ml.journeys.signals import MOVING, SIGNALS, Conversation
from ml.policy.value import ValueTable

SYSTEM = ARMS.index("system")
_MOVES = np.array([name in MOVING for name in SIGNALS])


def ahead_of(  # noqa: PLR0917 - the decision, and all that bounds it
    table: ValueTable,
    customers: pd.DataFrame,
    journeys: JourneyModel | None,
    contact_prices: Mapping[str, Mapping[str, float]],
    terms: Journeys,
    caps: Sequence[FrequencyCap],
) -> Ahead | None:
    """Value-to-go of the contacts of a decision; None where nothing supports any.

    A person's follow-up counts for the objective to whose system arm they belong, the one that values them most of several.
    Who belongs to none is followed up by nobody, and is left out.

    Args:
        table: Values of the next response alone.
        customers: The same N people.
        journeys: What was learned of conversations.
        contact_prices: What a follow-up uses of what is scarce, by objective and option.
        terms: How ahead is looked.
        caps: How often a person may be contacted.
    """
    if journeys is None or not terms.value_to_go or not contact_prices or not len(table.objectives):
        return None
    supported = np.where(_MOVES, journeys.whole.supported(terms.deviations), 0.0)
    if not supported.any():
        return None
    deltas = np.where(_MOVES, supported, journeys.whole.deltas)
    looking = Looking(table.options, terms, deltas, journeys.scans.chance(terms.deviations), caps)
    return looking.ahead(Conversation.of(customers, terms), _chances(table, contact_prices), journeys.whole.deltas)


def _chances(table: ValueTable, contact_prices: Mapping[str, Mapping[str, float]]) -> Chances:
    is_ours = table.arm == SYSTEM
    objective = np.where(is_ours, table.unit_value, -np.inf).argmax(axis=1)
    everyone = np.arange(len(objective))
    unit = np.where(is_ours.any(axis=1), table.unit_value[everyone, objective], 0).astype(np.float32)
    prices = np.array(
        [[contact_prices.get(name, {}).get(str(option), 0.0) for option in table.options] for name in table.objectives],
        dtype=np.float32,
    ).reshape(len(table.objectives), len(table.options))
    allowed = table.allowed[objective, everyone][:, table.channel] & is_ours.any(axis=1)[:, None]
    return Chances(table.uplift * unit[:, None], table.cost + prices[objective], allowed)
