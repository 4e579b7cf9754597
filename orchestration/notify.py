"""Tells people by webhook or e-mail that something needs them. What is told names jobs, steps, plans and counts, never people.

A notice that can't be delivered is logged: telling about a failure must not become one.
"""

import logging
import smtplib
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, Final

import httpx

from orchestration.settings import Settings

TIMEOUT_S: Final = 10.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notifier:
    """Where notices go; nowhere where nothing is set.

    Attributes:
        webhook_url: Gets a JSON object by POST.
        email_to: Gets a text by SMTP over `smtp_host:smtp_port`.
        smtp_user: Where the server asks for one: then the connection is encrypted (STARTTLS) first.
    """

    webhook_url: str | None = field(default=None, repr=False)
    email_to: str | None = None
    email_from: str = "wayfinder@localhost"
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 25
    smtp_user: str | None = None
    smtp_password: str | None = field(default=None, repr=False)

    def notify(self, subject: str, facts: Mapping[str, Any]) -> list[str]:
        """Tell everybody that is set; returns the ways that failed, with the kind of error and nothing of its text."""
        ways = {"webhook": self._post} if self.webhook_url else {}
        ways |= {"email": self._mail} if self.email_to else {}
        failed = []
        for name, tell in ways.items():
            try:
                tell(subject, facts)
            except (httpx.HTTPError, smtplib.SMTPException, OSError) as error:
                failed.append(f"{name}: {type(error).__name__}")
                _log.warning("a notice could not be delivered by %s (%s)", name, type(error).__name__)
        return failed

    def _post(self, subject: str, facts: Mapping[str, Any]) -> None:
        body = {"source": "wayfinder", "subject": subject, **facts}
        httpx.post(str(self.webhook_url), json=body, timeout=TIMEOUT_S, follow_redirects=False).raise_for_status()

    def _mail(self, subject: str, facts: Mapping[str, Any]) -> None:
        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = f"Wayfinder: {subject}", self.email_from, self.email_to
        message.set_content("\n".join(f"{name}: {value}" for name, value in facts.items()))
        with smtplib.SMTP(self.smtp_host, self.smtp_port, timeout=TIMEOUT_S) as server:
            if self.smtp_user:
                server.starttls()
                server.login(self.smtp_user, self.smtp_password or "")
            server.send_message(message)


def notifier_of(settings: Settings) -> Notifier:
    """The notifier that the settings name."""
    return Notifier(
        webhook_url=settings.notify_webhook_url.get_secret_value() if settings.notify_webhook_url else None,
        email_to=settings.notify_email_to,
        email_from=settings.notify_email_from,
        smtp_host=settings.notify_smtp_host,
        smtp_port=settings.notify_smtp_port,
        smtp_user=settings.notify_smtp_user,
        smtp_password=settings.notify_smtp_password.get_secret_value() if settings.notify_smtp_password else None,
    )
