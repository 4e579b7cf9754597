"""Opens the workspace's ledger and nothing else: a stop must not wait for Dagster, dbt or pandas."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from assets.ledger.engine import open_engine
from assets.ledger.schema import upgrade
from orchestration.build import ledger_url
from orchestration.errors import BadInput, WorkFailed
from orchestration.settings import Settings


@contextmanager
def opened(settings: Settings) -> Iterator[Engine]:
    """The engine of the workspace's ledger, with its schema up to date.

    Raises:
        BadInput: The home doesn't exist and no ledger is set: a mistyped `--home` would get a ledger of its own, and
            what was meant to stop would go on.
        WorkFailed: The database can't be reached.
    """
    if settings.ledger_url is None and not settings.home.is_dir():
        raise BadInput(f"--home {settings.home}: no such folder; give the home of the workspace that you mean")
    engine = open_engine(ledger_url(settings))
    try:
        _upgraded(engine)
        yield engine
    finally:
        engine.dispose()


def _upgraded(engine: Engine) -> None:
    try:
        upgrade(engine)
    except OperationalError as error:
        where = engine.url.render_as_string(hide_password=True)
        raise WorkFailed(
            f"the ledger at {where} can't be reached ({type(error.orig).__name__}): is its server up?"
        ) from None
