"""Compares policies over many days and seeds of the sample market, judged by its truth.

Each seed is a market of its own in which every policy lives through the same days; policies and setting are in
`benchmarks.value.policies` and `benchmarks.value.setting`. The day is Wayfinder's by the functions below its assets
(`benchmarks.value.cycle`). Results are kept in `--out`: an interrupted run goes on where it was. Seeds that judge are 1 to
N; what was tuned (rules, the fixed split's offer, the same-information best) was tuned on seeds 901 to 903.

    python -m benchmarks.value [--quick] [--seeds N] [--law default|sparse|noisy] [--shift DAY:CHANNEL=FACTOR]
                              [--money 0.0004]
"""

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

CHECKOUT: Final = Path(__file__).resolve().parents[2]
COMPARED: Final = ("nothing", "random", "fixed", "rules", "wayfinder", "cold", "same", "same-arms", "truth")
QUICK: Final = ("nothing", "rules", "wayfinder", "truth")
SHIFTED: Final = ("wayfinder", "told", "truth")
"""Where a change is planted."""
TUNED: Final = frozenset({"fixed", "rules", "same", "same-arms"})
"""Policies that rest on the development seeds."""


def main(words: Sequence[str] | None = None) -> int:
    """Run what is missing, show the comparison, and end with one line of JSON."""
    options = _parser().parse_args(words)
    if options.one is not None:
        _run_seed(options, options.one)
        return 0
    if "told" in (options.policies or ()) and not options.shift:
        raise SystemExit("policy `told` is told of a planted change: give one, --shift 2026-01-20:email=0.3")
    begun = time.perf_counter()
    _prepare(options)
    _run_missing(options)
    return _show(options, time.perf_counter() - begun)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="1 seed, 1,500 people, 3 cycles, four policies; under a minute"
    )
    parser.add_argument("--seeds", type=int, default=20, help="seeds 1 to N")
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--law", default="default", help="default, sparse or noisy")
    parser.add_argument("--shift", default="", help="plant a change: DAY:CHANNEL=FACTOR")
    parser.add_argument("--money", type=float, help="a day's money for each person, where it shall be scarce: 0.0004")
    parser.add_argument("--policies", nargs="*", help=f"of {', '.join(COMPARED)}, told")
    parser.add_argument("--processes", type=int, default=2, help="seeds at once")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "var" / "value", help="where results are kept")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    return parser


def _setting(options: argparse.Namespace) -> Any:
    from benchmarks.value.setting import Setting  # noqa: PLC0415 - the parent of processes stays light

    setting = Setting(options.customers, options.days, options.law, options.shift)
    if options.quick:
        setting = Setting(1_500, 3, options.law, options.shift, history_days=120)
    return setting if options.money is None else replace(setting, money_a_person=options.money)


def _policies(options: argparse.Namespace) -> list[str]:
    return list(options.policies or (SHIFTED if options.shift else QUICK if options.quick else COMPARED))


def _seeds(options: argparse.Namespace) -> list[int]:
    return [1] if options.quick else list(range(1, options.seeds + 1))


def _result(options: argparse.Namespace, policy: str, seed: int) -> Path:
    return Path(options.out / _setting(options).name / "results" / f"{seed}-{policy}.json")


def _missing(options: argparse.Namespace, seed: int) -> list[str]:
    return [policy for policy in _policies(options) if not _result(options, policy, seed).exists()]


def _prepare(options: argparse.Namespace) -> None:
    from benchmarks.value.development import yardsticks  # noqa: PLC0415

    if TUNED & {policy for seed in _seeds(options) for policy in _missing(options, seed)}:
        begun = time.perf_counter()
        yardsticks(options.out / _yardstick_name(options), _setting(options), is_quick=options.quick)
        print(f"yardsticks from the development seeds: {time.perf_counter() - begun:.0f} s", flush=True)


def _yardstick_name(options: argparse.Namespace) -> str:
    """Yardsticks are of a law and a size, whatever is planted later and however long the runs are."""
    setting = _setting(options)
    return f"{setting.law}-{setting.customers}-{setting.history_days}d{'-quick' if options.quick else ''}"


def _run_missing(options: argparse.Namespace) -> None:
    """Seeds as processes, so many at once."""
    waiting = [seed for seed in _seeds(options) if _missing(options, seed)]
    if options.processes == 1 or len(waiting) <= 1:
        for seed in waiting:
            _run_seed(options, seed)
        return
    running: dict[int, subprocess.Popen[bytes]] = {}
    while waiting or running:
        while waiting and len(running) < options.processes:
            seed = waiting.pop(0)
            running[seed] = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.value", *sys.argv[1:], "--one", str(seed)]
            )
        time.sleep(0.2)
        for seed in [seed for seed, process in running.items() if process.poll() is not None]:
            if running.pop(seed).returncode != 0:
                raise SystemExit(f"seed {seed} failed; what is done is kept, the same command goes on from there")


def _run_seed(options: argparse.Namespace, seed: int) -> None:
    import shutil  # noqa: PLC0415

    from benchmarks.value.run import run_policy, save  # noqa: PLC0415
    from benchmarks.value.yardstick import Yardsticks  # noqa: PLC0415

    setting, sticks = _setting(options), Yardsticks(options.out / _yardstick_name(options) / "yardsticks")
    folder = options.out / setting.name / str(seed)
    for policy in _missing(options, seed):
        begun = time.perf_counter()
        result = run_policy(policy, setting, seed, folder, sticks)
        save(result, _result(options, policy, seed))
        parts = ", ".join(f"{name} {seconds:.0f}" for name, seconds in result.seconds.items() if seconds >= 0.5)
        print(f"seed {seed}, {policy}: {time.perf_counter() - begun:.0f} s ({parts})", flush=True)
    shutil.rmtree(folder, ignore_errors=True)


def _show(options: argparse.Namespace, seconds: float) -> int:
    from benchmarks.value import show  # noqa: PLC0415
    from benchmarks.value.compare import bars, recovery  # noqa: PLC0415
    from benchmarks.value.setting import START  # noqa: PLC0415
    from orchestration.comparison import Runs, cycles_table, totals_table  # noqa: PLC0415

    setting = _setting(options)
    paths = [_result(options, policy, seed) for policy in _policies(options) for seed in _seeds(options)]
    runs = Runs([json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()])
    found = bars(runs)
    if options.shift:
        at = (date.fromisoformat(options.shift.partition(":")[0]) - START).days + 1
        found += recovery(runs, at)
    picture = show.draw(runs, options.out / setting.name / "value.png")
    print(
        f"\n{len(runs.seeds)} seeds, {setting.customers:,} people, {setting.days} cycles, law {setting.law} {setting.shift}"
    )
    print(f"money a day {setting.money_a_day:.2f}; value is expected margin by the law when sent, per seed\n")
    print(totals_table(runs), cycles_table(runs), show.by_channel(runs), show.verdicts(found), sep="\n\n")
    print(f"\npicture: {picture}")
    figures = {bar.name: {**_plain(bar.figure), "bar": bar.bar, "verdict": bar.verdict} for bar in found}
    facts = {"benchmark": "value", "setting": setting.name, "seeds": len(runs.seeds), "seconds": round(seconds, 1)}
    print(json.dumps(facts | {"figures": figures}))
    return 0


def _plain(figure: Any) -> dict[str, float | None]:
    """An interval for JSON, which has no word for a number that isn't one."""
    return {name: None if math.isnan(value) else round(value, 4) for name, value in asdict(figure).items()}


if __name__ == "__main__":
    sys.exit(main())
