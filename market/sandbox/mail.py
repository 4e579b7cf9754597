"""Reads mails: the sender's ids in the headers, and the whole on demand."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage, Message
from email.parser import BytesHeaderParser, BytesParser
from email.utils import parseaddr
from typing import Any, Final

from market.sandbox.keys import FACTS, key_in_message_id

_PARSER: Final = BytesHeaderParser(policy=policy.compat32)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it came.

    Attributes:
        sender: Envelope sender (MAIL FROM), where bounces go.
        recipients: Envelope recipients.
        content: Headers and body.
        at: The sandbox's time.
    """

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    at: datetime

    def key(self) -> str:
        """The sender's id: the Message-ID's part before the ``@``; empty without one."""
        return key_in_message_id(str(self._headers().get("Message-ID", "")))

    def facts(self) -> dict[str, str]:
        """The contract's ids in headers of the sender's own, such as ``X-Shop-Offer-Id``."""
        own = {
            name.lower().replace("-", "_"): str(value)
            for name, value in self._headers().items()
            if name.lower().startswith("x-")
        }
        return {fact: value for fact in FACTS for name, value in own.items() if name.endswith(f"_{fact}")}

    def _headers(self) -> Message:
        return _PARSER.parsebytes(self.content.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")

    def parsed(self) -> EmailMessage:
        """The mail with its parts decoded."""
        return BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(self.content)

    def text(self) -> str:
        """The plain text, else the HTML, with the subject before it."""
        message = self.parsed()
        part = message.get_body(("plain", "html"))
        return f"{message.get('Subject', '')}\n{part.get_content() if part is not None else ''}"

    def told(self) -> dict[str, Any]:
        """Envelope, headers, and each part's type and content, for the control endpoint."""
        message = self.parsed()
        parts = [
            {"content_type": part.get_content_type(), "content": part.get_content()}
            for part in message.walk()
            if part.get_content_maintype() == "text"
        ]
        return {
            "mail_from": self.sender,
            "rcpt_to": list(self.recipients),
            "received_at": self.at.isoformat(),
            "headers": [[name, str(value)] for name, value in message.items()],
            "content_type": message.get_content_type(),
            "defects": [type(defect).__name__ for part in message.walk() for defect in part.defects],
            "parts": parts,
        }

    def from_address(self) -> str:
        """The address in ``From``."""
        return parseaddr(str(self._headers().get("From", "")))[1]


class Postbox:
    """Keeps the newest mails in memory.

    Args:
        most: How many.
    """

    def __init__(self, most: int) -> None:
        self._mails: deque[Mail] = deque(maxlen=most)
        self.count = 0

    def add(self, mail: Mail) -> None:
        """Keeps a mail; the oldest goes when it's full."""
        self._mails.append(mail)
        self.count += 1

    def newest(self, count: int) -> Sequence[Mail]:
        """The newest mails, the newest first."""
        return [mail for _, mail in zip(range(count), reversed(self._mails), strict=False)]
