"""What messages are worth: the margin that the law expects of each when it is sent, everything that follows included.

A message's worth is, with ``reach`` the chance that it gets to the person and ``effect`` the law's::

    reach · (max(effect, 0) · (net + repeat) - what it prevents - what its offer gives away to who buys anyway)

``net`` is the margin of a caused purchase less the redeemed offer, ``repeat`` that of the purchases it leads to. What is
prevented, the offer in hand and an audience's membership replace what an earlier message left of them, so only the
difference counts: a second message to the same person isn't paid twice. The contact's own cost is not deducted.
"""

import numpy as np

from market.effects import Messages, effect_when_reached, reach_chance
from market.organic import daily_chance
from market.sales import MARGIN_SHARE, expected_amount
from market.words import DAY_MS, DISPLAY, PRICE, SOCIAL, Floats, Ints
from market.world import State, World

_USUAL_OFF = 0.15
"""Mean of the shop's own discounts, where a purchase has one."""


def worth(world: World, state: State, m: Messages, day: int) -> Floats:
    """Expected margin of each message, float64 of their length.

    Args:
        world: The world.
        state: As it is when the messages are sent, before they take effect.
        m: Messages of one day.
        day: That day.
    """
    effect, reach = effect_when_reached(world, state, m, day), reach_chance(world, m, day)
    days = np.arange(day, day + world.law.offer_days)
    usual = np.mean([daily_chance(world, state, int(d)) for d in days], axis=0)[m.person]
    plain = margin_of_sale(world, state, m.person, np.zeros_like(m.offer))
    caused = margin_caused(world, state, m.person, m.offer)
    gained = np.maximum(effect, 0.0) * caused
    audience = np.flatnonzero((m.channel == SOCIAL) | (m.channel == DISPLAY))
    if len(audience):
        gained[audience] = _membership(world, state, m.take(audience), effect[audience], caused[audience])
    lost = _prevented(state, m, effect, usual, day) * plain + _given_away(world, state, m, usual, day)
    return np.asarray(reach * (gained - np.where(m.is_removal, 0.0, lost)))


def margin_caused(world: World, state: State, person: Ints, offer: Ints) -> Floats:
    """Mean margin of a caused purchase together with those that it leads to."""
    plain = margin_of_sale(world, state, person, np.zeros_like(offer))
    return np.asarray(margin_of_sale(world, state, person, offer) + world.law.repeat_share * plain)


def margin_of_sale(world: World, state: State, person: Ints, offer: Ints) -> Floats:
    """Mean margin of a purchase that a message with an offer caused; with offer 0 that of any other purchase."""
    law, gross = world.law, MARGIN_SHARE * expected_amount(world, person)
    redeemed = np.where(offer > 0, law.redeem_caused, 0.0)
    cost = state.catalogue.offer_costs()[offer]
    return np.asarray(gross - redeemed * cost - (1.0 - redeemed) * _usual_discount(world, person))


def _usual_discount(world: World, person: Ints) -> Floats:
    return np.asarray(world.people.discount_share[person] * _USUAL_OFF * expected_amount(world, person))


def _membership(world: World, state: State, m: Messages, effect: Floats, caused: Floats) -> Floats:
    """Margin that joining or leaving an audience adds to what was still to come of the membership before."""
    law, column, day = world.law, np.where(m.channel == SOCIAL, 0, 1), m.sent // DAY_MS
    kept = state.audience_chance[m.person, column] * np.maximum(state.audience_until[m.person, column] - day, 0)
    before = kept * margin_caused(world, state, m.person, state.audience_offer[m.person, column].astype(np.int64))
    full = np.clip(effect, 0.0, law.cap)
    return np.asarray(np.where(m.is_removal, 0.0, full * caused) - before)


def _prevented(state: State, m: Messages, effect: Floats, usual: Floats, day: int) -> Floats:
    """Purchases that who is put off won't make in the next 14 days, beyond those that an earlier message prevents."""
    left = np.maximum(state.prevented_until[m.person] - day + 1, 0) / 14.0
    before = np.where(left > 0, state.prevented[m.person], 0.0) * np.minimum(left, 1.0)
    after = np.minimum(-effect / np.maximum(usual * 14, 1e-6), 0.9)
    return np.where(effect < 0, (after - before) * usual * 14, 0.0)


def _given_away(world: World, state: State, m: Messages, usual: Floats, day: int) -> Floats:
    """What the offer costs in purchases that would have come anyway, beyond what the offer in hand would have."""
    law, costs = world.law, state.catalogue.offer_costs()
    sensitive = 2.0 / (1.0 + np.exp(-world.people.traits[m.person, PRICE].astype(np.float64)))
    redeems = usual * np.minimum(law.redeem_organic * sensitive, 1.0)
    transit = np.array([np.mean(law.channels[name].transit_days) for name in law.channels])[m.channel]
    held = state.offer[m.person].astype(np.int64)
    days_held = np.where(held > 0, np.maximum(state.offer_until[m.person] - day + 1, 0), 0)
    off = _usual_discount(world, m.person)
    before = days_held * (costs[held] - off)
    after = (law.offer_days + transit + 1.0) * (costs[m.offer] - off)
    return np.where(m.offer > 0, redeems * (after - before), 0.0)
