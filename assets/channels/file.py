"""The embedded driver of all eight channels: appends to `outbound/<channel>/<cycle_id>.jsonl`, one message a line.

A line counts from its line break on. What a crash left of one is cut off before anything is appended, and the ids in
the file
are known before anything is written: so the file itself is the memory of what was delivered, whatever happened after.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from assets.channels.contract import Delivery, Message, Receipt

_ID_START: Final = b'{"message_id": "'


class FileDriver:
    """Hands messages over by appending them to files.

    Args:
        folder: The channel's folder, made when the first message comes.
    """

    delivery: Delivery = "keyed"
    key_horizon: timedelta | None = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, OutboundFile] = {}

    def deliver(self, messages: Sequence[Message], *, at: datetime) -> list[Receipt]:
        """Append those that aren't in their cycle's file yet; all of them are safe on disk when this returns."""
        by_cycle: dict[str, list[Message]] = {}
        for message in messages:
            by_cycle.setdefault(message.cycle_id, []).append(message)
        for cycle_id, of_cycle in by_cycle.items():
            self._file(cycle_id).append({message.message_id: line_of(message) for message in of_cycle})
        return [
            Receipt(message.message_id, "sent", at, provider_id=f"{message.cycle_id}.jsonl") for message in messages
        ]

    def _file(self, cycle_id: str) -> "OutboundFile":
        if cycle_id not in self._files:
            self._files[cycle_id] = OutboundFile(self._folder / f"{cycle_id}.jsonl")
        return self._files[cycle_id]


class OutboundFile:
    """One file of messages, shared with other processes by a lock on the file itself."""

    header: bytes = b""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: set[str] = set()
        self._end = 0  # up to here the file was read or written by this process

    @staticmethod
    def id_of(line: bytes) -> str:
        """The message's id in a line of the file."""
        return message_id_of(line)

    def append(self, lines: Mapping[str, str]) -> int:
        """Append the lines, by message id, that the file doesn't hold. Returns how many those were."""
        with self._locked() as descriptor:
            self._catch_up(descriptor)
            new = {message_id: line for message_id, line in lines.items() if message_id not in self._known}
            if new:
                self._write(descriptor, (b"" if self._end else self.header) + "".join(new.values()).encode())
                self._known.update(new)
        return len(new)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self._path.exists()
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if is_new:
                _sync_folder(self._path.parent)
            yield descriptor
        finally:
            os.close(descriptor)

    def _catch_up(self, descriptor: int) -> None:
        """Learn what others appended since, and cut off a line that a crash left unfinished."""
        size = os.fstat(descriptor).st_size
        if size < self._end:
            self._known, self._end = set(), 0
        tail = os.pread(descriptor, size - self._end, self._end)
        whole = tail.rfind(b"\n") + 1
        self._known.update(self.id_of(line) for line in tail[:whole].splitlines())
        if whole < len(tail):
            os.ftruncate(descriptor, self._end + whole)
        self._end += whole

    def _write(self, descriptor: int, data: bytes) -> None:
        """All of it, on disk; where the disk is full, none of it."""
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(descriptor, data[written : written + (1 << 24)], self._end + written)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, self._end)
            raise
        self._end += len(data)


def line_of(message: Message) -> str:
    """A message as the contract has it, with the line break that makes it count."""
    head = {
        "message_id": message.message_id,
        "decision_id": message.decision_id,
        "cycle_id": message.cycle_id,
        "customer_id": message.customer_id,
        "channel": message.channel,
        "offer_id": message.offer_id,
        "creative_id": message.creative_id,
        "send_at": message.send_at.isoformat().replace("+00:00", "Z"),
    }
    start = json.dumps(head, ensure_ascii=False)[:-1]
    people = f'"contact_ids": {message.contact_ids_json}, "recipient": {message.recipient_json}'
    return f'{start}, {people}, "content": {message.content_json}}}\n'


def message_id_of(line: bytes) -> str:
    """The message's id, without parsing the rest where the line is one of ours."""
    end = line.find(b'"', len(_ID_START))
    if line.startswith(_ID_START) and b"\\" not in line[:end]:
        return line[len(_ID_START) : end].decode()
    return str(json.loads(line)["message_id"])


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
