"""Which servers a driver may talk to: its provider's when it's live, this machine's otherwise, never one inside."""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

LIVE_REMEDY: Final = "set WAYFINDER_MODE=live to send for real, or name a server on this machine, such as the sandbox"

Resolver = Callable[[str], list[str]]
"""Addresses of a host's name."""


class ForbiddenHostError(ValueError):
    """A server that a driver may not talk to. The message says which setting names it and what would be right."""


def addresses_of(host: str) -> list[str]:
    """What the system's resolver says.

    Raises:
        OSError: The name can't be resolved.
    """
    return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own, by itself: a name that merely resolves to it isn't."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_public(address: str) -> bool:
    """Whether an address is on the internet: not private, link-local, loopback, multicast or reserved."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    return found.is_global and not found.is_multicast


def check_url(url: str, *, place: str, hosts: Sequence[str], is_live: bool) -> str:
    """See that a driver may send to a URL, and return it.

    Args:
        url: Where requests would go.
        place: The setting that names it, for the message.
        hosts: The provider's hosts; their subdomains count as well.
        is_live: Whether servers beyond this machine may be reached. Then those on it may not: what a live
            workspace sends there would count as sent to people.

    Raises:
        ForbiddenHostError: It may not.
    """
    parts, host = _split(url)
    if parts.username or parts.password or not host:
        raise ForbiddenHostError(f"{place} must be a URL with a host and without a user name or password")
    if not is_live:
        if not is_loopback(host):
            raise ForbiddenHostError(f"{place} reaches {host}, beyond this machine: {LIVE_REMEDY}")
    elif parts.scheme != "https" or not any(host == known or host.endswith(f".{known}") for known in hosts):
        raise ForbiddenHostError(
            f"{place} reaches {host} by {parts.scheme}; a live workspace sends by https to {', '.join(hosts)} only"
        )
    return url


def _split(url: str) -> tuple[SplitResult, str]:
    """Its parts, and its host: empty where it isn't a URL that a request line can carry."""
    parts = urlsplit("")
    try:
        if url.isascii() and url.isprintable() and " " not in url:
            parts = urlsplit(url)
            return parts, (parts.hostname or "") if parts.port != 0 else ""
    except ValueError:
        return urlsplit(""), ""
    return parts, ""


def check_server(host: str, *, place: str, is_live: bool) -> None:
    """See that a driver may connect to a server that the operator names, such as a mail relay in the same network.

    Raises:
        ForbiddenHostError: It's beyond this machine and the workspace isn't live.
    """
    if not is_live and not is_loopback(host):
        raise ForbiddenHostError(f"{place} is {host}, beyond this machine: {LIVE_REMEDY}")
