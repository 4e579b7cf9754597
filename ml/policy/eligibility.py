"""Who may be contacted through which channel, and if not, why not. Nobody can approve past these rules."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from ml.configuration.actions import Actions
from ml.configuration.do_not_call import DoNotCall
from ml.configuration.objective import Objective
from ml.configuration.policy import Policy
from ml.entities import CALLED, CHANNELS, CONTACT_DETAILS
from ml.policy.frequency import Left, contacts_left, memberships, naive
from ml.policy.lookup import positions, text
from ml.policy.places import called_places
from ml.policy.reasons import Reason
from ml.policy.zones import is_known_zone

HANDED_OVER_WITHIN: Final = np.timedelta64(1, "h")
"""Dispatch comes round every quarter of an hour: what is due closer to the end of a window may expire unsent."""
_BASES: Final = ("express_written", "express", "soft_opt_in", "other")


@dataclass(frozen=True)
class Eligibility:
    """What the policy allows of N people.

    Attributes:
        reasons: uint8 [N, 8], `Reason` by channel in the order of `CHANNELS`; 0 is allowed.
        left: int16 [N, 8], contacts that the frequency caps still allow.
        from_at: datetime64[us] [N, 8] UTC, from when on: a cap's window may still be full in the morning.
    """

    reasons: np.ndarray
    left: np.ndarray
    from_at: np.ndarray

    @property
    def allowed(self) -> np.ndarray:
        """Bool [N, 8]."""
        return np.asarray(self.reasons == Reason.ALLOWED)

    def most(self, at: datetime) -> np.ndarray:
        """Contacts that caps still allow each person today over all channels, uint8 [N]: one where a channel has to wait for it.

        Args:
            at: The earliest moment of sending, UTC.
        """
        waits = ((self.from_at > naive(at)) & (self.left > 0)).any(axis=1)
        return np.asarray(np.clip(self.left.max(axis=1), 0, np.where(waits, 1, len(CHANNELS))), dtype=np.uint8)

    def forbid(self, where: np.ndarray, reason: Reason) -> "Eligibility":
        """The same with one more rule: `where` (bool, broadcast to [N, 8]) is forbidden unless it was already."""
        return replace(self, reasons=_forbid(self.reasons.copy(), where, reason))

    def counts(self) -> dict[str, dict[str, int]]:
        """People by channel and reason, in words; the figures of a plan's eligibility table."""
        return {
            channel: {
                Reason(int(code)).words: int(count)
                for code, count in zip(*np.unique(self.reasons[:, i], return_counts=True), strict=True)
            }
            for i, channel in enumerate(CHANNELS)
        }


def eligibility(
    customers: pd.DataFrame,
    *,
    policy: Policy,
    actions: Actions,
    consents: pd.DataFrame,
    contacts: pd.DataFrame,
    suppressions: pd.DataFrame,
    earliest_at: datetime,
    closes_at: np.ndarray | None = None,
    do_not_call: DoNotCall | None = None,
    phones: pd.DataFrame | None = None,
    stopped: Collection[str] = (),
) -> Eligibility:
    """Ask every rule of every person and channel at once.

    Args:
        customers: `dim_customers`, N rows with customer_id, time_zone, age_years and the has_ columns.
        policy: The rules.
        actions: Which channels are in use.
        consents: `dim_consents`: customer_id, channel, status, basis; one row a person and channel.
        contacts: Contacts of the last weeks and those planned, as `frequency.all_contacts` gives them.
        suppressions: customer_id, channel; `all` as channel suppresses everywhere.
        earliest_at: Earliest moment of sending (UTC): the start of the day, or T where that's later.
        closes_at: datetime64[us] [N, 8] UTC, until when the channel reaches the person today: who is contacted as often as caps
            allow until `HANDED_OVER_WITHIN` before is allowed one contact after that. Without it nobody is.
        do_not_call: The list, where the policy names one.
        phones: `dim_recipients`: customer_id, phone; needed with `do_not_call`, and tells zones that aren't stated.
        stopped: Channels that a person has stopped.
    """
    n = len(customers)
    index = text(customers["customer_id"])
    rows = _rows(index, contacts)
    by_cap = [
        contacts_left(contacts, rows, n, caps, earliest_at) for caps in (memberships(actions), policy.frequency_caps)
    ]
    of_audiences, capped = (_today(left, closes_at) for left in by_cap)
    left = np.minimum(of_audiences, capped)
    reasons = np.zeros((n, len(CHANNELS)), dtype=np.uint8)
    _forbid(reasons, np.array([c not in actions.channels for c in CHANNELS]), Reason.CHANNEL_NOT_IN_USE)
    _forbid(reasons, np.array([c in stopped for c in CHANNELS]), Reason.CHANNEL_STOPPED)
    _forbid(reasons, _marked(index, suppressions), Reason.SUPPRESSED)
    is_withdrawn, has_consent = _consent(index, consents, policy, customers)
    _forbid(reasons, is_withdrawn, Reason.CONSENT_WITHDRAWN)
    _ask_age(reasons, customers, policy)
    _forbid(reasons, ~_reachable(customers), Reason.NO_CONTACT_DETAIL)
    _forbid(reasons, ~has_consent, Reason.NO_CONSENT)
    _ask_do_not_call(reasons, index, policy, do_not_call, phones, earliest_at)
    if policy.unknown_time_zone == "deny":
        _forbid(reasons, ~_is_placed(customers, phones)[:, None] & _is_called(), Reason.UNKNOWN_TIME_ZONE)
    _forbid(reasons, capped <= 0, Reason.FREQUENCY_CAP)
    _forbid(reasons, of_audiences <= 0, Reason.IN_AUDIENCE)
    return Eligibility(reasons, left, np.maximum(*(each.from_at for each in by_cap)))


def for_objective(everyone: Eligibility, objective: Objective, actions: Actions, earliest_at: datetime) -> Eligibility:
    """What is allowed for one objective: its channels, and only what arrives before it ends.

    Args:
        everyone: What the policy allows.
        objective: The objective.
        actions: Lead times by channel.
        earliest_at: Earliest moment of handing over (UTC). The objective ends with its last day in UTC.
    """
    unused = np.array([c not in objective.allowed_channels for c in CHANNELS])
    lead = [actions.channels[c].lead_time_hours if c in actions.channels else 0.0 for c in CHANNELS]
    ends_at = pd.Timestamp(objective.ends_on, tz="UTC") + timedelta(days=1)
    late = np.array([pd.Timestamp(earliest_at) + timedelta(hours=hours) >= ends_at for hours in lead])
    return everyone.forbid(unused, Reason.NOT_FOR_OBJECTIVE).forbid(late, Reason.ARRIVES_TOO_LATE)


def lacking(customers: pd.DataFrame, details: pd.DataFrame | None, needs: Mapping[str, Sequence[str]]) -> np.ndarray:
    """Bool [N, 8]: who lacks what the channel's messages say of a person.

    Args:
        customers: `dim_customers`, N rows.
        details: `dim_recipients` with customer_id and every column that is needed.
        needs: Columns by channel.
    """
    lacks = np.zeros((len(customers), len(CHANNELS)), dtype=bool)
    if not needs:
        return lacks
    rows = None if details is None else positions(text(customers["customer_id"]), text(details["customer_id"]))
    for channel, columns in needs.items():
        for column in columns:
            has = np.zeros(len(customers), dtype=bool)
            if details is not None and rows is not None:
                there = details[column].fillna("").astype(str).str.strip().ne("").to_numpy(dtype=bool)
                has[rows >= 0] = there[rows[rows >= 0]]
            lacks[:, CHANNELS.index(channel)] |= ~has
    return lacks


def without_rejected(
    everyone: Eligibility, customer_ids: pd.Series, objective_id: str, rejected: pd.DataFrame | None
) -> Eligibility:
    """The same without what a person rejected for the objective lately.

    Args:
        everyone: What is allowed for the objective.
        customer_ids: Of the N people.
        objective_id: The objective.
        rejected: customer_id (None: everybody), objective_id, channel; None where nothing was rejected.
    """
    if rejected is None or rejected.empty:
        return everyone
    own = rejected[rejected["objective_id"] == objective_id]
    for_all = own["customer_id"].isna()
    where = _marked(text(customer_ids), own[~for_all])
    where |= np.array([channel in set(own.loc[for_all, "channel"]) for channel in CHANNELS])
    return everyone.forbid(where, Reason.REJECTED)


def _today(left: Left, closes_at: np.ndarray | None) -> np.ndarray:
    """Contacts left today, int16 [N, 8]: one for who has to wait until a moment well before the channel's last window ends."""
    if closes_at is None:
        return left.count
    return np.where(left.from_at < closes_at - HANDED_OVER_WITHIN, np.maximum(left.count, 1), left.count)


def _forbid(reasons: np.ndarray, where: np.ndarray, reason: Reason) -> np.ndarray:
    np.copyto(reasons, np.uint8(reason), where=np.broadcast_to(where, reasons.shape) & (reasons == Reason.ALLOWED))
    return reasons


def _rows(index: pa.Array, frame: pd.DataFrame) -> np.ndarray:
    return positions(text(frame["customer_id"]), index)


def _channel_codes(frame: pd.DataFrame) -> np.ndarray:
    return positions(text(frame["channel"]), text([*CHANNELS, "all"]))


def _is_called() -> np.ndarray:
    return np.array([c in CALLED for c in CHANNELS])


def _marked(index: pa.Array, frame: pd.DataFrame) -> np.ndarray:
    """Bool [N, 8]: people and channels that the frame lists; `all` marks every channel."""
    marked = np.zeros((len(index), len(CHANNELS) + 1), dtype=bool)
    rows, codes = _rows(index, frame), _channel_codes(frame)
    known = (rows >= 0) & (codes >= 0)
    marked[rows[known], codes[known]] = True
    return np.asarray(marked[:, :-1] | marked[:, -1:])


def _consent(
    index: pa.Array, consents: pd.DataFrame, policy: Policy, customers: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Bool [N, 8] twice: who withdrew, and who gave consent on a basis that the channel accepts.

    Beyond what the policy accepts: a soft opt-in needs a sale (Directive 2002/58/EC, Art. 13(2)), and calls and texts
    in the United States need consent in writing (47 CFR 64.1200(a)(2)); of an unknown country that is assumed.
    """
    accepts = np.zeros((len(CHANNELS), len(_BASES)), dtype=bool)
    for i, channel in enumerate(CHANNELS):
        accepts[i, : len(_BASES) - 1] = [basis in policy.consent[channel] for basis in _BASES[:-1]]
    rows, codes = _rows(index, consents), _channel_codes(consents)
    status = positions(text(consents["status"]), text(["granted", "withdrawn"]))
    basis = positions(text(consents["basis"].fillna("express")), text(_BASES[:-1]))
    known = (rows >= 0) & (codes >= 0)
    marked = np.zeros((2, len(index), len(CHANNELS) + 1), dtype=bool)
    withdrawn = known & (status == 1)
    marked[1, rows[withdrawn], codes[withdrawn]] = True
    granted = known & (status == 0) & (codes < len(CHANNELS))
    granted[granted] = accepts[codes[granted], basis[granted]]
    if policy.soft_opt_in_needs_sale:
        granted[granted] &= (basis[granted] != _BASES.index("soft_opt_in")) | _has_bought(customers)[rows[granted]]
    is_called = np.append(_is_called(), False)[codes[granted]]
    in_writing = basis[granted] == _BASES.index("express_written")
    granted[granted] &= ~is_called | in_writing | ~_is_american(customers)[rows[granted]]
    marked[0, rows[granted], codes[granted]] = True
    opt_out = np.array([policy.consent[channel] == "opt_out" for channel in CHANNELS])
    return marked[1, :, :-1] | marked[1, :, -1:], marked[0, :, :-1] | opt_out


def _has_bought(customers: pd.DataFrame) -> np.ndarray:
    if "days_since_last_purchase" not in customers:
        return np.zeros(len(customers), dtype=bool)
    return customers["days_since_last_purchase"].notna().to_numpy()


def _is_american(customers: pd.DataFrame) -> np.ndarray:
    if "country" not in customers:
        return np.ones(len(customers), dtype=bool)
    return np.asarray((customers["country"].isna() | (customers["country"] == "US")).to_numpy(dtype=bool))


def _reachable(customers: pd.DataFrame) -> np.ndarray:
    def has(column: str) -> np.ndarray:
        return customers[column].to_numpy(dtype=bool, na_value=False)

    return np.stack([np.logical_or.reduce([has(c) for c in CONTACT_DETAILS[channel]]) for channel in CHANNELS], axis=1)


def _ask_age(reasons: np.ndarray, customers: pd.DataFrame, policy: Policy) -> None:
    age = customers["age_years"].to_numpy(dtype=float, na_value=np.nan)
    _forbid(reasons, (age < policy.minimum_age)[:, None], Reason.UNDER_AGE)
    if policy.unknown_age == "deny":
        _forbid(reasons, np.isnan(age)[:, None], Reason.UNKNOWN_AGE)


def _ask_do_not_call(  # noqa: PLR0917 - one rule, all its facts
    reasons: np.ndarray,
    index: pa.Array,
    policy: Policy,
    do_not_call: DoNotCall | None,
    phones: pd.DataFrame | None,
    at: datetime,
) -> None:
    if policy.do_not_call_file is None:
        return
    is_current = do_not_call is not None and do_not_call.is_current(at.date())
    if not is_current or do_not_call is None or phones is None:
        _forbid(reasons, _is_called(), Reason.DO_NOT_CALL_STALE)
        return
    listed = phones[phones["phone"].isin(list(do_not_call.phones))]
    is_listed = np.zeros(len(index), dtype=bool)
    rows = _rows(index, listed)
    is_listed[rows[rows >= 0]] = True
    _forbid(reasons, is_listed[:, None] & _is_called(), Reason.DO_NOT_CALL_LISTED)


def _is_placed(customers: pd.DataFrame, phones: pd.DataFrame | None) -> np.ndarray:
    """Bool [N]: whether any zone is known of the person, stated, by address or by number."""
    placed = is_known_zone(customers["time_zone"])
    rest = np.flatnonzero(~placed)
    at, places = called_places(customers.iloc[rest], phones)
    placed[rest] = np.array([bool(place.zones) for place in places], dtype=bool)[at]
    return placed
