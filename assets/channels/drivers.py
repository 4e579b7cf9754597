"""Which driver a channel has, by its settings in `channels.yaml`."""

from collections.abc import Mapping
from pathlib import Path

from assets.channels.contract import Driver
from assets.channels.file import FileDriver
from ml.entities import CHANNELS

DRIVERS = ("file",)


def open_drivers(names: Mapping[str, str], *, outbound: Path) -> dict[str, Driver]:
    """A driver for each of the eight channels.

    Args:
        names: Driver by channel; `file` where none is named.
        outbound: The home's `outbound` folder.

    Raises:
        ValueError: For a driver that doesn't exist.
    """
    return {channel: _open(channel, names.get(channel, "file"), outbound) for channel in CHANNELS}


def _open(channel: str, name: str, outbound: Path) -> Driver:
    if name == "file":
        return FileDriver(outbound / channel)
    raise ValueError(f"channels.yaml: {channel}.driver is '{name}', which isn't one of {', '.join(DRIVERS)}")
