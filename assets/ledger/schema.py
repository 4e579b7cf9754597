"""The schema's version: migrations run once, however many processes start together."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from assets.ledger.engine import reading, writing

HEAD = "0009_memberships"
_UPGRADE_LOCK = 7_203_771  # any constant of our own, for PostgreSQL's advisory lock


def upgrade(engine: Engine) -> None:
    """Run the migrations that are missing. Costs small queries and no lock where none is."""
    if _is_ready(engine):
        return
    with _alone(engine):
        if _version(engine) == HEAD:
            return
        with writing(engine) as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
            _migrate(connection)


def _is_ready(engine: Engine) -> bool:
    """Whether nothing is missing. Who may read and write a ledger need not be who may lock it: another user made the lock."""
    if _version(engine) != HEAD:
        return False
    if engine.dialect.name != "sqlite":
        return True
    with engine.connect() as connection:
        return connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def _version(engine: Engine) -> str | None:
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - half a second that only a new ledger needs
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Alone with a SQLite file, and it in WAL, which the file keeps.

    SQLite refuses a change to WAL at once where another process writes. Nobody migrates meanwhile, and who writes to a ledger
    that was copied without WAL is waited for.
    """
    if engine.dialect.name != "sqlite":
        yield
        return
    with Path(f"{engine.url.database}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with writing(engine):
            pass
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        yield
