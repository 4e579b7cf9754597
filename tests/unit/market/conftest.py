import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from market.__main__ import main

CHANNELS = ("email", "sms", "direct_mail", "voice", "paid_social", "display", "web", "push")
SMALL = ("--customers", "1500", "--history-days", "60", "--start", "2026-01-05", "--seed", "11")


def run(*arguments: object) -> int:
    return main([str(a) for a in arguments])


def contacts_of(home: Path) -> list[str]:
    table = pq.read_table(home / "landing/crm_contacts/history-all.parquet", columns=["contact_id"])
    return table["contact_id"].to_pylist()


def message(number: int, channel: str, contact: str, **more: object) -> dict[str, object]:
    row: dict[str, object] = {
        "message_id": f"m{number}", "decision_id": f"d{number}", "cycle_id": "2026-01-05", "customer_id": "p",
        "channel": channel, "offer_id": "ten_off", "creative_id": "hello", "send_at": "2026-01-05T14:00:00Z",
        "contact_ids": [contact], "recipient": {}, "content": {},
    }  # fmt: skip
    return row | more


def send(home: Path, rows: list[dict[str, object]], cycle: str = "2026-01-05") -> None:
    for row in rows:
        path = home / "outbound" / str(row["channel"]) / f"{cycle}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(json.dumps(row) + "\n")


def send_to_all(home: Path) -> int:
    ids = contacts_of(home)
    send(home, [message(n, CHANNELS[n % 8], contact) for n, contact in enumerate(ids)])
    return len(ids)


def outcomes(home: Path) -> list[str]:
    return [
        line for path in sorted((home / "landing/outcomes").glob("*.jsonl")) for line in path.read_text().splitlines()
    ]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("market") / "made"
    assert run("make", "--home", home, *SMALL) == 0
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "home"))


@pytest.fixture(scope="session")
def answered(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Path(shutil.copytree(made, tmp_path_factory.mktemp("market") / "answered"))
    send_to_all(home)
    for start, end in (("05T13", "05T21"), ("05T21", "06T13"), ("06T13", "20T13")):
        assert run("answer", "--home", home, "--from", f"2026-01-{start}:00:00Z", "--to", f"2026-01-{end}:00:00Z") == 0
    return home
