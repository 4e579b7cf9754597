"""The tables of the benchmark, and its figures with their intervals over markets."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import t as student

Facts = Mapping[str, Any]
Interval = tuple[float, float]


def interval(values: Sequence[float]) -> Interval:
    """Mean of values over seeds, and half the width of its 95 % t-interval; infinite with a single one."""
    finite = np.array([value for value in values if np.isfinite(value)])
    if len(finite) <= 1:
        return float(finite.mean()) if len(finite) else float("nan"), float("inf")
    error = finite.std(ddof=1) / np.sqrt(len(finite))
    return float(finite.mean()), float(error * student.ppf(0.975, len(finite) - 1))


def tell(found: Sequence[Facts]) -> dict[str, Interval]:
    """Prints the tables of markets, and gives the figures by name."""
    figures: dict[str, Interval] = {}
    tables = {"counts": _counts, "known": _known, "learned": _learned, "cases": _cases}
    for part, table in (tables | {"audiences": _audiences, "hours": _hours}).items():
        if part in found[0]:
            figures |= table(found)
    return figures


def _told(values: Sequence[float], digits: int = 2) -> str:
    mean, half = interval(values)
    return f"{mean:>9.{digits}f} ± {half:.{digits}f}" if np.isfinite(half) else f"{mean:>9.{digits}f}"


def _counts(found: Sequence[Facts]) -> dict[str, Interval]:
    print("\nWhat there is to learn from, mean over the markets:")
    for name in found[0]["counts"]:
        print(f"  {name:<28}{np.mean([one['counts'][name] for one in found]):>10,.0f}")
    return {f"counts/{name}": interval([one["counts"][name] for one in found]) for name in found[0]["counts"]}


def _known(found: Sequence[Facts]) -> dict[str, Interval]:
    print("\nKnown exactly: true net margin of 1,000 people, with the term known less with the term at its mean")
    figures = {}
    for name in found[0]["known"]:
        pairs = [one["known"][name] for one in found if name in one["known"]]
        gained = [pair["with"] - pair["without"] for pair in pairs]
        share = sum(gained) / sum(pair["without"] for pair in pairs)
        print(f"  {name:<28}{_told(gained)}   {share:+.1%} of {np.mean([pair['without'] for pair in pairs]):.1f}")
        figures[f"known/{name}"] = interval(gained)
    return figures


def _learned(found: Sequence[Facts]) -> dict[str, Interval]:
    print("\nLearned: true net margin of 1,000 people with all columns, and what is lost without the signal's")
    print(f"  {'the truth itself':<28}{_told([one['learned']['perfect'] for one in found])}")
    print(f"  {'all columns':<28}{_told([one['learned']['all'] for one in found])}")
    figures = {"learned/all": interval([one["learned"]["all"] for one in found])}
    for name in (each for each in found[0]["learned"] if each not in {"all", "perfect"}):
        lost = [one["learned"]["all"] - one["learned"][name] for one in found]
        print(f"  {name:<28}{_told(lost)}   {_verdict(*interval(lost))}")
        figures[f"learned/{name}"] = interval(lost)
    return figures


def _verdict(mean: float, half: float) -> str:
    if not np.isfinite(half) or abs(mean) <= half:
        return "not told from nothing"
    return "worth it" if mean > 0 else "costs"


def _cases(found: Sequence[Facts]) -> dict[str, Interval]:
    print("\nCases: uplift in the state as a multiple of that outside of it, by cases in the trial")
    figures = {}
    for name, by_cases in found[0]["cases"].items():
        print(f"  {name}")
        for cases in by_cases:
            true = np.mean([one["cases"][name][cases]["true"] for one in found])
            model = [one["cases"][name][cases]["model"] for one in found]
            needed = np.median([one["cases"][name][cases]["needed"] for one in found])
            print(
                f"    {int(cases):>6,} cases: the law {true:>5.2f}, the model {_told(model)}; {needed:,.0f} would tell"
            )
            figures[f"cases/{name}/{cases}"] = interval(model)
    return figures


def _audiences(found: Sequence[Facts]) -> dict[str, Interval]:
    print("\nAudiences: true net margin of 1,000 members, a twentieth of those who may be added")
    figures = {}
    for channel, ways in found[0]["audiences"].items():
        print(f"  {channel}")
        for way in ways:
            brings = [one["audiences"][channel][way] for one in found]
            over = [one["audiences"][channel][way] - one["audiences"][channel]["random"] for one in found]
            print(f"    {way:<26}{_told(brings)}   over random {_told(over)}")
            figures[f"audiences/{channel}/{way}"] = interval(over)
    return figures


def _hours(found: Sequence[Facts]) -> dict[str, Interval]:
    print("\nHours: the law's factor of the hour of sending, mean over the people allowed the channel")
    rules = list(next(iter(found[0]["hours"].values())))
    print("  " + " " * 10 + "".join(f"{rule:>14}" for rule in rules))
    figures = {}
    for channel in found[0]["hours"]:
        means = [np.mean([one["hours"][channel][rule] for one in found]) for rule in rules]
        print(f"  {channel:<10}" + "".join(f"{mean:>14.3f}" for mean in means))
        for rule in ("first open", "most looks"):
            gain = [one["hours"][channel]["learned hour"] / one["hours"][channel][rule] - 1 for one in found]
            print(f"  {'':<10}learned hour against {rule}: {_told([100 * each for each in gain], 1)} %")
            figures[f"hours/{channel}/over {rule}"] = interval(gain)
    return figures
