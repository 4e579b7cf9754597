"""Which driver a channel has, by its settings in `channels.yaml`."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from assets.channels.contract import Driver, Secrets
from assets.channels.file import FileDriver
from assets.channels.smtp import SmtpDriver
from assets.channels.twilio_sms import TwilioSmsDriver
from ml.configuration import drivers as settings_of
from ml.configuration.channels import ChannelSettings
from ml.entities import CHANNELS


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
    secrets: Secrets = no_secrets,
    is_live: bool = False,
) -> dict[str, Driver]:
    """A driver for each of the eight channels. Nothing is connected to yet.

    Args:
        channels: Settings by channel; `file` where there are none.
        outbound: The home's `outbound` folder.
        secrets: Values of environment variables; raises `LookupError` for one that isn't set.
        is_live: Whether messages may go beyond this machine.

    Raises:
        MissingSecretError: An environment variable that is named isn't set.
        ForbiddenHostError: A driver would reach beyond this machine and the workspace isn't live.
    """
    default = settings_of.FileSettings()
    return {
        channel: open_driver(
            channel, channels.get(channel, default), outbound=outbound, secrets=secrets, is_live=is_live
        )
        for channel in CHANNELS
    }


def open_driver(
    channel: str, settings: ChannelSettings, *, outbound: Path, secrets: Secrets = no_secrets, is_live: bool = False
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

    match settings:
        case settings_of.FileSettings():
            return FileDriver(outbound / channel)
        case settings_of.SmtpSettings():
            login = (
                {"user": secret("username_env"), "password": secret("password_env")} if settings.username_env else {}
            )
            return SmtpDriver(settings, **login, is_live=is_live)
        case settings_of.TwilioSmsSettings():
            return TwilioSmsDriver(settings, token=secret("auth_token_env"), is_live=is_live)
        case _:
            raise TypeError(f"channels.yaml: {channel}.driver '{settings.driver}' has no driver here")
