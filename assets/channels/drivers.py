"""Which driver a channel has, by its settings in `channels.yaml`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from assets.channels.contract import Driver, Secrets
from assets.channels.endpoint import EndpointDriver
from assets.channels.file import FileDriver
from assets.channels.google_audience import GoogleAudienceDriver
from assets.channels.lob import LobDriver
from assets.channels.mail_drop import MailDropDriver
from assets.channels.meta_audience import MetaAudienceDriver
from assets.channels.smtp import SmtpDriver
from assets.channels.twilio_sms import TwilioSmsDriver
from assets.channels.twilio_voice import TwilioVoiceDriver
from assets.channels.web_push import WebPushDriver
from assets.ledger.ledger import Ledger
from ml.configuration import drivers as settings_of
from ml.configuration.channels import ChannelSettings
from ml.entities import CHANNELS

NETWORKED: Final[Mapping[str, tuple[Callable[..., Any], Mapping[str, str]]]] = {
    "smtp": (SmtpDriver, {"user": "username_env", "password": "password_env"}),
    "twilio_sms": (TwilioSmsDriver, {"token": "auth_token_env"}),
    "twilio_voice": (TwilioVoiceDriver, {"token": "auth_token_env"}),
    "web_push": (WebPushDriver, {"key": "vapid_private_key_env"}),
    "lob": (LobDriver, {"key": "api_key_env"}),
    "meta_audience": (MetaAudienceDriver, {"token": "access_token_env"}),
    "google_audience": (
        GoogleAudienceDriver,
        {name: f"{name}_env" for name in ("developer_token", "client_id", "client_secret", "refresh_token")},
    ),
}
"""Drivers that reach a server: how each is made, and which setting names which of its secrets."""


class NotAllowedError(ValueError):
    """A driver that would reach people has nobody's word for it. The message names the channel and how to give it."""


class MissingSecretError(ValueError):
    """A secret that `channels.yaml` names isn't there. The message names the channel, the key and the variable."""


def no_secrets(name: str) -> SecretStr:
    """Where a workspace has none.

    Raises:
        LookupError: Always.
    """
    raise LookupError(name)


def open_drivers(
    channels: Mapping[str, ChannelSettings],
    *,
    outbound: Path,
    ledger: Ledger,
    secrets: Secrets = no_secrets,
    is_live: bool = False,
) -> dict[str, Driver]:
    """A driver for each of the eight channels. Nothing is connected to yet.

    Args:
        channels: Settings by channel; `file` where there are none.
        outbound: The home's `outbound` folder.
        ledger: Keeps who let a driver go live, and what the web endpoint may show.
        secrets: Values of environment variables; raises `LookupError` for one that isn't set.
        is_live: Whether messages may go beyond this machine.

    Raises:
        MissingSecretError: An environment variable that is named isn't set.
        ForbiddenHostError: A driver would reach beyond this machine and the workspace isn't live.
        NotAllowedError: The workspace is live, and no person has let this driver go live on its channel.
    """
    default = settings_of.FileSettings()
    return {
        channel: open_driver(
            channel, channels.get(channel, default), outbound=outbound, ledger=ledger, secrets=secrets, is_live=is_live
        )
        for channel in CHANNELS
    }


def open_driver(
    channel: str,
    settings: ChannelSettings,
    *,
    outbound: Path,
    ledger: Ledger,
    secrets: Secrets = no_secrets,
    is_live: bool = False,
) -> Driver:
    """The driver of one channel; arguments and errors as of `open_drivers`."""

    def secret(key: str) -> SecretStr:
        name = getattr(settings, key)
        try:
            return secrets(name)
        except LookupError:
            raise MissingSecretError(
                f"channels.yaml: {channel}.{key} names {name}, which isn't set: put the secret into that variable"
            ) from None

    if isinstance(settings, settings_of.FileSettings):
        return FileDriver(outbound / channel)
    if isinstance(settings, settings_of.MailDropSettings):
        return MailDropDriver(settings, outbound / channel)
    if isinstance(settings, settings_of.EndpointSettings):
        return EndpointDriver(ledger.web)
    if is_live and not ledger.live.is_allowed(channel, settings.driver):
        raise NotAllowedError(
            f"channels.yaml: {channel}.driver is {settings.driver}, which reaches people, and nobody has let it: "
            f"`wayfinder live allow {channel} --by NAME` once, when what it sends has been looked at"
        )
    made, keys = NETWORKED[settings.driver]
    needed = {argument: secret(key) for argument, key in keys.items() if getattr(settings, key)}
    driver: Driver = made(settings, **needed, is_live=is_live)
    return driver
