"""The SMTP server (RFC 5321; replies after RFC 3463), on aiosmtpd: accepts mail for anybody, with AUTH or without.

A fault meets a connection at its beginning, or a mail at MAIL FROM, and takes effect at its stage.
"""

import asyncio
import contextlib
import logging
import re
from typing import Any, Final

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from market.sandbox.accounts import Accounts, derived
from market.sandbox.book import FAULT, Book
from market.sandbox.clock import Clock
from market.sandbox.exchange import Accepted
from market.sandbox.faults import AT_CONNECT, Faults
from market.sandbox.mail import Mail, Postbox

HOST: Final = "sandbox.localhost"
MOST_BYTES: Final = 10_000_000
CHANNEL: Final = "email"
_DOT: Final = b".\r\n"
_PLAIN: Final = re.compile(r"<([A-Za-z0-9._+=-]+@[A-Za-z0-9.-]+)>\s*(.*)")
_REPLIES: Final = {
    "temporary_connect": "421 4.3.2 Service not available, closing transmission channel",
    "permanent_connect": "554 5.3.2 No SMTP service here",
    "temporary_helo": "421 4.3.2 Service not available, closing transmission channel",
    "permanent_helo": "550 5.7.1 Go away",
    "temporary_mail": "451 4.3.0 Requested action aborted: local error in processing",
    "permanent_mail": "550 5.7.1 Sender refused",
    "temporary_rcpt": "450 4.2.1 Mailbox unavailable, greylisted",
    "permanent_rcpt": "550 5.1.1 Mailbox does not exist",
    "temporary_data": "451 4.3.0 Requested action aborted: local error in processing",
    "permanent_data": "554 5.6.0 Transaction failed",
    "temporary_end": "452 4.3.1 Insufficient system storage",
    "permanent_end": "554 5.7.1 Message refused as spam",
    "error_after": "451 4.3.0 Requested action aborted: local error in processing",
}


class MailHandler:
    """What the connections of a server share; aiosmtpd calls its hooks."""

    def __init__(self, accounts: Accounts, faults: Faults, book: Book, postbox: Postbox, clock: Clock) -> None:
        self.accounts = accounts
        self.faults = faults
        self.book = book
        self.postbox = postbox
        self.clock = clock
        self.reads_text = False
        self._count = 0

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        """Checks a user and password of AUTH PLAIN or LOGIN."""
        right = (self.accounts.smtp_user.encode(), self.accounts.smtp_password.encode())
        is_right = isinstance(data, LoginPassword) and (data.login, data.password) == right
        return AuthResult(success=is_right, handled=False)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd looks hooks up by name
        self, server: "Connection", _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Begins a mail, and draws its fault."""
        server.fault = self.faults.draw(CHANNEL, besides=AT_CONNECT)
        if server.fault.endswith("_mail"):
            return _REPLIES[server.fault]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: "Connection", _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes a recipient."""
        if server.fault.endswith("_rcpt"):
            return _REPLIES[server.fault]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: "Connection", _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Takes the mail, unless its fault comes before that."""
        fault = server.fault
        if fault.endswith("_end"):
            return _REPLIES[fault]
        if fault == "drop_before":
            await server.drop()
        number = self._accept(envelope, fault)
        if fault == "drop_after":
            await server.drop()
        if fault == "slow":
            await asyncio.sleep(self.faults.settings["slow_s"])
        if fault == "hang":
            await asyncio.sleep(self.faults.settings["hang_s"])
            await server.drop()
        return _REPLIES[fault] if fault == "error_after" else f"250 2.0.0 OK: queued as {number}"

    def _accept(self, envelope: Envelope, fault: str) -> str:
        self._count += 1
        number = derived(self.accounts.seed, "smtp", str(self._count)).hex()[:12].upper()
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        mail = Mail(envelope.mail_from or "", tuple(envelope.rcpt_tos), content, self.clock.now())
        self.postbox.add(mail)
        deliveries = self._deliveries(mail, number)
        self.book.add(deliveries, mail.at)
        if fault == "double":
            self.book.add(deliveries, mail.at, cause=FAULT)
        return number

    def _deliveries(self, mail: Mail, number: str) -> list[Accepted]:
        key = mail.key() or number
        facts, text, sender = (mail.facts(), mail.text(), mail.from_address()) if self.reads_text else ({}, "", "")
        return [
            Accepted(
                channel=CHANNEL,
                key=key if len(mail.recipients) == 1 else f"{key}/{place}",
                provider_id=number,
                content=mail.content,
                recipient={"email": address},
                facts=facts,
                text=text,
                sender=sender,
            )
            for place, address in enumerate(mail.recipients)
        ]


class Connection(SMTP):  # type: ignore[misc]  # aiosmtpd has no types
    """One connection, with the fault of its present mail."""

    line_length_limit = MOST_BYTES  # of the reader: a mail is read in few pieces

    def __init__(self, handler: MailHandler, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            handler,
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            hostname=HOST,
            ident="ESMTP",
            auth_require_tls=False,
            authenticator=handler.authenticate,
            loop=loop,
        )
        self.handler = handler
        self.fault = ""

    async def drop(self) -> None:
        """Breaks the connection off without a reply; the connection's end cancels what waits here."""
        self._writer.transport.abort()
        await asyncio.Event().wait()

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """The address and what follows it; plain ones without aiosmtpd's full parser, which takes a third of a mail's time."""
        found = _PLAIN.fullmatch(arg)
        return (found[1], found[2]) if found is not None else super()._getaddr(arg)

    async def _handle_client(self) -> None:
        self.fault = self.handler.faults.draw(CHANNEL, among=AT_CONNECT)
        with contextlib.suppress(ConnectionError):  # the client's going is no error of ours
            if self.fault.endswith("_connect"):
                await self.push(_REPLIES[self.fault])
                self._writer.close()
                return
            await super()._handle_client()

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802
        """HELO, which a fault can refuse."""
        if not await self._refused("_helo"):
            await super().smtp_HELO(hostname)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        """EHLO, which a fault can refuse."""
        if not await self._refused("_helo"):
            await super().smtp_EHLO(hostname)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """DATA, which a fault can refuse before the mail is sent; the mail is read in one piece.

        aiosmtpd reads it line by line, which takes half of a mail's time.
        """
        if await self._refused("_data"):
            return
        if self.session is None or self.envelope is None or not self.envelope.rcpt_tos or arg:
            await super().smtp_DATA(arg)  # says what is wrong
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        try:
            content = await self._mail()
        except asyncio.LimitOverrunError:
            await self.push("552 5.3.4 Message too big for system")
            self._writer.close()
            return
        self.envelope.content = self.envelope.original_content = content
        status = await self.handler.handle_DATA(self, self.session, self.envelope)
        self._set_post_data_state()
        await self.push(status)

    async def _mail(self) -> bytes:
        """What comes before the line with a lone dot, without the dots that were put before dots (RFC 5321, 4.5.2)."""
        parts = [await self._reader.readuntil(_DOT)]
        while parts[-1] != _DOT and not parts[-1].endswith(b"\r\n" + _DOT):
            parts.append(await self._reader.readuntil(_DOT))
        stuffed = b"".join([b"\r\n", *parts])[: -len(_DOT)]
        return stuffed.replace(b"\r\n..", b"\r\n.")[2:]

    async def _refused(self, stage: str) -> bool:
        if not self.fault.endswith(stage):
            return False
        await self.push(_REPLIES[self.fault])
        if stage == "_data":
            self._set_post_data_state()
        return True


async def listen(handler: MailHandler, port: int) -> asyncio.Server:
    """Serves SMTP on loopback; port 0 takes a free one."""
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # who comes and goes; a refused peer is no error
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(handler, loop), "127.0.0.1", port)
