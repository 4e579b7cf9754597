"""An e-mail as it goes over the wire, from a message of the outbox."""

import binascii
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.utils import format_datetime, formataddr, parseaddr
from typing import Final

from assets.channels.contract import Message, Unsendable
from assets.channels.recipients import is_one_address

ID_HEADER: Final = "X-Wayfinder-Message-Id"
MAX_LINE: Final = 900
_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")


def one_address(text: str) -> str:
    """Exactly one bare address, parsed and written anew.

    Raises:
        Unsendable: It's none, more than one, or one that plain SMTP can't carry. The reason doesn't repeat it.
    """
    refusal = Unsendable("invalid_recipient", "not exactly one e-mail address")
    if not is_one_address(text):
        raise refusal
    name, host = text.rsplit("@", 1)
    try:
        parsed = Address(addr_spec=f"{name}@{host.encode('idna').decode('ascii')}")
        parsed.addr_spec.encode("ascii")
    except (ValueError, IndexError, UnicodeError):
        raise refusal from None
    return parsed.addr_spec


def parse_sender(text: str) -> Address:
    """The sender that `channels.yaml` names, such as `Shop <news@example.com>`.

    Raises:
        ValueError: It isn't exactly one address.
    """
    name, address = parseaddr(text)
    bare = re.sub(r'"[^"]*"', "", text)
    refusal = ValueError('channels.yaml: email.from must be one address, such as "Shop <news@example.com>"')
    if "," in bare or ";" in bare or not text.isprintable():
        raise refusal
    try:
        return Address(name, addr_spec=one_address(address))
    except ValueError:
        raise refusal from None


def compose(
    message: Message,
    *,
    sender: Address,
    at: datetime,
    reply_to: str | None = None,
    feedback_id: str | None = None,
    is_live: bool = False,
) -> tuple[str, bytes]:
    """Recipient and bytes of an e-mail: text and HTML, with one way out in a click (RFC 8058).

    The same message gives the same bytes: Message-ID, date and boundary follow from it.

    Args:
        message: Of the channel `email`; its content has subject, html, text and unsubscribe_url.
        sender: Who writes.
        at: The Date header.
        reply_to: Where answers go, if not to the sender.
        feedback_id: The sender's part of a Feedback-ID header, after objective and creative.
        is_live: Whether the link must be https, as RFC 8058 section 3.1 asks for.

    Raises:
        Unsendable: The recipient isn't one address, or the content lacks what an e-mail must have.
    """
    content, to = message.content, one_address(str(message.recipient.get("email") or ""))
    needed = ("subject", "html", "text", "unsubscribe_url")
    missing = [name for name in needed if not (isinstance(content.get(name), str) and content[name])]
    if missing:
        raise Unsendable("invalid_content", f"it has no {', '.join(missing)}")
    message_id = _safe_id(message.message_id)
    headers = {
        "From": formataddr((sender.display_name, sender.addr_spec)),
        "To": to,
        "Subject": content["subject"],
        "Date": format_datetime(at),
        "Message-ID": f"<{message_id}@{sender.domain}>",
        ID_HEADER: message_id,
        "List-Unsubscribe": f"<{_link(content['unsubscribe_url'], is_live=is_live)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        **({"Reply-To": reply_to} if reply_to else {}),
        **({"Feedback-ID": f"{message.objective_id}:{message.creative_id}:email:{feedback_id}"} if feedback_id else {}),
    }
    return to, _multipart(headers, content["text"], content["html"], boundary=_boundary(message_id))


def _multipart(headers: Mapping[str, str], text: str, html: str, *, boundary: str) -> bytes:
    """The whole e-mail: put together by hand, since `EmailMessage` takes fifteen times as long over the same parts."""
    head = "".join(f"{name}: {_encoded(name, value)}\r\n" for name, value in headers.items())
    parts = (("plain", text), ("html", html))
    body = "".join(
        f"--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
        f"\r\n{_quoted_printable(part)}\r\n"
        for kind, part in parts
    )
    kind = f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'
    return f"{head}{kind}{body}--{boundary}--\r\n".encode("ascii")


def _encoded(name: str, value: str) -> str:
    """A header's value in ASCII lines of at most 998 (RFC 5322, 2.1.1); encoded words where it needs them (RFC 2047)."""
    if not value.isprintable():
        raise Unsendable("invalid_content", f"its {name} has a line break or a control character")
    if value.isascii() and len(value) <= MAX_LINE and "=?" not in value:
        return value
    if name != "Subject":
        raise Unsendable("invalid_content", f"its {name} is longer than a line or not ASCII")
    return Header(value, "utf-8", header_name=name).encode(linesep="\r\n")


def _quoted_printable(text: str) -> str:
    lines = re.sub(r"\r\n|\r|\n", "\r\n", text) + "\r\n"  # a break in it makes b2a_qp write CRLF throughout
    return binascii.b2a_qp(lines.encode("utf-8", "replace"), istext=True).decode("ascii")


def _boundary(message_id: str) -> str:
    """No line of quoted-printable text can start with it: `=` is followed by hex digits or a line's end there."""
    return "=_" + hashlib.sha256(message_id.encode()).hexdigest()[:40]


def _link(url: str, *, is_live: bool) -> str:
    schemes = ("https://",) if is_live else ("https://", "http://")
    if not url.startswith(schemes) or re.search(r"[\s<>,]", url):
        raise Unsendable("invalid_content", "the unsubscribe link must be https: set WAYFINDER_PUBLIC_URL")
    return url


def _safe_id(message_id: str) -> str:
    """Ids are plain by themselves; another one could end a header or an address early."""
    if not _ID.fullmatch(message_id):
        raise Unsendable("invalid_content", "its message_id has characters that no header can carry")
    return message_id
