"""The operator's daily report: the same facts as Markdown and as one HTML page that needs nothing from elsewhere."""

import base64
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt

from assets.action_looks import action_looks, unseen
from assets.cycles import CHANGES, DRIFT, MEMORY, PROMISES, read_json
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.pictures import bars
from ml.configuration import Configuration
from ml.learning.sample_ratio import LEAST
from ml.objectives.outlook import Outlook, outlook
from ml.policy.categories import CATEGORY_WORDS

TEMPLATES: Final = Path(__file__).with_name("templates")
STYLE: Final = """
body{max-width:76rem;margin:2rem auto;padding:0 1rem;font:15px/1.5 system-ui,sans-serif;color:#222}
h1,h2{line-height:1.2}h2{margin-top:2rem;border-bottom:1px solid #ddd;padding-bottom:.3rem}
table{border-collapse:collapse;margin:1rem 0;font-size:.9em}td,th{padding:.3rem .6rem;border-bottom:1px solid #eee;text-align:left}
td:first-child{white-space:nowrap}
code{background:#f4f4f4;padding:.1rem .3rem}img{max-width:100%}
"""


def write_report(
    home: Home,
    ledger: Ledger,
    configuration: Configuration,
    cycle_id: str,
    facts: Mapping[str, Any],
    lifts: Mapping[str, Any],
    at: datetime,
) -> tuple[Path, Path]:
    """Write `reports/<cycle_id>.md` and `.html`.

    Args:
        home: The workspace.
        ledger: For the plans' state.
        configuration: For the currency.
        cycle_id: The cycle.
        facts: Its `plan.json`.
        lifts: Its `lift.json`.
        at: The clock, for what still waits.

    Returns:
        Paths of the Markdown and the HTML.
    """
    plans = [
        {
            "plan_id": each.plan_id,
            "state": each.state,
            "objectives": each.objectives,
            "messages": sum(each.summary["messages"].values()),
            "spend": sum(each.summary["spend"].values()),
            "reasons": each.reasons,
        }
        for each in ledger.plans.list(cycle_id)
    ]
    waiting = {each.plan_id for each in ledger.plans.waiting(at)}
    day = date.fromisoformat(cycle_id[:10])
    looks = action_looks(home, configuration, day)
    text = (
        _environment()
        .get_template("report.md.j2")
        .render(
            cycle_id=cycle_id,
            currency=configuration.policy.currency,
            summary=facts["summary"],
            people_eligible=facts["people_eligible"],
            value=facts["summary"]["value"],
            gap=facts["allocation"]["gap"],
            status=facts["allocation"]["status"],
            prices=facts["allocation"]["prices"],
            plans=plans,
            waiting=[plan for plan in plans if plan["plan_id"] in waiting],
            words=CATEGORY_WORDS,
            lift=lifts,
            notes=facts["notes"],
            versions=facts["versions"],
            outlooks=_outlooks(configuration, facts),
            actions=looks,
            unseen=unseen(looks, day, timedelta(days=configuration.policy.training.horizon_days)),
            removals=ledger.memberships.changes(start=at - timedelta(days=1), end=at + timedelta(seconds=1)),
            memory=_memory(home, cycle_id),
            exploration=facts.get("exploration"),
            randomized_spend=facts["randomized_spend"],
            watch=_kept(home, cycle_id, PROMISES),
            drift={"began_on": None, "people": None, "shifts": [], **_kept(home, cycle_id, DRIFT)},
            changes=_kept(home, cycle_id, CHANGES),
            autonomy=ledger.earning.of_cycle(cycle_id),
            horizon_days=configuration.policy.training.horizon_days,
            ahead=facts.get("value_to_go", {"contacts": 0}),
            at=facts["at"],
        )
    )
    home.reports.mkdir(parents=True, exist_ok=True)
    markdown, html = home.reports / f"{cycle_id}.md", home.reports / f"{cycle_id}.html"
    markdown.write_text(text, encoding="utf-8")
    html.write_text(_page(cycle_id, text, facts["summary"]["spend_by_channel"]), encoding="utf-8")
    return markdown, html


def _memory(home: Home, cycle_id: str) -> dict[str, Any]:
    path = home.cycle(cycle_id) / MEMORY
    return read_json(path) if path.exists() else {"learned": [], "held": [], "experiments": [], "channels": []}


def _kept(home: Home, cycle_id: str, name: str) -> dict[str, Any]:
    """Facts of the morning; nothing where there are none, or they are of a day before this was kept."""
    path = home.cycle(cycle_id.partition(".")[0]) / name
    return read_json(path) if path.exists() else {}


def _outlooks(configuration: Configuration, facts: Mapping[str, Any]) -> list[tuple[str, Outlook]]:
    """What is said of each objective that the morning compiled."""
    compiled = facts.get("objectives", {})
    return [
        (objective.id, outlook(objective, compiled[objective.id], configuration.policy.currency))
        for objective in configuration.objectives
        if objective.id in compiled
    ]


def _page(cycle_id: str, text: str, spend: Mapping[str, float]) -> str:
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    picture = base64.b64encode(bars("Spend by channel", spend, "money")).decode() if spend else ""
    image = f'<img alt="Spend by channel" src="data:image/png;base64,{picture}">' if picture else ""
    title = f"Wayfinder, cycle {cycle_id}"
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    return f"{head}<body>{body}{image}</body></html>"


def _environment() -> Environment:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=False)  # noqa: S701 - Markdown; markdown-it escapes HTML
    environment.filters["money"] = lambda amount: f"{amount:,.2f}"
    environment.filters["sentence"] = lambda words: f"{words[:1].upper()}{words[1:]}."
    environment.filters["points"] = lambda share: f"{share:+.2%}"
    environment.filters["p_value"] = lambda chance: "below .001" if chance < LEAST else f"{chance:.3f}".lstrip("0")
    environment.filters["share"] = lambda share: f"{share:.1%}"
    environment.filters["percent"] = lambda share: f"{share:.0%}"
    environment.filters["thousands"] = lambda count: f"{count:,}"
    return environment
