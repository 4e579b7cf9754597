"""Run Wayfinder on the Complete Journey: `python -m examples.complete_journey --home DIR --from 2017-10-02 --days 3`."""

import argparse
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

from examples.complete_journey.landing import write_landing

CONFIG = Path(__file__).with_name("config")
WAYFINDER = Path(sys.executable).with_name("wayfinder")


def main() -> int:
    """Write each day's files and run its cycle; the history ends where the first day begins."""
    parser = argparse.ArgumentParser(prog="python -m examples.complete_journey", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="a new folder for the workspace")
    parser.add_argument("--from", dest="start", type=date.fromisoformat, default=date(2017, 10, 2))
    parser.add_argument("--days", type=int, default=3)
    arguments = parser.parse_args()
    before = None
    for day in (arguments.start + timedelta(days=n) for n in range(arguments.days)):
        print(f"{day}: landed {write_landing(arguments.home, day, before)}", flush=True)
        wayfinder("cycle", "--date", day.isoformat(), home=arguments.home, at=f"{day}T10:00:00+00:00")
        wayfinder("dispatch", home=arguments.home, at=f"{day}T23:30:00+00:00")
        before = day
    wayfinder("status", home=arguments.home, at=f"{day}T23:45:00+00:00")
    return 0


def wayfinder(verb: str, *words: str, home: Path, at: str) -> None:
    """Call a verb of the command line, as any outside program would."""
    command = [str(WAYFINDER), verb, *words, "--home", str(home), "--config", str(CONFIG), "--at", at]
    subprocess.run(command, check=True)  # noqa: S603 - our own words


if __name__ == "__main__":
    sys.exit(main())
