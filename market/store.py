"""What the market remembers between calls, under the truth's folder. A state is visible whole or not at all.

``CURRENT`` names the state in force. A new state is written beside the old one together with the list of the files
that it tells, and becomes the one in force by replacing ``CURRENT``; the files are moved into landing after that,
and an interrupted move is completed by whoever opens the market next. So an interval is answered once, whatever
happens.
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from market.catalogue import Catalogue
from market.files import write_whole
from market.identities import Identities
from market.law import LAWS, Law, Shift
from market.people import People
from market.words import MarketError
from market.world import State, World

_CURRENT: Final = "CURRENT"
_PLAIN: Final = ("clock_ms", "calls", "campaigns", "offsets")


@dataclass(frozen=True)
class Places:
    """Where a market's files are: the home that it shares with the product, and the truth that it keeps apart."""

    home: Path
    truth: Path

    @property
    def landing(self) -> Path:
        """Files that the shop sees."""
        return self.home / "landing"

    @property
    def staging(self) -> Path:
        """Files that are complete but not told yet; on the landing's file system, so that a move is a rename."""
        return self.home / ".market-staging"

    @property
    def truth_staging(self) -> Path:
        """Parts of the truth's logs that are complete but not in force yet."""
        return self.truth / "staging"


def write_arrow(path: Path, table: pa.Table) -> None:
    """Writes a table for fast reading back."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def read_arrow(path: Path) -> pa.Table:
    """Reads what ``write_arrow`` wrote, by memory map."""
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def save_world(where: Places, world: World, facts: dict[str, Any]) -> None:
    """Writes what never changes. ``facts`` are further settings of the market, for the record."""
    where.truth.mkdir(parents=True, exist_ok=True)
    world.people.save(where.truth / "people.npz")
    write_arrow(where.truth / "contacts.arrow", world.ids.contacts)
    sha = pa.table({"email_sha256": world.ids.email_sha256})
    write_arrow(where.truth / "email_sha256.arrow", sha)
    np.save(where.truth / "contact_person.npy", world.ids.person.astype(np.int32))
    shifts = [asdict(s) for s in world.law.shifts]
    told = {"seed": world.seed, "law": world.law.name, "shifts": shifts, "start_ms": world.start_ms, **facts}
    write_whole(where.truth / "market.json", lambda p: _write_json(p, told))


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def load_world(where: Places) -> World:
    """Reads what never changes.

    Raises:
        MarketError: No market was made there.
    """
    path = where.truth / "market.json"
    if not path.is_file():
        raise MarketError(f"{where.truth}: no market here; make one with `python -m market make --home {where.home} …`")
    told = json.loads(path.read_text(encoding="utf-8"))
    law: Law = replace(LAWS[told["law"]], shifts=tuple(Shift(**s) for s in told["shifts"]))
    sha = read_arrow(where.truth / "email_sha256.arrow")["email_sha256"].combine_chunks()
    ids = Identities.of(read_arrow(where.truth / "contacts.arrow"), np.load(where.truth / "contact_person.npy"), sha)
    return World(told["seed"], law, People.load(where.truth / "people.npz"), ids, told["start_ms"])


def is_made(where: Places) -> bool:
    """Whether a market is complete at the place."""
    return (where.truth / _CURRENT).is_file()


def start_over(where: Places) -> None:
    """Clears what an interrupted ``make`` left: its history files and logs. Other files in landing stay.

    Raises:
        MarketError: There is a complete market.
    """
    if is_made(where):
        raise MarketError(
            f"{where.truth}: there is a market already; name another --home, or delete it to make a new one"
        )
    if (where.truth / "market.json").is_file():
        for path in where.landing.glob("*/history-*"):
            path.unlink()
    drop_staged(where)


def commit(where: Places, state: State, pending: dict[str, pa.Table], staged: list[str]) -> None:
    """Puts a new state in force and tells its files.

    Args:
        where: The market's places.
        state: The new state; its ``calls`` names it.
        pending: Rows to be told later, by source.
        staged: Files in the staging folder, relative to it, that belong into landing.
    """
    logs = sorted(f"{p.parent.name}/{p.name}" for p in where.truth_staging.glob("*/*.parquet"))
    folder = where.truth / f"state-{state.calls:06d}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for source, table in pending.items():
        if table.num_rows:
            write_arrow(folder / f"pending-{source}.arrow", table)
    plain = {name: getattr(state, name) for name in _PLAIN} | {
        "catalogue": asdict(state.catalogue),
        "staged": staged,
        "logs": logs,
    }
    _write_json(folder / "state.json", plain)
    arrays = {f.name: getattr(state, f.name) for f in fields(state) if isinstance(getattr(state, f.name), np.ndarray)}
    np.savez(folder / "arrays.npz", **arrays, scheduled_at=state.scheduled[0], scheduled_who=state.scheduled[1])
    for path in folder.iterdir():
        _sync(path)
    _sync(folder)
    write_whole(where.truth / _CURRENT, lambda p: _write_text(p, folder.name))
    _sync(where.truth)
    tell(where, staged, logs)
    for old in where.truth.glob("state-*"):
        if old != folder:
            shutil.rmtree(old)


def _write_text(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def tell(where: Places, staged: list[str], logs: list[str]) -> None:
    """Moves staged files into landing and staged logs to the truth's; those moved already are passed over."""
    for name in staged:
        _move(where.staging / name, where.landing / name)
    for name in logs:
        _move(where.truth_staging / name, where.truth / name)
    drop_staged(where)


def drop_staged(where: Places) -> None:
    """Forgets what an interrupted answer had prepared."""
    shutil.rmtree(where.staging, ignore_errors=True)
    shutil.rmtree(where.truth_staging, ignore_errors=True)


def _move(source: Path, target: Path) -> None:
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)


def load_state(where: Places) -> tuple[State, dict[str, pa.Table]]:
    """Reads the state in force and the rows to be told later, and completes an interrupted move of its files.

    Raises:
        MarketError: The market was not made to the end.
    """
    if not is_made(where):
        raise MarketError(f"{where.truth}: the market was not made to the end; run `python -m market make` again")
    folder = where.truth / (where.truth / _CURRENT).read_text(encoding="utf-8").strip()
    plain = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    tell(where, plain.pop("staged"), plain.pop("logs"))
    catalogue = Catalogue(**plain.pop("catalogue"))
    with np.load(folder / "arrays.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    scheduled = (arrays.pop("scheduled_at"), arrays.pop("scheduled_who"))
    state = State(catalogue=catalogue, scheduled=scheduled, **plain, **arrays)
    pending = {p.stem.removeprefix("pending-"): read_arrow(p) for p in sorted(folder.glob("pending-*.arrow"))}
    return state, pending
