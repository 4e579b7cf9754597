r"""What a contact makes possible: the best follow-up in the state that it leads to, less the best one without it.

With \(s_a(t)\) the state t days after action a, \(w_o(s) = f_o(s)\,e_o - c_o - p_o\) the net value of a contact by option o
(its effect at rest times the state's factor, less its costs and today's price of what it uses) and d the discount of a
day, the continuation is that of whoever may wait for a better moment and need not act at all (optimal stopping over the
follow-up days, one further contact):

\(V(s_a, t_i) = \max(0, (1-d)^{t_i} \max_o w_o(s_a(t_i)), V(s_a, t_{i+1})), \qquad
\mathrm{value\ to\ go}_a = V(s_a, t_1) - V(s_\mathrm{none}, t_1).\)

A mailer is scanned, by the last follow-up day, with a chance that is estimated from the log; until then nobody knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.configuration.journeys import Journeys
from ml.configuration.policy import FrequencyCap
from ml.entities import CHANNELS, Option
from ml.journeys.signals import LEAST_FACTOR, MOST_FACTOR, Conversation, Kind

MAIL = CHANNELS.index("direct_mail")
_CHUNK = 20_000


@dataclass(frozen=True, eq=False)
class Chances:
    """What one contact is worth to N people under O options, now.

    Attributes:
        effect: float32 [N, O], money that it causes.
        cost: float32 [N, O], contact, offer, wear, and the price of what is scarce.
        allowed: bool [N, O].
    """

    effect: np.ndarray
    cost: np.ndarray
    allowed: np.ndarray

    def take(self, rows: np.ndarray) -> "Chances":
        """Some of the people."""
        return Chances(self.effect[rows], self.cost[rows], self.allowed[rows])


@dataclass(frozen=True, eq=False)
class Ahead:
    """Value-to-go of N people under O options.

    Attributes:
        value: float32 [N, O].
        best: int8 [N, O], option of the best follow-up where no scan comes; -1 for none.
        wait: int8 [N, O], its position among the follow-up days.
        after_scan: int8 [N, O], option of the best follow-up of a scan; -1 for none, and for all but mail.
        days: The follow-up days.
        scan_chance: Chance that a mailer is scanned by the last of them.
    """

    value: np.ndarray
    best: np.ndarray
    wait: np.ndarray
    after_scan: np.ndarray
    days: tuple[int, ...]
    scan_chance: float


@dataclass(frozen=True, eq=False)
class Looking:
    """How ahead is looked.

    Attributes:
        options: O options.
        terms: Follow-up days, discount, how long things count.
        deltas: float [K], factors less 1 of the signals in a state to come.
        scan_chance: Chance that a mailer is scanned by the last follow-up day.
        caps: Frequency caps: a channel that may be used once in longer than the wait isn't there to follow up itself.
    """

    options: tuple[Option, ...]
    terms: Journeys
    deltas: np.ndarray
    scan_chance: float
    caps: Sequence[FrequencyCap] = ()

    def ahead(self, now: Conversation, chances: Chances, standing: np.ndarray) -> Ahead:
        """Value-to-go of every option.

        Args:
            now: Where the conversations of N people stand.
            chances: What a contact is worth now.
            standing: float [K], deltas that are in `chances.effect` for the state of now, and are taken out of it.
        """
        kinds = tuple(map(Kind.of, self.options))
        shape = (len(now), len(kinds))
        value = np.zeros(shape, np.float32)
        best, wait, after_scan = (np.full(shape, fill, np.int8) for fill in (-1, 0, -1))
        hoped = np.where(chances.allowed, chances.effect * (MOST_FACTOR / LEAST_FACTOR) - chances.cost, 0)
        followed = np.flatnonzero((hoped > 0).any(axis=1))  # nobody else is worth a follow-up in any state
        for begin in range(0, len(followed), _CHUNK):
            rows = followed[begin : begin + _CHUNK]
            here, own = now.take(rows), chances.take(rows)
            own = Chances(own.effect / self._standing(here, kinds, standing), own.cost, own.allowed)
            without = self._best(here, own, kinds, None)[0]
            for o, each in enumerate(kinds):
                worth, best[rows, o], wait[rows, o], after_scan[rows, o] = self._best(here, own, kinds, each)
                value[rows, o] = worth - without
        return Ahead(value, best, wait, after_scan, tuple(self.terms.follow_up_days), self.scan_chance)

    @staticmethod
    def _standing(now: Conversation, kinds: Sequence[Kind], deltas: np.ndarray) -> np.ndarray:
        return np.stack([now.factor(each, deltas) for each in kinds], axis=1)

    def _best(
        self, now: Conversation, own: Chances, kinds: Sequence[Kind], made: Kind | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Continuation after a contact of a kind, the follow-up, its wait, and the follow-up of a scan; each [N]."""
        days = self.terms.follow_up_days
        worth = np.zeros(len(now), np.float32)
        option, when = np.full(len(now), -1, np.int8), np.zeros(len(now), np.int8)
        scan = np.full(len(now), -1, np.int8)
        for place in reversed(range(len(days))):
            later, closed = now.after(days[place], self.terms, made), self._closed(made, days[place])
            net, chosen = self._one(later, own, kinds, closed)
            discount = np.float32((1 - self.terms.discount_per_day) ** days[place])
            is_better = (net > 0) & (net * discount >= worth)  # of two as good the sooner
            worth = np.where(is_better, net * discount, worth)
            option = np.where(is_better, chosen, option).astype(np.int8)
            when = np.where(is_better, place, when).astype(np.int8)
            scan = np.where(is_better, -1, scan).astype(np.int8)  # who is followed up sooner isn't waited for
            if made is not None and made.channel == MAIL and place == len(days) - 1:
                net, chosen = self._one(later.scanned(), own, kinds, closed)
                scan = np.where(net * discount > worth, chosen, option).astype(np.int8)
                worth = worth + np.float32(self.scan_chance) * np.maximum(net * discount - worth, 0)
        return worth, option, when, scan

    def _one(
        self, state: Conversation, own: Chances, kinds: Sequence[Kind], closed: frozenset[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Best net value of one contact in a state, at least 0, and its option, -1 for none; each [N]."""
        best, option = np.zeros(len(state), np.float32), np.full(len(state), -1, np.int8)
        for o, each in enumerate(kinds):
            if each.channel in closed:
                continue
            net = np.where(own.allowed[:, o], own.effect[:, o] * state.factor(each, self.deltas) - own.cost[:, o], 0)
            is_better = net > best
            best, option = np.where(is_better, net, best), np.where(is_better, o, option).astype(np.int8)
        return best, option

    def _closed(self, made: Kind | None, days: int) -> frozenset[int]:
        if made is None:
            return frozenset()
        channel = CHANNELS[made.channel]
        is_closed = any(cap.max <= 1 and cap.days > days and cap.covers(channel) for cap in self.caps)
        return frozenset({made.channel}) if is_closed else frozenset()
