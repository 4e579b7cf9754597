"""`wayfinder serve`: the receiver of provider webhooks and unsubscribes, and the web channel's decision endpoint."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI

from assets.channels.messages import Unsubscribe
from assets.channels.receiver.app import build_receiver
from assets.channels.receiver.hooks import Hook, hooks_of
from assets.home import Home
from assets.ledger.ledger import Ledger
from ml.configuration import Configuration
from ml.configuration.drivers import EndpointSettings
from orchestration.build import ledger_url, secret_key
from orchestration.errors import BadInput
from orchestration.settings import Settings
from orchestration.verbs import configuration_of

MOST_CONNECTIONS = 2_000


def build_app(settings: Settings, at: datetime | None = None) -> FastAPI:
    """The receiver of the workspace of `settings`.

    Args:
        settings: The workspace.
        at: Business time at the start, which goes on from there; the wall clock without it.

    Raises:
        BadInput: The configuration has a mistake, or a secret that it names isn't set.
    """
    configuration = configuration_of(settings)
    Home(settings.home).make()
    sender = configuration.policy.sender
    web = configuration.channels.get("web")
    return build_receiver(
        Ledger(ledger_url(settings)).upgrade(),
        hooks=webhooks_of(settings, configuration),
        unsubscribe=Unsubscribe(settings.public_url.rstrip("/"), secret_key(settings)),
        clock=_clock(at),
        signed_clock=_clock(None),
        sender=sender.name if sender else "",
        origins=web.origins if isinstance(web, EndpointSettings) else (),
    )


def _clock(at: datetime | None) -> Callable[[], datetime]:
    behind = datetime.now(UTC) - at if at else timedelta()
    return lambda: datetime.now(UTC) - behind


def webhooks_of(settings: Settings, configuration: Configuration) -> dict[str, Hook]:
    """The webhooks of the configuration, by name.

    Raises:
        BadInput: A secret isn't set, or a name is taken twice.
    """
    channels = {str(channel): found for channel, found in configuration.channels.items()}
    try:
        return hooks_of(channels, settings.secret)
    except ValueError as error:
        raise BadInput(str(error)) from None


def serve(settings: Settings, host: str, port: int, at: datetime | None = None) -> None:
    """Serve until interrupted. TLS belongs in front: a proxy that passes path, query and body on as they are."""
    import uvicorn  # noqa: PLC0415 - only this verb needs it

    app = build_app(settings, at)
    print(f"receiver: http://{host}:{port}, reached from outside as {settings.public_url} (Ctrl-C ends it)", flush=True)
    # No access log: its lines would hold visitors and unsubscribe tokens.
    uvicorn.run(
        app,
        host=host,
        port=port,
        access_log=False,
        log_level="warning",
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=10,
    )
