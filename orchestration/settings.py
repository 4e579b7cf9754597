"""Where a workspace lives and which servers it uses. The only reader of the environment."""

import os
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ml.entities import CallReader
from orchestration.errors import BadInput

CHECKOUT: Final = Path(__file__).resolve().parents[1]
DBT_PROJECT: Final = CHECKOUT / "dbt_project"

QUIET: Final = {
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "MPLBACKEND": "Agg",
}
"""Set for this process and its children: nothing phones home, and no model is loaded from a pickle."""


class Settings(BaseSettings):
    """Settings of one workspace, each from `WAYFINDER_<NAME>` where it isn't given."""

    model_config = SettingsConfigDict(env_prefix="WAYFINDER_", extra="ignore", validate_default=True)

    home: Path = Field(CHECKOUT / "var", description="Folder that holds everything the system reads and writes")
    config: Path = Field(CHECKOUT / "config", description="Folder of objectives, actions, policy and channels")
    ledger_url: SecretStr | None = Field(
        None, description="SQLAlchemy URL of the ledger; SQLite in the home without it"
    )
    mlflow_uri: str | None = Field(None, description="MLflow tracking server; SQLite in the home without it")
    public_url: str = Field(
        "http://127.0.0.1:8000", description="Where recipients reach the receiver: base of unsubscribe links"
    )
    mode: Literal["local", "live"] = Field(
        "local", description="Whether drivers may reach beyond this machine: only where it is live"
    )
    threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, description="Cores that one step may use")
    seed: int = Field(20260105, description="Seed of everything that is drawn, together with the cycle it is drawn for")
    call_reader: CallReader = Field(
        "words", description="What calls are read by: their words, or what their sentences mean (extra `sentences`)"
    )
    notify_webhook_url: SecretStr | None = Field(None, description="Gets notices of failures as JSON by POST")
    notify_email_to: str | None = Field(None, description="Gets the same by e-mail")
    notify_email_from: str = Field("wayfinder@localhost", description="Sender of notices")
    notify_smtp_host: str = Field("127.0.0.1", description="SMTP server for notices")
    notify_smtp_port: int = Field(25, description="Its port")
    notify_smtp_user: str | None = Field(None, description="Its user; then the connection is encrypted (STARTTLS)")
    notify_smtp_password: SecretStr | None = Field(None, description="The user's password")

    @classmethod
    def read(cls, **given: Path) -> "Settings":
        """Settings of the environment, `given` ones instead of its own, with absolute folders.

        Raises:
            BadInput: A variable can't be used; the message names it, and doesn't repeat what it holds.
        """
        try:
            return cls().model_copy(update=given).resolved()
        except ValidationError as error:
            prefix = cls.model_config["env_prefix"]
            wrong = [f"{prefix}{each['loc'][0]}".upper() + f": {each['msg']}" for each in error.errors()]
            raise BadInput("; ".join(wrong)) from None

    def resolved(self) -> "Settings":
        """The same settings with absolute folders, so that children with another working folder agree."""
        return self.model_copy(update={"home": self.home.resolve(), "config": self.config.resolve()})

    @staticmethod
    def secret(name: str) -> SecretStr:
        """The secret in the environment variable of that name, as `channels.yaml` refers to it.

        Raises:
            LookupError: It isn't set, or empty.
        """
        value = os.environ.get(name)
        if not value:
            raise LookupError(name)
        return SecretStr(value)

    def environment(self) -> dict[str, str]:
        """The variables that make a child process work on the same workspace.

        The ledger's URL is not among them: it holds a secret and reaches children through the environment alone.
        """
        return {
            **QUIET,
            "WAYFINDER_HOME": str(self.home),
            "WAYFINDER_CONFIG": str(self.config),
            "WAYFINDER_MODE": self.mode,
            "WAYFINDER_THREADS": str(self.threads),
            "WAYFINDER_SEED": str(self.seed),
            "WAYFINDER_CALL_READER": self.call_reader,
            "DAGSTER_HOME": str(self.home / "dagster"),
            "WAYFINDER_WAREHOUSE": str(self.home / "warehouse" / "build" / "wayfinder.duckdb"),
            "DBT_PROFILES_DIR": str(DBT_PROJECT),
            "DBT_LOG_PATH": str(self.home / "dbt" / "logs"),
            "NUMBA_CACHE_DIR": str(self.home / "cache" / "numba"),
        }

    def enter(self, **instead: str) -> None:
        """Put `environment()` in force for this process, before anything heavy is imported.

        A simulation enters one home after another; `instead` are variables that stay the same in all of them.
        """
        os.environ.update(self.environment() | instead)
