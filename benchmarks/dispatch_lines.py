"""Local providers for the throughput of dispatch, and the bare clients that no outbox can beat."""

import multiprocessing
import smtplib
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from email.message import EmailMessage

from assets.channels.contract import Delivery, Driver, Message, Receipt
from benchmarks import chaos

_fork = multiprocessing.get_context("fork")


class SmtpDriver:
    """One message a transaction over one connection that stays open.

    Args:
        port: Of a mail server on this machine.
    """

    delivery: Delivery = "blind"
    key_horizon = None

    def __init__(self, port: int) -> None:
        self._line = smtplib.SMTP("127.0.0.1", port, timeout=10)

    def deliver(self, messages: Sequence[Message], *, at: datetime) -> list[Receipt]:
        """Send them one after the other."""
        return [self._send(message, at) for message in messages]

    def _send(self, message: Message, at: datetime) -> Receipt:
        mail = EmailMessage()
        mail["From"], mail["To"] = "shop@example.com", message.recipient["email"]
        mail["Subject"], mail["Message-ID"] = message.content["subject"], f"<{message.message_id}@example.com>"
        mail.set_content(message.content["text"])
        self._line.send_message(mail)
        return Receipt(message.message_id, "sent", at)


@contextmanager
def provider(kind: str) -> Iterator[Driver]:
    """A provider in a process of its own, and a driver that speaks to it.

    Args:
        kind: `http` (keyed) or `smtp` (blind).
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve = (chaos.serve, (port, 0.0, 0)) if kind == "http" else (_serve_smtp, (port,))
    server = _fork.Process(target=serve[0], args=serve[1], daemon=True)
    server.start()
    try:
        _wait_for(port)
        yield chaos.HttpDriver(port, "email", "keyed") if kind == "http" else SmtpDriver(port)
    finally:
        server.kill()
        server.join()


def _wait_for(port: int) -> None:
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"the provider does not answer on port {port}: is something else using it?")


def _serve_smtp(port: int) -> None:
    import asyncio  # noqa: PLC0415 - only in the server's process

    from aiosmtpd.handlers import Sink  # noqa: PLC0415
    from aiosmtpd.smtp import SMTP  # noqa: PLC0415

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: SMTP(Sink()), "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(serve())
