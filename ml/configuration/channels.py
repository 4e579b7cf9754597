"""Which driver a channel uses, and its settings (`channels.yaml`)."""

import re
from typing import Any, Final, Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from ml.configuration.base import Model
from ml.configuration.webhooks import WebhookSettings

_SECRET: Final = re.compile(
    r"(password|passwd|secret|token|api_?key|auth_key|private_key|credential)s?$", re.IGNORECASE
)


class ChannelSettings(Model):
    """A driver's name and its settings; the driver itself checks those.

    A secret stands here only by the name of an environment variable, in a key that ends in `_env`.
    """

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    __pydantic_extra__: dict[str, JsonValue] = Field(init=False)

    driver: str = Field(
        default="file", pattern=r"^[a-z][a-z0-9_]*$", description="name of the driver, such as file or smtp"
    )
    rate_per_second: float | None = Field(
        default=None, gt=0, description="messages a second that the channel takes; no bound where not given"
    )
    webhook: WebhookSettings | list[WebhookSettings] | None = Field(
        default=None, description="what the channel's provider reports to, one or a list with a name each"
    )
    origins: list[str] = Field(default=[], description="web: sites whose pages may ask for decisions")

    @model_validator(mode="after")
    def _no_secrets(self) -> Self:
        for name, value in self.settings.items():
            if _SECRET.search(name):
                raise ValueError(
                    f"a secret isn't written here: put it into an environment variable and write {name}_env: ITS_NAME"
                )
            if name.endswith("_env") and not (
                isinstance(value, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value)
            ):
                raise ValueError(f"{name} is the name of an environment variable")
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """Everything but the driver's name."""
        return dict(self.__pydantic_extra__ or {})
