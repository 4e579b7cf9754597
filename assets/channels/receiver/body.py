"""Bodies, read with a bound: bytes and time."""

import asyncio
from typing import Final

from starlette.requests import Request

MOST_BYTES: Final = 1_000_000
MOST_SECONDS: Final = 15.0


class TooLarge(Exception):  # noqa: N818 - a domain noun
    """More bytes than a provider sends."""


async def read_body(request: Request, most_bytes: int = MOST_BYTES) -> bytes:
    """The raw body.

    Raises:
        TooLarge: It has more than `most_bytes`; no more than that is read.
        TimeoutError: It didn't come in time.
    """
    stated = request.headers.get("content-length", "0")
    if not stated.isdigit() or len(stated) > 12 or int(stated) > most_bytes:  # noqa: PLR2004 - a terabyte is no body
        raise TooLarge
    body = bytearray()
    async with asyncio.timeout(MOST_SECONDS):
        async for chunk in request.stream():
            body += chunk
            if len(body) > most_bytes:
                raise TooLarge
    return bytes(body)
