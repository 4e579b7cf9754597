"""E-mail by SMTP: connections that are kept, and what a lost answer means at each step."""

import smtplib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from pydantic import SecretStr

from assets.channels.contract import Delivery, Message, Reason, Receipt, detail_of
from assets.channels.email_message import compose, one_address, parse_sender
from assets.channels.hosts import check_server, is_loopback
from assets.channels.lanes import Lanes, hand_over
from assets.ledger.records import ReceiptStatus
from ml.configuration.drivers import SmtpSettings

_ASKS_FOR_BODY: Final = 354
_CLOSING: Final = 421
_REFUSED: Final = 400  # RFC 5321, 4.2.1: from here on not accepted
_PERMANENT: Final = 500
_GONE: Final = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")
"""Enhanced codes of RFC 3463 for an address that doesn't exist or takes no mail any more."""


class SmtpDriver:
    """Hands e-mail over to one mail server.

    SMTP has no key, so a message is `blind`: until its last line was handed to the connection it certainly didn't
    arrive; from there on only the server's answer tells, and without one it's `unknown`.

    Args:
        settings: The channel's part of `channels.yaml`.
        user: For AUTH.
        password: For AUTH.
        is_live: Whether the workspace may send beyond this machine.

    Raises:
        ForbiddenHostError: The server is beyond this machine and the workspace isn't live.
        ValueError: `from` isn't one address, or a password would go over the network in the clear.
    """

    delivery: Delivery = "blind"
    key_horizon: timedelta | None = None

    def __init__(
        self,
        settings: SmtpSettings,
        *,
        user: SecretStr | None = None,
        password: SecretStr | None = None,
        is_live: bool = False,
    ) -> None:
        check_server(settings.host, place="channels.yaml: email.host", is_live=is_live)
        self._settings, self._user, self._password, self._is_live = settings, user, password, is_live
        self._sender = parse_sender(settings.sender)
        self._reply_to = one_address(settings.reply_to) if settings.reply_to else None
        self._security = settings.security or ("none" if is_loopback(settings.host) else "starttls")
        if user and self._security == "none" and not is_loopback(settings.host):
            raise ValueError("channels.yaml: email.security is none: a password needs starttls or tls")
        self._lanes = Lanes(settings.connections)
        self._connections: dict[int, smtplib.SMTP] = {}

    def deliver(self, messages: Sequence[Message], *, at: datetime) -> list[Receipt]:
        """Hand a batch over on several connections, one transaction a message."""

        def prepare(message: Message) -> tuple[str, bytes]:
            return compose(
                message,
                sender=self._sender,
                at=at,
                reply_to=self._reply_to,
                feedback_id=self._settings.feedback_id,
                is_live=self._is_live,
            )

        def send(lane: int, message: Message, made: tuple[str, bytes]) -> Receipt:
            status, detail = self._send(lane, *made)
            return Receipt(message.message_id, status, at, detail=detail)

        return hand_over(messages, at=at, lanes=self._lanes, prepare=prepare, send=send)

    def close(self) -> None:
        """End all connections."""
        for lane in list(self._connections):
            self._drop(lane)

    def _send(self, lane: int, to: str, data: bytes) -> tuple[ReceiptStatus, str]:
        """One message on the lane's connection; where a kept one turns out to be closed, on a new one."""
        is_kept = lane in self._connections
        status, detail = self._transact(lane, to, data)
        is_closed = status == "retry" and lane not in self._connections
        return self._transact(lane, to, data) if is_kept and is_closed else (status, detail)

    def _transact(self, lane: int, to: str, data: bytes) -> tuple[ReceiptStatus, str]:
        """One transaction: envelope, body, answer."""
        try:
            connection = self._connection(lane)
        except smtplib.SMTPAuthenticationError as error:
            return "retry", detail_of("unauthorized", f"SMTP {error.smtp_code}: check the login")
        except (OSError, smtplib.SMTPException) as error:
            return "retry", detail_of("unreachable", type(error).__name__)
        is_handed_over = False
        try:
            for command in (f"MAIL FROM:<{self._sender.addr_spec}>", f"RCPT TO:<{to}>", "DATA"):
                code, text = connection.docmd(command)
                if code >= _REFUSED:
                    return self._refused(lane, code, text)
            if code != _ASKS_FOR_BODY:
                raise smtplib.SMTPServerDisconnected("no 354")
            connection.send(_dotted(data))
            is_handed_over = True
            code, text = connection.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop(lane)
            if is_handed_over:
                return "unknown", detail_of("unanswered", type(error).__name__)
            return "retry", detail_of("unreachable", type(error).__name__)
        return ("sent", "") if code < _REFUSED else self._refused(lane, code, text)

    def _connection(self, lane: int) -> smtplib.SMTP:
        """The lane's connection: a kept one that still answers, or a new one."""
        kept = self._connections.get(lane)
        if kept is not None:
            return kept
        settings = self._settings
        context = None if self._security == "none" else ssl.create_default_context()
        if self._security == "tls":
            made: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.host, settings.port, timeout=settings.timeout_s, context=context
            )
        else:
            made = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_s)
        try:
            made.ehlo_or_helo_if_needed()
            if self._security == "starttls":
                made.starttls(context=context)
                made.ehlo()
            if self._user and self._password:
                made.login(self._user.get_secret_value(), self._password.get_secret_value())
        except BaseException:
            made.close()
            raise
        self._connections[lane] = made
        return made

    def _refused(self, lane: int, code: int, text: bytes) -> tuple[ReceiptStatus, str]:
        """An answer of 4xx or 5xx: certainly not accepted. The transaction is ended, the connection kept if it can be."""
        enhanced = _enhanced(text)
        reason: Reason = "gone" if enhanced in _GONE else "refused"
        if code == _CLOSING:
            self._drop(lane)
        else:
            try:
                self._connections[lane].docmd("RSET")
            except (OSError, smtplib.SMTPException):
                self._drop(lane)
        if code < _PERMANENT:
            return "retry", detail_of("throttled", f"SMTP {code} {enhanced}".strip())
        return "failed", detail_of(reason, f"SMTP {code} {enhanced}".strip())

    def _drop(self, lane: int) -> None:
        with suppress(OSError, smtplib.SMTPException):
            self._connections.pop(lane).close()


def _dotted(data: bytes) -> bytes:
    """The body as DATA wants it: CRLF at each line's end, a leading dot doubled, and the line that ends it."""
    body = data.replace(b"\r\n.", b"\r\n..")
    body = b"." + body if body.startswith(b".") else body
    return body + (b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n")


def _enhanced(text: bytes) -> str:
    """The enhanced status code of RFC 3463 that an answer starts with, such as 5.1.1; nothing else of its text."""
    first = text.split(maxsplit=1)[0].decode("ascii", "replace") if text.split() else ""
    parts = first.split(".")
    is_code = len(parts) == 3 and parts[0] in ("4", "5") and all(part.isdecimal() and len(part) <= 3 for part in parts)  # noqa: PLR2004
    return first if is_code else ""
