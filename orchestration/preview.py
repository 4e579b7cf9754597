"""`wayfinder preview`: the message that a creative makes, for a made-up person or for the one that is asked for."""

import html as html_
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.panel import Panel

from assets.channels.fields import KNOWN
from assets.channels.messages import needs_by_channel, variables_of
from assets.channels.recipients import recipients
from assets.channels.rendering import Renderer, RenderingError
from assets.channels.sandbox import UnsafeTemplate
from assets.duck import query
from assets.home import Home
from assets.ledger.ledger import Ledger
from ml.configuration import Configuration
from orchestration.build import ledger_url
from orchestration.errors import BadInput
from orchestration.settings import Settings
from orchestration.verbs import configuration_of

Facts = dict[str, Any]

SOMEBODY: Final[Mapping[str, str]] = {
    "first_name": "Ann", "last_name": "Example", "city": "Springfield", "region": "IL", "country": "US",
}  # fmt: skip
"""Of whom a preview is where nobody is asked for."""
_TEXTS: Final = ("subject", "title", "headline", "text", "body", "goal", "script", "consent_text")


def preview(settings: Settings, creative_id: str, customer: str | None, text: str | None) -> Facts:
    """A creative's message as it would be sent, with the personal data of nobody but the customer that is asked for.

    Args:
        settings: The workspace.
        creative_id: A creative of `actions.yaml`.
        customer: A customer_id, or a contact_id of the CRM; a made-up person without it.
        text: Day whose published view is looked at; the newest without it.

    Raises:
        BadInput: There is no such creative, customer or day, or the creative can't be rendered.
    """
    configuration = configuration_of(settings)
    creatives = configuration.actions.creatives
    if creative_id not in creatives:
        raise BadInput(f"no creative {creative_id!r} in actions.yaml; there are {', '.join(creatives)}")
    person = dict(SOMEBODY) if customer is None else _person(settings, customer, text)
    channel = creatives[creative_id].channel
    try:
        content = _content(settings, configuration, creative_id, person)
        needed = needs_by_channel(configuration).get(channel, [])
    except (RenderingError, UnsafeTemplate) as error:
        raise BadInput(str(error)) from None
    lacking = [name for name in needed if not person.get(name)]
    is_reached = customer is None or _is_reached(channel, person)
    return {
        "creative_id": creative_id,
        "channel": channel,
        "offer_id": creatives[creative_id].offer,
        "customer_id": person.get("customer_id"),
        "content": content,
        "is_sent": is_reached and not lacking,
        "reasons": [
            *([] if is_reached else [f"has no contact detail for {channel}"]),
            *(f"lacks {name}, which the channel's messages say" for name in lacking),
        ],
    }


def show(console: Console, facts: Facts) -> None:
    """The message as text."""
    whose = facts["customer_id"] or "a made-up person"
    title = f"{facts['creative_id']} · {facts['channel']} · offer {facts['offer_id']} · for {whose}"
    lines = [f"{name}: {_plain(facts['content'][name])}" for name in _TEXTS if facts["content"].get(name)]
    others = {name: value for name, value in facts["content"].items() if name not in _TEXTS}
    if "text" not in facts["content"]:
        lines += [f"{name}: {_plain(value)}" for name, value in others.items()]
    console.print(Panel("\n\n".join(lines), title=title, title_align="left"), markup=False, highlight=False)
    for reason in facts["reasons"]:
        console.print(f"not sent to this person: {reason}", style="yellow", markup=False)


def write_html(facts: Facts, path: Path) -> None:
    """The message as a page: an e-mail or banner as it is, everything else as text."""
    body = facts["content"].get("html")
    if body is None:
        rows = (
            f"<h2>{html_.escape(name)}</h2><pre>{html_.escape(_plain(v))}</pre>" for name, v in facts["content"].items()
        )
        body = "<!doctype html>\n" + "\n".join(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body, encoding="utf-8")


def _content(
    settings: Settings, configuration: Configuration, creative_id: str, person: Mapping[str, Any]
) -> dict[str, Any]:
    renderer = Renderer(configuration.folder, {creative_id: configuration.actions.creatives[creative_id]}, KNOWN)
    objective = configuration.objectives[0].id if configuration.objectives else "objective"
    link = f"{settings.public_url.rstrip('/')}/unsubscribe/preview"
    return renderer.render(creative_id, variables_of(configuration, creative_id, person, objective, link))


def _person(settings: Settings, customer: str, text: str | None) -> dict[str, Any]:
    """The one row of `dim_recipients`, and no other's."""
    path = _generation(settings, text) / "dim_recipients.parquet"
    sql = "select * from read_parquet($path) where customer_id = $name or list_contains(contact_ids, $name) limit 1"
    found = query(sql, path=str(path), name=customer)
    if found.empty:
        raise BadInput(f"no customer {customer!r}: give a customer_id of dim_customers or a contact_id of the CRM")
    return {str(name): value for name, value in found.iloc[0].items()}


def _generation(settings: Settings, text: str | None) -> Path:
    home = Home(settings.home)
    if text is None:
        folders = [path for path in home.published.glob("[0-9]*") if path.is_dir()]
        if not folders:
            raise BadInput("nothing is published yet: run `wayfinder cycle` first")
        return max(folders, key=lambda path: path.stat().st_mtime)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--date {text!r} is no date; right would be 2026-01-05") from None
    published = [path for path in home.published.glob(f"{day.isoformat()}*") if path.is_dir()]
    if not published:
        raise BadInput(f"nothing is published for {day}: run `wayfinder cycle --date {day}` first")
    return home.generation(Ledger(ledger_url(settings)).generations.latest_of(day))


def _is_reached(channel: str, person: Mapping[str, Any]) -> bool:
    import pandas as pd  # noqa: PLC0415 - only where somebody is asked for

    return recipients(channel, pd.DataFrame([dict(person)]))[0] is not None


def _plain(value: Any) -> str:
    return "\n".join(f"- {each}" for each in value) if isinstance(value, list) else str(value).strip()
