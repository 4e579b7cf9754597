"""The unsubscribe page: plain HTML, nothing but a button, no cookie, no script, nothing from elsewhere."""

from html import escape
from typing import Final

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_STYLE: Final = (
    "body{font:1.125rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;color:#1a1a1a;background:#fff}"
    "h1{font-size:1.5rem;line-height:1.2}"
    "button{font:inherit;padding:.75rem 1.5rem;border:0;border-radius:.25rem;color:#fff;background:#1d4ed8;cursor:pointer}"
    "button:focus-visible{outline:3px solid #1a1a1a;outline-offset:3px}"
)


def ask(sender: str) -> str:
    """The question. The button posts to the page's own address."""
    whose = f" from {escape(sender)}" if sender else ""
    form = '<form method="post"><button type="submit" name="unsubscribe" value="yes">Unsubscribe</button></form>'
    return _page("Unsubscribe", f"<p>Press the button, and you will get no more of these messages{whose}.</p>{form}")


def done() -> str:
    """It is done."""
    return _page("You are unsubscribed", "<p>It holds from now on. You need not do anything else.</p>")


def unknown() -> str:
    """The link isn't one of ours."""
    text = "<p>Please open the link from the message again, whole, or answer the message with “unsubscribe”.</p>"
    return _page("This link doesn't work", text)


def later() -> str:
    """It could not be stored."""
    return _page("Please try again", "<p>We could not note it just now. Please try again in a minute.</p>")


def _page(title: str, content: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main><h1>{title}</h1>{content}</main></body></html>"
    )
