"""What assets ask for, as plain objects. Dagster knows these classes; nothing below `orchestration` does."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets.channels.contract import Driver
from assets.channels.drivers import open_drivers
from assets.channels.messages import Unsubscribe
from assets.dbt_build import Dbt, started
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.releasing import Office
from ml.configuration import Configuration, read_configuration
from ml.tracking import Tracking
from orchestration.build import ledger_url, secret_key
from orchestration.settings import DBT_PROJECT, Settings

AT_TAG = "wayfinder/at"


class HomeResource(dg.ConfigurableResource[Home]):
    """Folders of the workspace."""

    def create_resource(self, context: dg.InitResourceContext) -> Home:  # noqa: ARG002
        """The folders that the settings name."""
        return Home(_settings().home)


class ConfigurationResource(dg.ConfigurableResource[Configuration]):
    """What the operator states, read anew for each run."""

    def create_resource(self, context: dg.InitResourceContext) -> Configuration:  # noqa: ARG002
        """The validated configuration.

        Raises:
            ConfigurationError: A file has a mistake; the message lists all of them.
        """
        return read_configuration(_settings().config)


class LedgerResource(dg.ConfigurableResource[Ledger]):
    """The ledger. Its URL comes from the environment, never from run configuration, which Dagster stores."""

    def create_resource(self, context: dg.InitResourceContext) -> Ledger:  # noqa: ARG002
        """The ledger that the settings name."""
        return Ledger(ledger_url(_settings()))


class TrackingResource(dg.ConfigurableResource[Tracking]):
    """Runs and registered models."""

    def create_resource(self, context: dg.InitResourceContext) -> Tracking:  # noqa: ARG002
        """The tracking store that the settings name."""
        return tracking_of(_settings())


class OfficeResource(dg.ConfigurableResource[Office]):
    """What releasing a plan needs."""

    def create_resource(self, context: dg.InitResourceContext) -> Office:  # noqa: ARG002
        """The office of the workspace."""
        return office_of(_settings())


class DriversResource(dg.ConfigurableResource[dict[str, Driver]]):
    """The driver of each channel, as channels.yaml says."""

    def create_resource(self, context: dg.InitResourceContext) -> dict[str, Driver]:  # noqa: ARG002
        """Drivers by channel."""
        settings = _settings()
        return drivers_of(settings, read_configuration(settings.config))


class ClockResource(dg.ConfigurableResource[datetime]):
    """Business time: the run's `wayfinder/at` tag, else the wall clock."""

    def create_resource(self, context: dg.InitResourceContext) -> datetime:
        """An aware datetime in UTC."""
        tag = context.run.tags.get(AT_TAG) if context.run else None
        return datetime.fromisoformat(tag).astimezone(UTC) if tag else datetime.now(UTC)


class SeedResource(dg.ConfigurableResource[int]):
    """Seed of everything that is drawn."""

    def create_resource(self, context: dg.InitResourceContext) -> int:  # noqa: ARG002
        """The workspace's seed."""
        return _settings().seed


class ThreadsResource(dg.ConfigurableResource[int]):
    """Cores that a step may use."""

    def create_resource(self, context: dg.InitResourceContext) -> int:  # noqa: ARG002
        """The workspace's number of threads."""
        return _settings().threads


class DbtResource(dg.ConfigurableResource[Dbt]):
    """dbt over the workspace's warehouse."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Dbt]:  # noqa: ARG002
        """A dbt process that loads while the steps before it work."""
        folder = _settings().home / "dbt"
        with started(DBT_PROJECT, folder / "target", folder / "logs") as dbt:
            yield dbt


def build_resources() -> dict[str, Any]:
    """Every resource by the name under which assets ask for it."""
    return {
        "home": HomeResource(),
        "configuration": ConfigurationResource(),
        "ledger": LedgerResource(),
        "tracking": TrackingResource(),
        "office": OfficeResource(),
        "drivers": DriversResource(),
        "at": ClockResource(),
        "seed": SeedResource(),
        "threads": ThreadsResource(),
        "dbt": DbtResource(),
    }


def tracking_of(settings: Settings) -> Tracking:
    """The MLflow server that is set, or a store in the home."""
    if settings.mlflow_uri:
        return Tracking(settings.mlflow_uri)
    return Tracking(f"sqlite:///{settings.home / 'mlflow' / 'mlflow.db'}", settings.home / "mlflow" / "artifacts")


def office_of(settings: Settings) -> Office:
    """What releasing a plan needs, in the workspace of the settings."""
    unsubscribe = Unsubscribe(settings.public_url.rstrip("/"), secret_key(settings))
    return Office(Home(settings.home), Ledger(ledger_url(settings)), read_configuration(settings.config), unsubscribe)


def drivers_of(settings: Settings, configuration: Configuration) -> dict[str, Driver]:
    """The driver of each channel of the configuration, with the secrets that it names.

    Raises:
        ValueError: A secret isn't set, or a driver would reach beyond this machine and the workspace isn't live.
    """
    channels = {str(channel): found for channel, found in configuration.channels.items()}
    outbound = Home(settings.home).outbound
    ledger, is_live = Ledger(ledger_url(settings)), settings.mode == "live"
    return open_drivers(channels, outbound=outbound, ledger=ledger, secrets=settings.secret, is_live=is_live)


def _settings() -> Settings:
    return Settings.read()
