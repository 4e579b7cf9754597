"""The command line: a thin face over the Dagster jobs and the ledger.

Every verb takes `--home` and `--config`, answers `--json` with the same facts for programs, and exits 0 on success, 1
where the work itself failed, 2 on bad input.
"""

import sys
import warnings

import typer
from rich.console import Console

from orchestration.commands import daily, model, operating, surroundings
from orchestration.errors import BadInput, WorkFailed

app = typer.Typer(
    help=__doc__.splitlines()[0], no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
for part in (daily, operating, model, surroundings):
    app.add_typer(part.app)


def main() -> None:
    """Run a verb and turn what it raises into one clear line and its exit status."""
    warnings.filterwarnings(
        "ignore", module="dagster", category=UserWarning
    )  # about backfill policies that no verb uses
    from pydantic import ValidationError  # noqa: PLC0415

    console = Console(stderr=True)
    try:
        app(standalone_mode=True)
    except (BadInput, ValidationError) as error:
        console.print(f"[bold red]bad input[/]: {error}", highlight=False)
        sys.exit(2)
    except WorkFailed as error:
        console.print(f"[bold red]failed[/]: {error}", highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
