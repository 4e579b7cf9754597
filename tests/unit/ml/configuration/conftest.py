from pathlib import Path

import pytest

ACTIONS = """
channels:
  email: {cost: 0.002, capacity_per_day: 200, lead_time_hours: 0, slots: [morning, noon]}
  direct_mail: {cost: 0.68, capacity_per_day: 20, lead_time_hours: 72}
offers:
  none: {cost_when_redeemed: 0}
  ten_off: {cost_when_redeemed: 10, channels: [email, direct_mail]}
creatives:
  winback: {channel: email, offer: ten_off, subject: Hello, template: templates/a.html.j2}
  again: {channel: email, offer: ten_off, subject: Hello again, template: templates/a.html.j2}
  card: {channel: direct_mail, offer: none, template: templates/b.txt.j2}
slots: {morning: "08:00-11:00", noon: "11:00-15:00"}
"""
POLICY = """
currency: USD
time_zone: America/New_York
sender: {name: Shop, postal_address: "1 Main St, Springfield"}
"""
OBJECTIVE = """
id: reactivate
description: Win people back
owner: growth@example.com
metric: reactivations
target: {count: 1200}
audience: {where: "lifecycle = 'lapsed' and country = 'US'"}
starts_on: 2026-01-01
ends_on: 2026-03-31
budget: 60000
"""


class Folder:
    """A configuration folder that can be bent."""

    def __init__(self, path: Path):
        self.path = path
        for name, text in {
            "actions.yaml": ACTIONS,
            "policy.yaml": POLICY,
            "objectives/reactivate.yaml": OBJECTIVE,
        }.items():
            self.write(name, text)
        self.write("templates/a.html.j2", "Hello")
        self.write("templates/b.txt.j2", "Hello")

    def write(self, name: str, text: str) -> None:
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(text, encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.path / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new, 1))


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)
