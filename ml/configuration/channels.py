"""Which driver a channel uses, and its settings (`channels.yaml`)."""

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ConfigDict, Field, model_validator

from ml.configuration.base import Model
from ml.configuration.webhooks import WebhookSettings

_SECRET: Final = re.compile(
    r"(password|passwd|secret|token|api_?key|auth_key|private_key|credential)s?$", re.IGNORECASE
)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ChannelSettings(Model):
    """A driver's name and its settings, each driver's in a class of its own (`ml.configuration.drivers`).

    A secret stands here only by the name of an environment variable, in a key that ends in `_env`.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)

    driver: str = Field(default="file", description="name of the driver, such as file or smtp")
    rate_per_second: float | None = Field(
        default=None, gt=0, description="messages a second that the channel takes; no bound where not given"
    )
    webhook: WebhookSettings | list[WebhookSettings] | None = Field(
        default=None, description="what the channel's provider reports to, one or a list with a name each"
    )

    @model_validator(mode="before")
    @classmethod
    def _no_secrets(cls, data: Any) -> Any:
        for name, value in data.items() if isinstance(data, Mapping) else ():
            if _SECRET.search(str(name)):
                raise ValueError(
                    f"a secret isn't written here: put it into an environment variable and write {name}_env: ITS_NAME"
                )
            if str(name).endswith("_env") and not (isinstance(value, str) and _VARIABLE.fullmatch(value)):
                raise ValueError(f"{name} is the name of an environment variable")
        return data
