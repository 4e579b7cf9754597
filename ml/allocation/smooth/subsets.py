r"""Sets of contacts: at most k channels, each set S with probability in proportion to \(\prod_{c \in S} w_c\).

\(Z = \sum_{m \le k} e_m(w)\) with the elementary symmetric polynomials \(e_m\) of the channels' weights. Every sum is
over positive terms, taken channel by channel from the heaviest down and relative to the heaviest m of them, so nothing
cancels, overflows, or loses the leading terms.
"""

import numpy as np

from ml.allocation.kernel import F64, kernel


@kernel
def log_sum_of_sets(logs: F64, count: int, size: int, without: int, without_too: int) -> float:
    r"""\(\log \sum_{m \le size} e_m\) of the weights whose logarithms are given, two of them left out.

    Args:
        logs: logarithms of the weights in descending order.
        count: how many of them are used.
        size: largest set.
        without: position left out; -1 for none.
        without_too: another.
    """
    if size <= 0:
        return 0.0
    part = np.zeros(size + 1)
    heaviest = np.zeros(size + 1)
    part[0] = 1.0
    rank = 0
    for c in range(count):
        if c in (without, without_too):
            continue
        rank += 1
        if rank <= size:
            heaviest[rank] = logs[c]
        for m in range(min(rank, size), 0, -1):
            part[m] += part[m - 1] * np.exp(logs[c] - heaviest[m])
    most = 0.0
    offset = 0.0
    for m in range(1, min(rank, size) + 1):
        offset += heaviest[m]
        most = max(most, offset)
    offset = 0.0
    total = np.exp(-most)
    for m in range(1, min(rank, size) + 1):
        offset += heaviest[m]
        total += part[m] * np.exp(offset - most)
    return float(most + np.log(total))


@kernel
def inclusion(logs: F64, count: int, size: int, single: F64, pair: F64) -> float:
    r"""Probability of each channel, and of each two together; returns \(\log Z\).

    Args:
        logs: logarithms of the channels' weights in descending order.
        count: how many of them are used.
        size: k.
        single: gets \(P(c \in S)\).
        pair: gets \(P(c, d \in S)\); not asked for where it is empty.
    """
    log_z = log_sum_of_sets(logs, count, size, -1, -1)
    for c in range(count):
        single[c] = np.exp(logs[c] + log_sum_of_sets(logs, count, size - 1, c, -1) - log_z) if size > 0 else 0.0
    if pair.size == 0:
        return log_z
    for c in range(count):
        for d in range(c):
            both = 0.0
            if size > 1:
                both = np.exp(logs[c] + logs[d] + log_sum_of_sets(logs, count, size - 2, c, d) - log_z)
            pair[c, d] = both
            pair[d, c] = both
    return log_z
