r"""Average effect of each channel and offer: what its own contacts show, drawn towards what its neighbours show.

    \hat a_o = a_o + e_o,  e ~ N(0, diag(v_o) + v_level 11'),   a_o = pooled + channel_c(o) + offer_f(o) + own_o

with normal priors around what is thought of each beforehand (`ml.response.thought`). How
far each may lie from there isn't known either: the posterior is averaged over a grid of these standard deviations, weighted by
how well each explains the estimates (Gelman et al., Bayesian Data Analysis, 2013, ch. 5). Everything is in chances of a
conversion.

\hat a_o is the weighted mean residual of the option's contacts less that of people left alone, each row weighing

    w_i = weight of the contrast / (m_i + mean of m),   m_i: chance to convert when left alone

since a residual's variance is about m: regular buyers, whose purchases by themselves drown what a contact causes, count up to
half as much (halfway to the weights of least variance, under which the mean would be that of the rarest buyers alone).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml.entities import Option
from ml.response.contrast import Contrast
from ml.response.thought import PRIOR_UPLIFT, Thought

Vector = npt.NDArray[np.float64]

GRID: Final = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Standard deviations between channels, offers and pairs that are thought possible, as shares of the base rate."""
POOLED_GRID: Final = (0.03, 0.1, 0.3, 1.0)
"""The same of the pooled effect around `PRIOR_UPLIFT`: trials of mailings lie between a tenth of the base rate and all of it
(Hillstrom 2008), so little data changes little and much data decides."""
HARM: Final = 1.645
"""Standard deviations below 0 from which a channel is taken to drive conversions away: one in twenty that does nothing."""
LEAST_CONVERSIONS: Final = 50
"""Of drawn contacts; with fewer an effect's standard deviation is several times the effects that trials show."""


@dataclass(frozen=True)
class Average:
    """Mean effect of an option over those who may get it, and the standard deviation of what is known of it."""

    mean: float
    sd: float


@dataclass(frozen=True)
class Averages:
    """Average effects, by option; what isn't among them has its channel's, and an unseen channel the pooled one.

    Attributes:
        options: By name of the option.
        channels: By channel, of an offer that was never made in it.
        pooled: Of a channel that was never used.
        contacts: Contacts behind each option's own estimate.
    """

    options: Mapping[str, Average]
    channels: Mapping[str, Average]
    pooled: Average
    contacts: Mapping[str, int] = field(default_factory=dict)

    def of(self, option: Option) -> Average:
        """The option's average."""
        return self.options.get(str(option)) or self.channels.get(option.channel) or self.pooled

    def unless_harmful(self, shown: "Averages") -> "Averages":
        """These, whose effects are never below 0, but what is shown of channels whose contacts drive conversions away.

        Args:
            shown: What each channel's contacts show by themselves.
        """
        harmful = {name for name, one in shown.channels.items() if one.mean + HARM * one.sd < 0}
        return replace(
            self,
            options={
                name: shown.options.get(name, one) if name.partition(":")[0] in harmful else one
                for name, one in self.options.items()
            },
            channels={name: shown.channels[name] if name in harmful else one for name, one in self.channels.items()},
            contacts=shown.contacts,
        )

    def to_dict(self) -> dict[str, Any]:
        """The averages as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Averages":
        """The averages that `to_dict` wrote."""
        options, channels = (
            {name: Average(**one) for name, one in values[kind].items()} for kind in ("options", "channels")
        )
        return cls(options, channels, Average(**values["pooled"]), values["contacts"])


def fit_averages(contrast: Contrast, options: Sequence[Option], thought: Thought | None = None) -> Averages:
    """The posterior of all options' average effects.

    Args:
        contrast: Drawn contacts beside people left alone. Contacts chosen by habit may stand in; what is known of their
            effects is then in doubt by as much as they are.
        options: What can be done besides what was.
        thought: The prior; nothing but `PRIOR_UPLIFT` without it.

    Returns:
        The averages; 0 where nobody was contacted or nobody was left alone. Where drawn contacts have too few conversions
        to say even whether contacts help, every option has what is thought of it, in doubt by as much, as at a cold start.
    """
    prior = thought or Thought()
    if contrast.is_empty:
        nothing = Average(0.0, max(contrast.base_rate, PRIOR_UPLIFT))
        return Averages({}, {}, nothing)
    if contrast.is_drawn and contrast.conversions < LEAST_CONVERSIONS:
        means = {str(one): prior.of(one.channel, one.offer_id) for one in options}
        return Averages(
            {name: Average(mean, abs(mean)) for name, mean in means.items()}, {}, Average(PRIOR_UPLIFT, PRIOR_UPLIFT)
        )
    estimate, noise, contacts = _estimates(contrast)
    wanted = tuple(dict.fromkeys([*contrast.options, *options]))
    channels = tuple(dict.fromkeys(option.channel for option in wanted))
    asked = [
        *((one.channel, one.offer_id, str(one)) for one in wanted),
        *((name, "", "") for name in channels),
        ("", "", ""),
    ]
    mean, sd = _posterior(estimate, noise, contrast, asked, prior)
    if not contrast.is_drawn:
        sd = np.hypot(sd, mean)
    found = [Average(float(m), float(s)) for m, s in zip(mean, sd, strict=True)]
    return Averages(
        dict(zip(map(str, wanted), found, strict=False)),
        dict(zip(channels, found[len(wanted) :], strict=False)),
        found[-1],
        dict(zip(map(str, contrast.options), contacts, strict=True)),
    )


def _estimates(contrast: Contrast) -> tuple[Vector, Vector, list[int]]:
    """Each option's own effect, their covariance over people, the level that they share included, and its contacts."""
    count = len(contrast.options)
    effect, variance, contacts = np.zeros(count), np.zeros(count), np.bincount(contrast.option, minlength=count)
    spread = contrast.base_rate * (1 - contrast.base_rate)
    alone = _shares(contrast, contrast.alone)
    level = float(alone @ contrast.residual[contrast.alone])
    for o in range(count):
        at = contrast.contact[contrast.option == o]
        share, beyond = _shares(contrast, at), contrast.residual[at] - level * contrast.share[at]
        effect[o] = float(share @ beyond)
        _, person = np.unique(contrast.person[at], return_inverse=True)
        influence = np.bincount(person, share * (beyond - effect[o]))
        # Few contacts without a conversion would claim to know their effect to the last digit.
        floor = spread * float((share**2).sum())
        variance[o] = max(float((influence**2).sum()), floor)
    shared = float((alone**2 * (contrast.residual[contrast.alone] - level) ** 2).sum())
    return effect, np.diag(variance) + shared, contacts.tolist()


def _shares(contrast: Contrast, at: npt.NDArray[np.int64]) -> Vector:
    weight = contrast.weight[at] / (np.maximum(contrast.expected[at], 0.0) + contrast.base_rate)
    return np.asarray(weight / weight.sum())


def _posterior(
    estimate: Vector,
    noise: Vector,
    contrast: Contrast,
    asked: Sequence[tuple[str, str, str]],
    prior: Thought,
) -> tuple[Vector, Vector]:
    """Mean and standard deviation of what is asked for, (channel, offer, option) each, averaged over the grid."""
    base = contrast.base_rate
    known = [(one.channel, one.offer_id, str(one)) for one in contrast.options]
    thought, thought_of_asked = (
        np.array([prior.of(channel, offer) for channel, offer, _ in each]) for each in (known, asked)
    )
    off = estimate - thought
    weights, means, variances = [], [], []
    for sds in product(POOLED_GRID, GRID, GRID, GRID):
        parts = (base * np.array(sds)) ** 2
        inside, across, own = (_covariance(a, b, parts) for a, b in ((known, known), (asked, known), (asked, asked)))
        factor = np.linalg.cholesky(inside + noise)
        whitened, crossed = np.linalg.solve(factor, off), np.linalg.solve(factor, across.T)
        weights.append(-float(whitened @ whitened) / 2 - float(np.log(np.diag(factor)).sum()))
        means.append(thought_of_asked + crossed.T @ whitened)
        variances.append(np.diag(own) - (crossed**2).sum(axis=0))
    share = np.exp(np.array(weights) - max(weights))
    share /= share.sum()
    mean = share @ np.array(means)
    spread = share @ (np.array(variances) + (np.array(means) - mean) ** 2)
    return mean, np.sqrt(np.maximum(spread, 0.0))


def _covariance(left: Sequence[tuple[str, str, str]], right: Sequence[tuple[str, str, str]], parts: Vector) -> Vector:
    """Prior covariance between two lists of options: what they share, times its variance."""
    total = np.full((len(left), len(right)), parts[0])
    for position in range(3):
        same = np.equal.outer([one[position] for one in left], [one[position] for one in right])
        total += parts[position + 1] * same
    return total
