"""What assets ask for, as plain objects. Dagster knows these classes; nothing below `orchestration` does."""

from datetime import UTC, datetime

import dagster as dg

from assets.home import Home
from assets.ledger.ledger import Ledger
from ml.configuration import Configuration, read_configuration
from ml.tracking import Tracking
from orchestration.build import ledger_url
from orchestration.settings import Settings

AT_TAG = "wayfinder/at"


class HomeResource(dg.ConfigurableResource[Home]):
    """Folders of the workspace."""

    def create_resource(self, context: dg.InitResourceContext) -> Home:  # noqa: ARG002
        """The folders that the settings name."""
        return Home(Settings().resolved().home)


class ConfigurationResource(dg.ConfigurableResource[Configuration]):
    """What the operator states, read anew for each run."""

    def create_resource(self, context: dg.InitResourceContext) -> Configuration:  # noqa: ARG002
        """The validated configuration.

        Raises:
            ConfigurationError: A file has a mistake; the message lists all of them.
        """
        return read_configuration(Settings().resolved().config)


class LedgerResource(dg.ConfigurableResource[Ledger]):
    """The ledger. Its URL comes from the environment, never from run configuration, which Dagster stores."""

    def create_resource(self, context: dg.InitResourceContext) -> Ledger:  # noqa: ARG002
        """The ledger that the settings name."""
        return Ledger(ledger_url(Settings().resolved()))


class TrackingResource(dg.ConfigurableResource[Tracking]):
    """Runs and registered models."""

    def create_resource(self, context: dg.InitResourceContext) -> Tracking:  # noqa: ARG002
        """The tracking store that the settings name."""
        return tracking_of(Settings().resolved())


class ClockResource(dg.ConfigurableResource[datetime]):
    """Business time: the run's `wayfinder/at` tag, else the moment the run began."""

    def create_resource(self, context: dg.InitResourceContext) -> datetime:
        """An aware datetime in UTC, the same for every asset of a run."""
        tag = context.run.tags.get(AT_TAG) if context.run else None
        if tag:
            return datetime.fromisoformat(tag).astimezone(UTC)
        return datetime.now(UTC)


def tracking_of(settings: Settings) -> Tracking:
    """The MLflow server that is set, or a store in the home."""
    uri = settings.mlflow_uri or f"sqlite:///{settings.home / 'mlflow' / 'mlflow.db'}"
    return Tracking(uri, settings.home / "mlflow" / "artifacts")
