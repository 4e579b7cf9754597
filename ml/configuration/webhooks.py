"""The webhooks of a channel (`channels.yaml`): who signs, and with which secret."""

from typing import Annotated, Literal

from pydantic import Field

from ml.configuration.base import Model

VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="name of an environment variable")]
Scheme = Literal["standard", "twilio", "sendgrid", "lob", "mailbox"]


class WebhookSettings(Model):
    """One webhook, served at `/webhooks/<name>`.

    Attributes:
        scheme: How its provider signs and what its bodies mean.
        secret_env: Variable with the signing secret; for `sendgrid` with its public key.
        previous_secret_env: Variable with the secret before, while it is changed.
        name: Last part of its path; the channel's name where not given.
    """

    scheme: Scheme
    secret_env: VariableName
    previous_secret_env: VariableName | None = None
    name: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,63}$")
