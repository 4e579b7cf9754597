"""The sandbox's verbs of ``python -m market``: ``sandbox`` runs it, ``deliveries`` asks its log."""

import argparse
import contextlib
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from market.relay import Relay

_Instant = Callable[[str], datetime]
_Verbs = Any  # argparse names the type of its subparsers with an underscore


def add_verbs(verbs: _Verbs, answer: argparse.ArgumentParser, instant: _Instant) -> None:
    """Adds the verbs, and what the verb ``answer`` takes to speak with a sandbox."""
    run = verbs.add_parser("sandbox", help="local providers that speak the real protocols, until interrupted")
    run.add_argument("--folder", type=Path, required=True, help="where the log of deliveries and the mailbag go")
    run.add_argument("--port-http", type=int, default=8025, help="0 takes a free one")
    run.add_argument("--port-smtp", type=int, default=1025, help="0 takes a free one")
    run.add_argument("--seed", type=int, default=7, help="of accounts, faults and answers")
    run.add_argument("--faults", action="append", default=[], metavar="CHANNEL.FAULT=RATE", help="several with commas")
    run.add_argument("--at", type=instant, help="business time at the start; default the wall clock")
    run.add_argument("--answer", default="", metavar="URL", help="a receiver that gets answers as signed webhooks")
    run.add_argument("--disorder", default="", help="twice=0.05,late=0.02,shuffled=0.1,late_s=5 of the answers")
    run.add_argument("--mailbag", action="store_true", help="write what was accepted for `market answer --sandbox`")
    ask = verbs.add_parser("deliveries", help="what a sandbox has really accepted, as JSON")
    ask.add_argument("--folder", type=Path, required=True)
    ask.add_argument("--list", action="store_true", help="the rows, one a line, instead of counts")
    ask.add_argument("--channel", help="only its rows")
    answer.add_argument("--sandbox", type=Path, help="a sandbox's folder: its mailbag is answered besides outbound/")
    answer.add_argument("--webhooks", default="", metavar="URL", help="receiver that is told of the sandbox's messages")
    answer.add_argument("--seed", type=int, default=7, help="the sandbox's: its accounts follow from it")
    answer.add_argument("--disorder", default="", help="as in `sandbox`")
    answer.add_argument("--signed-at", type=instant, help="instant that signatures are dated with; default now")


def run_sandbox(options: argparse.Namespace) -> None:
    """Runs the sandbox until it is interrupted."""
    from market.sandbox.faults import parsed  # noqa: PLC0415
    from market.sandbox.poster import disorder_of  # noqa: PLC0415
    from market.sandbox.server import Options, serve  # noqa: PLC0415

    wanted = Options(
        options.folder,
        options.port_http,
        options.port_smtp,
        options.seed,
        parsed(options.faults),
        options.at,
        options.answer,
        disorder_of(options.disorder),
        options.mailbag,
    )
    with contextlib.suppress(KeyboardInterrupt):
        serve(wanted)


def ask_deliveries(options: argparse.Namespace) -> str:
    """The log's counts as one JSON object, or its rows as JSON lines."""
    from market.sandbox.book import counts_of, opened, rows_of  # noqa: PLC0415

    with contextlib.closing(opened(options.folder)) as connection:
        if not options.list:
            return json.dumps(counts_of(connection))
        return "\n".join(json.dumps(row) for row in rows_of(connection, options.channel, 0, -1))


def relay_of(options: argparse.Namespace) -> Relay | None:
    """How `answer` speaks with a sandbox; None where it doesn't."""
    if options.sandbox is None:
        return None
    from market.sandbox.relay import SandboxRelay  # noqa: PLC0415

    return SandboxRelay(options.sandbox, options.webhooks, options.seed, options.disorder, options.signed_at)
