"""``python -m market``: makes a sample market, answers for it, tells its truth to judges, and runs local providers.

Each verb imports its own part: an answer is asked for twice a simulated day, and start-up is most of a small one.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from market.sandbox.verbs import add_verbs, ask_deliveries, relay_of, run_sandbox
from market.store import Places
from market.words import MarketError


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no ISO 8601 time; write 2026-01-05T13:00:00Z") from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write 2026-01-05") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m market", description=(__doc__ or "").splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    make = verbs.add_parser("make", help="persons, and a year of history in landing/")
    make.add_argument("--customers", type=int, default=200_000)
    make.add_argument("--seed", type=int, default=7)
    make.add_argument("--start", type=_day, default=date(2026, 1, 5), help="first simulated day")
    make.add_argument("--history-days", type=int, default=365)
    make.add_argument("--events-per-customer", type=float, default=50.0)
    make.add_argument("--law", default="default", help="default, sparse or noisy")
    make.add_argument(
        "--shift", action="append", default=[], metavar="DAY:CHANNEL=FACTOR", help="plant a change of a channel's lift"
    )
    make.add_argument("--config", type=Path, help="folder whose actions.yaml names offers and their cost")
    answer = verbs.add_parser("answer", help="what happens in an interval, into landing/")
    answer.add_argument("--from", dest="start", type=_instant, required=True)
    answer.add_argument("--to", dest="end", type=_instant, required=True)
    truth = verbs.add_parser("truth", help="the truth, as a Parquet file for judges")
    truth.add_argument("--what", required=True, help="identity, people, effects, options, value or worth")
    truth.add_argument("--out", type=Path, help="file to write; default TRUTH/<what>.parquet")
    truth.add_argument("--on", type=_day, help="effects, options: day of the messages; default the market's own")
    truth.add_argument("--days", type=int, default=14, help="effects: window")
    truth.add_argument(
        "--offers", default="", help="effects, options: offers, separated by commas; default all that were met"
    )
    answer.add_argument("--config", type=Path, help="folder whose actions.yaml names new offers and their cost")
    add_verbs(verbs, answer, _instant)
    for verb in (make, answer, truth):
        verb.add_argument("--home", type=Path, required=True)
        verb.add_argument("--truth", type=Path, help="where the truth is kept; default HOME/market")
        verb.add_argument("--json", action="store_true", help="the summary for programs")
    return parser


def _make(options: argparse.Namespace, where: Places) -> dict[str, Any]:
    from market.catalogue import read_catalogue  # noqa: PLC0415
    from market.history import Plan, make_market  # noqa: PLC0415
    from market.law import law_named  # noqa: PLC0415

    law = law_named(options.law, options.shift)
    plan = Plan(
        options.customers,
        options.seed,
        options.start,
        options.history_days,
        options.events_per_customer,
        law,
        read_catalogue(options.config),
    )
    rows = make_market(where, plan, _say)
    return {
        "customers": options.customers,
        "seed": options.seed,
        "law": law.name,
        "rows": rows,
        "rows_total": sum(rows.values()),
    }


def _answer(options: argparse.Namespace, where: Places) -> dict[str, Any]:
    from market.answer import answer  # noqa: PLC0415

    return answer(where, options.start, options.end, options.config, relay_of(options))


def _truth(options: argparse.Namespace, where: Places) -> dict[str, Any]:
    from market.truth import tell_truth  # noqa: PLC0415

    out = options.out or where.truth / f"{options.what}.parquet"
    offers = [name for name in options.offers.split(",") if name]
    return tell_truth(where, options.what, out, on=options.on, days=options.days, offers=offers)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a verb; 0 on success, 2 where it was asked for something that cannot be."""
    options = _parser().parse_args(arguments)
    began = time.perf_counter()
    try:
        if options.verb == "sandbox":
            run_sandbox(options)
            return 0
        if options.verb == "deliveries":
            sys.stdout.write(ask_deliveries(options) + "\n")
            return 0
        where = Places(options.home, options.truth or options.home / "market")
        facts = {"make": _make, "answer": _answer, "truth": _truth}[options.verb](options, where)
    except MarketError as error:
        _say(f"market: {error}")
        return 2
    facts["seconds"] = round(time.perf_counter() - began, 2)
    sys.stdout.write((json.dumps(facts) if options.json else _summary(facts)) + "\n")
    return 0


def _summary(facts: dict[str, Any]) -> str:
    lines = []
    for name, value in facts.items():
        if isinstance(value, dict):
            lines += [f"{name}:"] + [f"  {key:<18}{amount:>14,}" for key, amount in value.items()]
        else:
            lines.append(f"{name + ':':<20}{value:>14,}" if isinstance(value, int | float) else f"{name}: {value}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
