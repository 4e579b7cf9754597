r"""Intervals that hold at all looks together.

Asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory
and asymptotic confidence sequences", Annals of Statistics 2024, Theorem 2.2), the boundary being Robbins' normal
mixture: for an estimate with standard error s_t at the intrinsic time t,

    estimate +- s_t * sqrt((1 + 1 / (t rho^2)) * log((1 + t rho^2) / alpha^2))

covers the truth at every t simultaneously with probability at least 1 - alpha, asymptotically. It's wider than the
fixed-time interval at every t; rho sets where it is tightest: at about t = tightest, with

    rho^2 = (-2 log(alpha) + log(-2 log(alpha) + 1)) / tightest

Intrinsic time is information: of two looks j before k, the standardized errors of the estimates have the correlation
sqrt(t_j / t_k). For a mean of independent observations it is their number; for anything else see `looks.information`.
"""

from math import log, sqrt


def mixture_rho_squared(tightest: float, alpha: float) -> float:
    """rho^2 of the mixture whose interval is tightest at intrinsic time `tightest`."""
    return (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / tightest


def always_valid_radius(standard_error: float, t: float, *, tightest: float, alpha: float = 0.05) -> float:
    """Half the width of the interval.

    Args:
        standard_error: Of the estimate now.
        t: Intrinsic time now: observations, or what stands for them.
        tightest: Intrinsic time at which it should be tightest. Fixed before looking.
        alpha: Chance that any look at all misses the truth.
    """
    scaled = t * mixture_rho_squared(tightest, alpha)
    return standard_error * sqrt((1 + 1 / scaled) * log((1 + scaled) / alpha**2))
