"""`wayfinder forget`: a person's data erased, the counts and the suppression kept."""

from datetime import datetime
from typing import Any

from rich.console import Console

from assets.forgetting import erase, find
from assets.home import Home
from assets.ledger.forget import Forgotten
from orchestration.build import locked, secret_key
from orchestration.errors import BadInput
from orchestration.opening import opened
from orchestration.settings import Settings

Facts = dict[str, Any]


def forget(settings: Settings, customer: str, by: str, at: datetime) -> Facts:
    """Erase whoever has an identifier: first the suppression, so that nothing leaves meanwhile, then the data.

    Raises:
        BadInput: Nobody has that identifier, or nobody is named.
    """
    if not by.strip():
        raise BadInput("an erasure needs the name of who does it: --by NAME")
    home = Home(settings.home)
    with opened(settings) as engine, locked(settings.home / ".run.lock"):
        person = find(home, customer) if home.warehouse.exists() else None
        if person is None:
            raise BadInput(
                "nobody goes by that: give a customer_id, a contact_id, an e-mail, a phone (E.164), a loyalty id or a "
                "device token; whoever was erased before isn't found again"
            )
        ledger = Forgotten(engine)
        erased = ledger.erase(person, key=secret_key(settings), by=by, at=at)
        places = erase(home, person)
        ledger.vacuum()
    return {
        "at": at.isoformat(),
        "by": by,
        "identifiers": {kind: len(values) for kind, values in person.by_kind().items() if values},
        "cancelled": erased.cancelled,
        "suppressions": erased.suppressions,
        "erased": {**places, "ledger_contents": erased.contents, "ledger_outcomes": erased.outcomes},
        "stays": ["landing", "backups", "what providers hold"],
    }


def show(console: Console, facts: Facts) -> None:
    """What went, and what somebody still has to see to."""
    console.print(
        f"Erased by {facts['by']}: one person, {sum(facts['identifiers'].values())} identifiers", highlight=False
    )
    for place, count in facts["erased"].items():
        console.print(f"  {place.replace('_', ' '):<16} {count:>8,} rows", highlight=False)
    console.print(f"  {facts['cancelled']:,} open messages cancelled; nothing will be sent to this person again")
    console.print(
        "Yours to see to: landing files (they are never changed; what is read of them again is dropped), backups, "
        "and what providers hold.",
        highlight=False,
    )
