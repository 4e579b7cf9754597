"""Direct mail as a file: one CSV a cycle, for a printer that fetches it."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from assets.channels.addresses import postal_address
from assets.channels.contract import Delivery, Message, Receipt, Unsendable
from assets.channels.file import OutboundFile
from ml.configuration.drivers import MailDropSettings

COLUMNS: Final = (
    *("message_id", "creative_id", "offer_id", "name", "address_line", "city", "region"),
    *("postal_code", "country", "headline", "body"),
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "|", "%")


class MailDropDriver:
    """Appends addresses and texts to `outbound/direct_mail/<cycle_id>.csv`, each message once.

    Args:
        settings: The channel's part of `channels.yaml`.
        folder: The channel's folder, made when the first message comes.
    """

    delivery: Delivery = "keyed"
    key_horizon: timedelta | None = None

    def __init__(self, settings: MailDropSettings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._files: dict[str, DropFile] = {}

    def deliver(self, messages: Sequence[Message], *, at: datetime) -> list[Receipt]:
        """Append those that aren't in their cycle's file yet; all of them are safe on disk when this returns."""
        receipts: dict[str, Receipt] = {}
        rows: dict[str, list[tuple[str, str]]] = {}
        for message in messages:
            try:
                line = self._line(message)
            except Unsendable as refusal:
                receipts[message.message_id] = Receipt(message.message_id, "failed", at, detail=refusal.detail)
            else:
                rows.setdefault(message.cycle_id, []).append((message.message_id, line))
        for cycle_id, lines in rows.items():
            self._file(cycle_id).append(dict(lines))
            receipts |= {
                message_id: Receipt(message_id, "sent", at, provider_id=f"{cycle_id}.csv") for message_id, _ in lines
            }
        return list(receipts.values())

    def _line(self, message: Message) -> str:
        address = postal_address(message.recipient)
        if address["country"] not in self._settings.countries:
            raise Unsendable("invalid_recipient", "its country isn't one of direct_mail.countries")
        values: Mapping[str, object] = message.content | address
        return line_of(
            {
                **{name: values.get(name) for name in COLUMNS},
                "message_id": message.message_id,
                "creative_id": message.creative_id,
                "offer_id": message.offer_id,
            }
        )

    def _file(self, cycle_id: str) -> "DropFile":
        if cycle_id not in self._files:
            self._files[cycle_id] = DropFile(self._folder / f"{cycle_id}.csv")
        return self._files[cycle_id]


class DropFile(OutboundFile):
    """A CSV of one line a message after its header, whose first column is the message's id."""

    header: bytes = (",".join(COLUMNS) + "\r\n").encode()

    @staticmethod
    def id_of(line: bytes) -> str:
        """The first column; ids need no quotes."""
        return line.partition(b",")[0].decode()


def line_of(values: Mapping[str, object]) -> str:
    """A line of the file (RFC 4180). What a person wrote in the creative may not start a formula.

    Raises:
        Unsendable: A column is empty that may not be, or would be run by a spreadsheet.
    """
    cells = {name: " ".join(str(values.get(name) or "").split()) for name in COLUMNS}
    empty = [name for name in ("message_id", "headline", "body") if not cells[name]]
    formulas = [name for name, cell in cells.items() if cell.startswith(_FORMULA)]
    if empty or formulas:
        wrong = f"its {', '.join(empty)} is empty" if empty else f"its {', '.join(formulas)} starts like a formula"
        raise Unsendable("invalid_content", wrong)
    if "," in cells["message_id"] or '"' in cells["message_id"]:
        raise Unsendable("invalid_content", "its message_id has a comma or a quote")
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells.values())
    return text.getvalue()
