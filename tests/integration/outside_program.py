"""A program of somebody else's: it knows the contracts' files and verbs, and nothing of what is behind them.

`python outside_program.py WAYFINDER FOLDER DAYS` makes a shop of its own, runs days of cycles on it and prints what it saw.
"""

import csv
import gzip
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

START = date(2026, 3, 2)
PEOPLE = 120
POLICY = """
currency: EUR
time_zone: Europe/Berlin
sender: {name: Corner Shop, postal_address: "Hauptstr. 1, 10115 Berlin"}
unknown_time_zone: deny
"""
ACTIONS = """
channels:
  email: {cost: 0.01, capacity_per_day: 100, lead_time_hours: 0, slots: [morning, evening]}
  direct_mail: {cost: 0.7, capacity_per_day: 10, lead_time_hours: 48}
offers:
  none: {cost_when_redeemed: 0}
  five_off: {cost_when_redeemed: 5, channels: [email]}
creatives:
  hello: {channel: email, offer: none, subject: "Hello", template: templates/hello.html.j2}
  fiver: {channel: email, offer: five_off, subject: "5 off", template: templates/hello.html.j2}
  card: {channel: direct_mail, offer: none, subject: "Greetings", template: templates/card.txt.j2}
slots: {morning: "08:00-11:00", evening: "17:00-20:00"}
"""
OBJECTIVE = """
id: sell_more
description: Sell more to everybody
owner: owner@example.com
metric: incremental_margin
target: {amount: 5000}
audience: {where: "lifecycle in ('active', 'lapsing', 'lapsed')"}
starts_on: 2026-03-01
ends_on: 2026-06-30
budget: 500
value_per_unit: 40
autonomy: autonomous
arms: {holdout: 0.1, manual: 0.05, random: 0.2}
"""
HELLO = """<p>Dear {{ customer.first_name }}</p>
<p>{{ sender.name }}, {{ sender.postal_address }} <a href="{{ unsubscribe_url }}">no more</a></p>"""
CARD = "Dear {{ customer.first_name }}, {{ sender.name }} greets you."


def person(number: int) -> dict[str, Any]:
    return {
        "contact_id": f"c{number}",
        "created_at": "2025-06-01T08:00:00Z",
        "email": f"person{number}@mail.example",
        "first_name": f"Person{number}",
        "last_name": "Muster",
        "address_line": f"Weg {number}",
        "postal_code": "10115",
        "city": "Berlin",
        "country": "DE",
        "time_zone": "Europe/Berlin",
        "birth_year": 1980,
    }


def make(home: Path, config: Path) -> None:
    for name, text in {"policy.yaml": POLICY, "actions.yaml": ACTIONS, "objectives/sell.yaml": OBJECTIVE}.items():
        (config / name).parent.mkdir(parents=True, exist_ok=True)
        (config / name).write_text(text)
    (config / "templates").mkdir()
    (config / "templates/hello.html.j2").write_text(HELLO)
    (config / "templates/card.txt.j2").write_text(CARD)
    people = [person(number) for number in range(PEOPLE)]
    write_csv(home / "landing/crm_contacts/all.csv.gz", people)
    consents = [
        {
            "contact_id": one["contact_id"],
            "channel": "email",
            "status": "granted",
            "occurred_at": "2025-06-01T08:00:00Z",
        }
        for one in people
        if one["contact_id"] != "c7"
    ]
    write_jsonl(home / "landing/consents/all.jsonl", consents)
    write_csv(home / "landing/orders/history.csv", list(history()))


def history() -> Iterator[dict[str, Any]]:
    for number in range(PEOPLE):
        for order in range(1 + number % 4):
            on = START - timedelta(days=8 + 31 * order + number % 50)
            ids = {"order_id": f"o{number}-{order}", "contact_id": f"c{number}"}
            yield ids | {"ordered_at": f"{on}T12:00:00Z", "revenue": 30 + number % 40}


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", newline="") if path.suffix == ".gz" else path.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def answers(home: Path, known: set[str], at: str) -> list[dict[str, Any]]:
    """What comes of new messages: all are delivered; one person in four clicks and buys."""
    rows = []
    for path in sorted((home / "outbound").rglob("*.jsonl")):
        for message in map(json.loads, path.read_text().splitlines()):
            if message["message_id"] in known:
                continue
            known.add(message["message_id"])
            kinds = ["delivered"]
            if int(hashlib.sha256(message["customer_id"].encode()).hexdigest(), 16) % 4 == 0:
                kinds += ["clicked", "converted"]
            about = {"message_id": message["message_id"], "channel": message["channel"], "occurred_at": at}
            rows += [{"event_id": f"{kind}-{message['message_id']}", "event_type": kind, **about} for kind in kinds]
    return rows


def main() -> None:
    program, folder, days = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    home, config, known = folder / "home", folder / "config", set()
    make(home, config)

    def verb(*words: str) -> dict[str, Any]:
        command = [program, *words, "--home", str(home), "--config", str(config), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        if done.returncode:
            raise SystemExit(f"{words}: {done.returncode}\n{done.stderr}")
        return json.loads(done.stdout)

    seen: dict[str, Any] = {"cycles": [], "dispatches": [], "ingests": []}
    for day in (START + timedelta(days=n) for n in range(days)):
        seen["cycles"].append(verb("cycle", "--date", str(day), "--at", f"{day}T04:00:00Z"))
        seen["dispatches"].append(verb("dispatch", "--at", f"{day}T08:30:00+00:00"))
        rows = answers(home, known, f"{day}T09:00:00Z")
        if rows:
            write_jsonl(home / f"landing/outcomes/{day}.jsonl", rows)
        seen["ingests"].append(verb("ingest", "--at", f"{day}T10:00:00Z"))
    seen["plans"], seen["status"], seen["report"] = verb("plans"), verb("status"), verb("report", "--date", str(START))
    seen["why"] = verb("why", "c3")
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
