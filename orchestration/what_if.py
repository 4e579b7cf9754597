"""`wayfinder what-if`: the plan that other numbers would give, beside the day's; without numbers, the day's plan again.

On its way to an answer it imports nothing that a stored problem can do without: no Dagster, no warehouse, no MLflow.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assets.home import Home, cycle_id_of
from ml.allocation.errors import AllocationError
from ml.allocation.stored import DOCUMENT, StoredProblem, StoreError, load, replay
from ml.levers import PER_DAY, Day, LeverError, Numbers, ValueParts, needs_parts, parse
from ml.what_if import PlanFigures, channels_of, curve_numbers, value_curve, what_if
from orchestration.aside import aside
from orchestration.errors import BadInput, WorkFailed
from orchestration.settings import Settings

Facts = dict[str, Any]
MULTIPLES: Final = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)


def ask(settings: Settings, wanted: Sequence[str], text: str | None, cycle: str | None, *, draws_curve: bool) -> Facts:
    """Answer from the stored problem of a cycle. Nothing is decided, stored or handed over.

    Args:
        settings: The workspace.
        wanted: `KEY=VALUE`; none for a replay.
        text: The day; the newest with a stored problem by default.
        cycle: The cycle's id, for a re-optimization within the day.
        draws_curve: Whether to draw value against the first key's number, or the day's spend cap.

    Raises:
        BadInput: No such cycle or key, or a value that the key can't have.
        WorkFailed: No plan keeps the limits asked for; names the conflict and what resolves it.
    """
    begun = perf_counter()
    cycle_id = _cycle_id(Home(settings.home), text, cycle)
    try:
        folder = Home(settings.home).cycle(cycle_id)
        stored = load(folder)
        day = Day.from_dict(stored.context["day"])
        numbers = parse(wanted, day)
        parts = ValueParts.load(folder, len(stored.problem.given)) if needs_parts(numbers) else None
        read = perf_counter()
        with aside():
            facts = _answered(stored, day, numbers, parts, settings.threads)
            solved = perf_counter()
            if draws_curve:
                facts["curve"] = _curve(settings, stored, day, next(iter(numbers), PER_DAY))
    except (LeverError, StoreError) as error:
        raise BadInput(str(error)) from None
    except AllocationError as error:
        raise WorkFailed(str(error)) from None
    exploration = stored.context.get("exploration")
    if exploration is not None:
        facts["exploration"] = exploration
    seconds = {"read": read - begun, "solve": solved - read, "curve": perf_counter() - solved}
    return {"cycle_id": cycle_id, "currency": day.currency, **facts, "seconds": seconds}


def _answered(stored: StoredProblem, day: Day, numbers: Numbers, parts: ValueParts | None, threads: int) -> Facts:
    if numbers:
        return what_if(stored, day, numbers, parts=parts, threads=threads).to_dict()
    again = replay(stored, threads=threads)
    figures = PlanFigures.of(stored.problem, stored.allocation)
    return {"is_same": again.is_same, "differences": list(again.differences), "today": vars(figures)}


def show(console: Console, facts: Facts) -> None:
    """The answer on a screen."""
    if "is_same" in facts:
        _show_replay(console, facts)
    else:
        _show_change(console, facts)
    if "curve" in facts:
        curve = facts["curve"]
        console.print(_points(curve["key"], curve["points"]))
        console.print(curve["picture"], highlight=False, soft_wrap=True)


def _cycle_id(home: Home, text: str | None, cycle: str | None) -> str:
    if cycle is not None:
        return cycle
    if text is not None:
        try:
            return cycle_id_of(date.fromisoformat(text))
        except ValueError:
            raise BadInput(f"--date {text!r} is no date; right would be 2026-01-05") from None
    found = sorted(path.parent.name for path in home.root.glob(f"cycles/*/{DOCUMENT}") if "." not in path.parent.name)
    if not found:
        raise BadInput(f"no plan in {home.root} has a stored problem yet: run `wayfinder cycle` first")
    return found[-1]


def _curve(settings: Settings, stored: StoredProblem, day: Day, key: str) -> Facts:
    numbers = curve_numbers(stored, day, key, MULTIPLES)
    points = value_curve(stored, day, key, numbers, threads=settings.threads)
    from assets.pictures import value_curve as draw  # noqa: PLC0415 - matplotlib takes half a second

    path: Path = Home(settings.home).reports / f"what-if-{day.cycle_id}-{key}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    title = f"What {key} is worth ({day.cycle_id})"
    path.write_bytes(draw(title, points, (key.rsplit(".", 1)[-1].replace("_", " "), day.currency), day.numbers[key]))
    return {"key": key, "today": day.numbers[key], "points": [vars(point) for point in points], "picture": str(path)}


def _show_replay(console: Console, facts: Facts) -> None:
    verdict = "came out again, to the bit" if facts["is_same"] else "did [bold]not[/] come out again"
    today = facts["today"]
    console.print(
        f"\nThe allocation of [bold]{facts['cycle_id']}[/] {verdict}: {today['contacted']:,} people contacted, net value "
        f"{today['value']:,.2f} {facts['currency']} (proven within {today['gap'] * 100:.2g} %)",
        highlight=False,
    )
    _show_exploration(console, facts)
    for difference in facts["differences"]:
        console.print(f"  · {escape(difference)}", highlight=False)


def _show_change(console: Console, facts: Facts) -> None:
    console.print(f"\n[bold]What if[/] on {facts['cycle_id']} (nothing is changed or handed over)", highlight=False)
    for change in facts["changes"]:
        console.print(
            f"  · {change['key']}: {_number(change['before'])} → [bold]{_number(change['after'])}[/]; "
            f"{escape(change['words'])}",
            highlight=False,
        )
    console.print(_beside(facts))
    console.print(_people(facts["people"]), highlight=False)
    _show_exploration(console, facts)
    console.print(_prices(facts))


def _show_exploration(console: Console, facts: Facts) -> None:
    """Plans are compared before exploring: what a draw near them gives up is the same share of either."""
    explored = facts.get("exploration")
    if explored and explored["temperature"] > 0:
        console.print(
            f"Before exploring, which gave up {explored['expected_cost']:,.2f} of the day's net value on average "
            f"({explored['value_share']:.1%} allowed)",
            highlight=False,
        )


def _beside(facts: Facts) -> Table:
    today, then = facts["today"], facts["what_if"]
    table = Table(box=box.SIMPLE)
    for name in ("system's contacts", "today", "what if", "difference"):
        table.add_column(name, justify="left" if name == "system's contacts" else "right")
    _row(table, f"net value, {facts['currency']}", today["value"], then["value"], 2)
    _row(table, "spend", today["spend"], then["spend"], 2)
    _row(table, "people contacted", today["contacted"], then["contacted"], 0)
    table.add_row("proven within", f"{today['gap'] * 100:.2g} %", f"{then['gap'] * 100:.2g} %", "")
    table.add_section()
    for channel in _channels(today, then):
        for name, digits in (("contacts", 0), ("spend", 2)):
            before, after = (each[f"{name}_by_channel"].get(channel, 0) for each in (today, then))
            _row(table, f"{channel}: {name}", before, after, digits)
    return table


def _channels(*plans: Facts) -> list[str]:
    return channels_of([PlanFigures(**plan) for plan in plans])


def _row(table: Table, words: str, before: float, after: float, digits: int) -> None:
    table.add_row(words, f"{before:,.{digits}f}", f"{after:,.{digits}f}", f"{after - before:+,.{digits}f}")


def _people(people: Facts) -> str:
    words = {
        "gained": "contacted who would be left alone", "lost": "left alone who would be contacted",
        "more": "contacted more often", "fewer": "contacted less often", "other_channel": "through another channel",
        "other_offer": "with another offer", "other_objective": "for another objective",
    }  # fmt: skip
    parts = [f"{people[name]:,} {said}" for name, said in words.items() if people[name]]
    return f"{people['affected']:,} people treated differently{': ' if parts else ''}{'; '.join(parts)}"


def _prices(facts: Facts) -> Table | str:
    table = Table(box=box.SIMPLE, title="What one more unit of each binding limit is worth", title_justify="left")
    for name in ("limit", "today", "what if"):
        table.add_column(name, justify="left" if name == "limit" else "right")
    today, then = facts["today"]["prices"], facts["what_if"]["prices"]
    if not today and not then:
        return "nothing is scarce in either plan"
    for name in dict.fromkeys([*today, *then]):
        table.add_row(name, *(f"{prices[name]:,.4f}" if name in prices else "–" for prices in (today, then)))
    return table


def _points(key: str, points: Sequence[Facts]) -> Table:
    table = Table(box=box.SIMPLE)
    for name in (key, "net value", "spend", "one more is worth"):
        table.add_column(name, justify="right")
    for each in points:
        table.add_row(
            f"{each['number']:,.2f}", f"{each['value']:,.2f}", f"{each['spend']:,.2f}", f"{each['marginal']:,.4f}"
        )
    return table


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:,.4f}".rstrip("0").rstrip(".")
