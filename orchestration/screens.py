"""What a verb shows a person: one screenful, from the facts that `--json` gives a program."""

from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ml.policy.categories import CATEGORY_WORDS
from orchestration.runs import Progress

Facts = dict[str, Any]


def progress(quiet: bool) -> Progress:
    """Shows each step as it ends, on the error stream; shows nothing where a program asked."""
    console = Console(stderr=True)

    def show(step: str, seconds: float | None) -> None:
        if seconds is not None and not quiet:
            console.print(f"  [green]✓[/] {escape(step):<42} [dim]{seconds:6.1f} s[/]", highlight=False)

    return show


def money(amount: float | None) -> str:
    """An amount as a person reads it."""
    return "–" if amount is None else f"{amount:,.2f}"


def cycle(console: Console, facts: Facts) -> None:
    """A cycle: the plan, whom it leaves alone, and what comes next."""
    console.print(
        f"\n[bold]Cycle {facts['cycle_id']}[/]  plan {facts['plan_id']} is [bold]{facts['state']}[/]", highlight=False
    )
    console.print(
        f"{facts['people_eligible']:,} people eligible, {facts['people_contacted']:,} contacted; expected net value "
        f"[bold]{money(facts['value_expected'])}[/] for {money(sum(facts['spend'].values()))} "
        f"(proven within {facts['gap'] * 100:.2g} % of the best plan)",
        highlight=False,
    )
    console.print(_channels(facts))
    console.print(_leave_alone(facts))
    for plan in facts["plans"]:
        if plan["state"] == "waiting":
            _waiting(console, plan)
    for note in facts.get("notes", []):
        console.print(f"[dim]note[/]: {escape(note)}", highlight=False)
    console.print(f"[dim]report: {facts['report']}[/]", highlight=False)


def _waiting(console: Console, plan: Facts) -> None:
    console.print(f"[yellow]waits[/]: plan {plan['plan_id']}", highlight=False)
    for line in grouped(plan["reasons"]):
        console.print(f"  · {escape(line)}", highlight=False)
    console.print(f"  wayfinder approve {plan['plan_id']} --by NAME", highlight=False, soft_wrap=True)


def grouped(reasons: list[str]) -> list[str]:
    """Reasons of the form `objective: why`, each why once with the objectives that it holds for."""
    objectives: dict[str, list[str]] = {}
    for reason in reasons:
        objective, separator, why = reason.partition(": ")
        objectives.setdefault(why if separator else reason, []).append(objective if separator else "")
    return [f"{', '.join(names)}: {why}" if any(names) else why for why, names in objectives.items()]


def _channels(facts: Facts) -> Table:
    table = Table(box=box.SIMPLE, title="Messages", title_justify="left")
    for name in ("channel", "messages", "spend"):
        table.add_column(name, justify="left" if name == "channel" else "right")
    for channel, count in facts["messages"].items():
        if count:
            table.add_row(channel, f"{count:,}", money(facts["spend"].get(channel, 0.0)))
    return table


def _leave_alone(facts: Facts) -> Table:
    table = Table(
        box=box.SIMPLE, title="Who is contacted, who is left alone, and what that saves", title_justify="left"
    )
    for name in ("", "people", "contacts", "spend", "saved"):
        table.add_column(name, justify="right" if name else "left")
    for row in facts["leave_alone"]:
        words = CATEGORY_WORDS.get(row["category"], row["category"])
        table.add_row(words, f"{row['people']:,}", f"{row['contacts']:,}", money(row["spend"]), money(row["saving"]))
    return table


def dispatch(console: Console, facts: Facts) -> None:
    """A hand-over: what left, and what did not and why."""
    table = Table(box=box.SIMPLE)
    states = [name for name in facts["counts"] if any(facts["counts"][name].values())]
    table.add_column("channel")
    for state in states:
        table.add_column(state, justify="right")
    for channel in sorted({channel for state in states for channel in facts["counts"][state]}):
        table.add_row(channel, *(f"{facts['counts'][state].get(channel, 0):,}" for state in states))
    console.print(f"Handed over by {facts['at']}" if states else f"Nothing is due by {facts['at']}", highlight=False)
    if states:
        console.print(table)


def ingest(console: Console, facts: Facts) -> None:
    """What came in, what of it matters, and what was changed."""
    console.print(
        f"{facts['files']:,} files, {facts['outcomes']['new']:,} new outcomes ({facts['outcomes']['duplicate']:,} known, "
        f"{facts['outcomes']['unmatched']:,} unmatched)",
        highlight=False,
    )
    console.print(facts["decision"], highlight=False)
    if facts.get("plan_id"):
        console.print(
            f"plan {facts['plan_id']} is [bold]{facts['state']}[/]: {facts['cancelled']:,} open messages withdrawn, "
            f"{sum(facts['messages'].values()):,} new, {facts['changes'].get('kept', 0):,} kept",
            highlight=False,
        )


def plans(console: Console, facts: Facts) -> None:
    """The plans, newest last."""
    table = Table(box=box.SIMPLE)
    for name in ("plan", "state", "objectives", "messages", "spend"):
        table.add_column(name, justify="right" if name in {"messages", "spend"} else "left", no_wrap=name == "plan")
    for plan in facts["plans"]:
        figures = (f"{plan['messages']:,}", money(plan["spend"]))
        table.add_row(plan["plan_id"], plan["state"], ", ".join(plan["objectives"]), *figures)
    console.print(table if facts["plans"] else "no plan yet: run `wayfinder cycle`")
    for plan in facts["plans"]:
        if plan["is_waiting"]:
            _waiting(console, plan)


def decided(console: Console, facts: Facts) -> None:
    """A person's word and what followed from it."""
    console.print(
        f"plan {facts['plan_id']} is [bold]{facts['state']}[/] by {escape(facts['by'])}; {facts['released']:,} messages released",
        highlight=False,
    )


def why(console: Console, facts: Facts) -> None:
    """One person's decisions, in words and numbers."""
    console.print(f"\n[bold]{facts['customer_id']}[/] in cycle {facts['cycle_id']}", highlight=False)
    for decision in facts["decisions"]:
        console.print(f"\n[bold]{escape(decision['headline'])}[/]", highlight=False)
        for step in decision["steps"]:
            console.print(f"  · {escape(step)}", highlight=False)
        table = Table(box=box.SIMPLE)
        for name in ("", "net value", "of it made possible", "price of what is scarce", "left"):
            table.add_column(name, justify="right" if name else "left")
        for option in (decision["chosen"], *decision["alternatives"]):
            table.add_row(
                option["option"],
                f"{option['net_value']:+.4f}",
                f"{option['value_to_go']:+.4f}",
                f"{option['price']:.4f}",
                f"{option['adjusted_value']:+.4f}",
            )
        console.print(table)
    for change in facts["changes"]:
        console.print(
            f"[bold]Changed within the day[/] ({change['cycle_id']}): {change['old_option']} → {change['new_option']}",
            highlight=False,
        )
        console.print(f"  · {escape(change['reason'])}", highlight=False)


def report(console: Console, facts: Facts) -> None:
    """Where the report is."""
    console.print(f"{facts['html']}\n{facts['markdown']}", highlight=False, soft_wrap=True)


def status(console: Console, facts: Facts, *, is_brief: bool = False) -> None:
    """Objectives against target and pace, channels, model; briefly, of each objective only where it will end."""
    table = Table(box=box.SIMPLE, title="Objectives", title_justify="left", padding=(0, 1, 0, 0))
    for name in ("objective", "target", "reached", "budget", "spent", "time", "autonomy"):
        table.add_column(name, justify="left" if name in {"objective", "autonomy"} else "right", no_wrap=True)
    for row in facts["objectives"]:
        pace = (f"{row['budget']:,.0f}", f"{row['pace']['spent_share']:.1%}", f"{row['pace']['elapsed_share']:.0%}")
        table.add_row(row["id"], row["target_words"], row["reached_words"], *pace, row["autonomy"])
    console.print(table)
    _outlooks(console, facts["objectives"], is_brief=is_brief)
    _lifts(console, facts["objectives"])
    if not is_brief:
        _autonomy(console, facts["objectives"])
    console.print(_health(facts))
    if "all" in facts["stopped"]:
        console.print("[bold red]everything is stopped[/]: wayfinder resume", highlight=False)
    age = facts["data"]
    data = (
        "nothing published yet" if age is None else f"generation {age['generation_id']}, {age['age_hours']:.0f} h old"
    )
    console.print(f"data: {data}  ·  model: {facts['model']}", highlight=False)
    for plan in facts["waiting"]:
        _waiting(console, plan)


def _outlooks(console: Console, objectives: list[Facts], *, is_brief: bool) -> None:
    """How far each objective is and where it will end; what stands in its way, and what would make room."""
    for row in objectives:
        said = row.get("outlook")
        if said is None:
            continue
        if is_brief:
            console.print(f"  {escape(row['id'])}: {escape(said['forecast'] or 'no forecast yet')}", highlight=False)
            continue
        lines = [
            said["target"],
            said["reached"],
            said["forecast"],
            said["pace"],
            said["underspends"],
            said["conflicts"],
        ]
        console.print(f"[bold]{escape(row['id'])}[/]", highlight=False)
        for line in [*lines, *(f"  {move}" for move in said["moves"])]:
            if line:
                console.print(f"  {escape(line)}", highlight=False)


def _lifts(console: Console, objectives: list[Facts]) -> None:
    """Lift needs its interval, and so a line of its own."""
    if all(row["lift_words"] == "too early" for row in objectives):
        console.print("lift: too early to say for any objective", highlight=False)
        return
    for row in objectives:
        cost = row["cost_per_conversion"]
        priced = f"; a conversion caused costs {cost['words']}" if cost and cost["value"] is not None else ""
        console.print(f"lift of {row['id']}: {escape(row['lift_words'] + priced)}", highlight=False)


def _autonomy(console: Console, objectives: list[Facts]) -> None:
    """The newest evidence for each level, and what it calls for."""
    for row in objectives:
        found = row.get("autonomy_evidence")
        if found:
            moved = "" if found["move"] == "stays" else f"[yellow]{found['move']}[/]: "
            console.print(f"autonomy of {escape(row['id'])}: {moved}{escape(found['words'])}", highlight=False)


def _health(facts: Facts) -> Table | str:
    """Channels of the last seven days, one a line; a column where there is something to say."""
    rows = facts["channels"]
    if not rows:
        return "channels: no message in the last seven days"
    told = ("waits", "due", "late", "sending", "sent", "failed", "unknown")
    counts = [name for name in told if name == "sent" or any(row[name] for row in rows)]
    has_words = any(row["stuck"] or row["stopped"] for row in rows)
    table = Table(box=box.SIMPLE, title="Channels, last seven days", title_justify="left", pad_edge=False)
    for name in ("channel", *counts, "last hand-over", *([""] if has_words else [])):
        table.add_column(name, justify="right" if name in counts else "left", no_wrap=name != "")
    for row in rows:
        last = f"{row['last_handover_at']:%m-%d %H:%M}" if row["last_handover_at"] else "–"
        stuck = f"[bold red]{row['stuck']:,} stuck[/] " if row["stuck"] else ""
        stopped = f"[bold red]{escape(row['stopped'])}[/]" if row["stopped"] else ""
        figures = (f"{row[name]:,}" if row[name] else "–" for name in counts)
        table.add_row(row["channel"], *figures, last, *([stuck + stopped] if has_words else []))
    return table


def demo(console: Console, facts: Facts) -> None:
    """What happened, in a screenful."""
    cycle(console, facts["cycle"])
    ingest(console, facts["ingest"])
    status(console, facts["status"], is_brief=True)
    console.print(
        "\nwhere to look next:  [bold]make ui[/]  ·  wayfinder report  ·  wayfinder why CUSTOMER  ·  wayfinder plans",
        highlight=False,
    )


def simulate(console: Console, facts: Facts) -> None:
    """What each policy caused for its money, by the market's truth."""
    people, days, seeds = facts["customers"], facts["days"], len(facts["seeds"])
    console.print(f"\n[bold]{people:,} people, {days} days, {seeds} seeds[/], by the market's truth\n", highlight=False)
    for table in (facts["totals"], facts["cycles"]):
        console.print(escape(table), highlight=False, soft_wrap=True)
        console.print()
