"""Which webhooks there are, by `webhook` in `channels.yaml`, with their secrets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from pydantic import SecretStr

from assets.channels.receiver import lob, mailbox, sendgrid, standard, twilio
from assets.channels.receiver.scheme import Scheme
from ml.configuration.channels import ChannelSettings
from ml.configuration.webhooks import WebhookSettings

SCHEMES: Final[Mapping[str, Scheme]] = {
    "standard": cast("Scheme", standard),
    "twilio": cast("Scheme", twilio),
    "sendgrid": cast("Scheme", sendgrid),
    "lob": cast("Scheme", lob),
    "mailbox": cast("Scheme", mailbox),
}


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook that is served at `/webhooks/<name>`."""

    name: str
    channel: str
    scheme: Scheme
    secrets: tuple[str, ...] = field(repr=False)


def hooks_of(channels: Mapping[str, ChannelSettings], secret_of: Callable[[str], SecretStr]) -> dict[str, Hook]:
    """The webhooks of the channels, by name.

    Args:
        channels: Settings by channel.
        secret_of: The secret in an environment variable; raises `LookupError` where it isn't set.

    Raises:
        ValueError: A secret isn't set, or two webhooks have one name.
    """
    hooks: dict[str, Hook] = {}
    for channel, settings in channels.items():
        for one in _listed(settings.webhook):
            hook = _hook(channel, one, secret_of)
            if hook.name in hooks:
                raise ValueError(f"channels.yaml: two webhooks are named '{hook.name}'; give one another name")
            hooks[hook.name] = hook
    return hooks


def _listed(given: WebhookSettings | Sequence[WebhookSettings] | None) -> Sequence[WebhookSettings]:
    if given is None:
        return ()
    return (given,) if isinstance(given, WebhookSettings) else given


def _hook(channel: str, settings: WebhookSettings, secret_of: Callable[[str], SecretStr]) -> Hook:
    names = [name for name in (settings.secret_env, settings.previous_secret_env) if name]
    secrets = tuple(_secret(channel, name, secret_of) for name in names)
    if settings.scheme == "sendgrid":
        for secret in secrets:
            _check_public_key(channel, secret)
    return Hook(settings.name or channel, channel, SCHEMES[settings.scheme], secrets)


def _secret(channel: str, name: str, secret_of: Callable[[str], SecretStr]) -> str:
    try:
        secret = secret_of(name).get_secret_value().strip()
    except LookupError:
        secret = ""
    if not secret:
        raise ValueError(
            f"channels.yaml: {channel}.webhook names the environment variable {name}, which isn't set: "
            "put the secret there; unsigned, anybody could report outcomes"
        )
    return secret


def _check_public_key(channel: str, text: str) -> None:
    try:
        sendgrid.public_key_of(text)
    except ValueError as error:
        raise ValueError(
            f"channels.yaml: {channel}.webhook: the secret must be the provider's public key ({error})"
        ) from None
