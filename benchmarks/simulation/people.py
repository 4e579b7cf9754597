"""What goes on around dispatch: plans that are made, replaced and taken back, people who change their minds."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import count

import pandas as pd

from assets.ledger.errors import BudgetExceeded, PlanRefused
from assets.ledger.ledger import Ledger
from assets.ledger.records import BudgetLine, PlanRecord
from benchmarks.simulation.world import START, Actor, World

DAY = date(2026, 1, 5)
CYCLE = "2026-01-05"
GENERATION = "2026-01-05-1"
CHANNELS = ("email", "sms")
COST = 1.0
FOREVER = float("inf")


class Around:
    """Everything that isn't dispatch.

    Args:
        world: The world.
        ledger: The ledger.
        people: How many there are.
        cap: What may be spent in all.
    """

    def __init__(self, world: World, ledger: Ledger, *, people: int, cap: float) -> None:
        self.world, self.ledger, self.people, self.cap = world, ledger, people, cap
        self._numbers = count(1)
        ledger.generations.publish(GENERATION, cycle_on=DAY, path="warehouse/published", at=START)
        ledger.generations.record_gate(GENERATION, "customer_view", is_passed=True, at=START)

    def first_plan(self) -> None:
        """One message to each person."""
        self._release("p0", self._messages("p0", range(self.people)), (), seen=self.cap)

    def replan(self, actor: Actor) -> None:
        """Decide again on what is open, and some time later release it in the place of the old."""
        while True:
            actor.sleep(self.world.random.uniform(20, 240))
            if self._is_over():
                return
            still_open = self.ledger.outbox.open_messages(DAY)
            rows = still_open.sample(frac=0.5, random_state=self.world.random.randrange(1 << 30))
            left = self._budget_left() + len(rows) * COST
            actor.step("plan.decided")
            if self._is_over():
                return
            plan_id = f"p{next(self._numbers)}"
            people = [int(str(each)[1:]) for each in rows["customer_id"]]
            more = [self.world.random.randrange(self.people) for _ in range(self.world.random.randrange(4))]
            frame = self._messages(plan_id, sorted({*people, *more}))
            self._release(plan_id, frame, list(rows["message_id"]), seen=left)

    def _is_over(self) -> bool:
        return self.world.calm

    def _budget_left(self) -> float:
        totals = [each for each in self.ledger.budgets.states(DAY) if each.scope == "total"]
        return self.cap - sum(each.held + each.spent for each in totals)

    def _release(self, plan_id: str, frame: pd.DataFrame, withdraws: Sequence[str], *, seen: float) -> None:
        at = self.world.now()
        plan = PlanRecord(plan_id, CYCLE, "hash", ["reactivate"], {"seen": seen}, {"generation_id": GENERATION}, at)
        self.ledger.plans.propose(plan)
        try:
            self.ledger.plans.release(
                plan_id,
                "hash",
                by="autonomous",
                at=at,
                messages=frame,
                expires_at=START + timedelta(hours=2),
                budgets=[BudgetLine("total", self.cap)],
                withdraws=withdraws,
            )
        except (BudgetExceeded, PlanRefused):
            return

    def _messages(self, plan_id: str, people: Sequence[int]) -> pd.DataFrame:
        chance = self.world.random
        send_at = [self.world.now() + timedelta(seconds=chance.uniform(-60, 300)) for _ in people]
        return pd.DataFrame(
            {
                "message_id": [f"{plan_id}-{n}" for n in people],
                "decision_id": [f"{plan_id}-{n}" for n in people],
                "cycle_id": CYCLE,
                "customer_id": [f"k{n}" for n in people],
                "objective_id": "reactivate",
                "channel": [chance.choice(CHANNELS) for _ in people],
                "offer_id": "ten_off",
                "creative_id": "note",
                "slot": "morning",
                "send_at": send_at,
                "expires_at": [at + timedelta(seconds=chance.uniform(300, 1800)) for at in send_at],
                "cost": COST,
                "contact_ids": [[f"c{n}"] for n in people],
                "recipient": [{"email": f"person{n}@example.com"} for n in people],
                "content": [{"text": "Hi"} for _ in people],
            }
        )

    def disturb(self) -> None:
        """Something is revoked, or comes back."""
        self.world.random.choice((self._stop, self._suppress, self._withdraw, self._answer, self._revoke, self._gate))()

    def _stop(self) -> None:
        """A stop, or the resume of what is stopped."""
        active = self.ledger.halts.active()
        at, seconds, revoked = self.world.now(), self.world.seconds, self.world.history.revoked
        if active:
            self.resume()
            return
        scope = self.world.random.choice(("all", *CHANNELS))
        self.ledger.halts.stop(scope, by="ann", at=at)
        revoked.append(("halt", scope, seconds, FOREVER))

    def resume(self) -> None:
        """Lift every stop."""
        revoked = self.world.history.revoked
        for scope in self.ledger.halts.active():
            self.ledger.halts.resume(scope, by="ann", at=self.world.now())
            for position, (kind, subject, since, until) in enumerate(revoked):
                if (kind, subject, until) == ("halt", scope, FOREVER):
                    revoked[position] = (kind, subject, since, self.world.seconds)

    def _suppress(self) -> None:
        contact = f"c{self.world.random.randrange(self.people)}"
        self.ledger.suppressions.add(contact, reason="complained", source="ann", at=self.world.now())
        self.world.history.revoked.append(("person", contact, self.world.seconds, FOREVER))

    def _withdraw(self) -> None:
        contact = f"c{self.world.random.randrange(self.people)}"
        at = self.world.now()
        row = {"contact_id": contact, "channel": "all", "status": "withdrawn", "occurred_at": at}
        self.ledger.suppressions.take_in_consents(pd.DataFrame([row]), received_at=at)
        self.world.history.revoked.append(("consent", contact, self.world.seconds, FOREVER))

    def _answer(self) -> None:
        """Events about what was accepted, some of them for the second time."""
        accepted = sorted(self.world.history.accepted)
        chosen = [each for each in accepted if self.world.random.random() < 0.4]
        if not chosen:
            return
        kinds = ["unsubscribed" if self.world.random.random() < 0.2 else "opened" for _ in chosen]
        events = [f"{kind}-{each}" for kind, each in zip(kinds, chosen, strict=True)]
        frame = pd.DataFrame(
            {"event_id": events, "event_type": kinds, "message_id": chosen, "occurred_at": self.world.now()}
        )
        self.ledger.outcomes.take_in(pd.concat([frame, frame]), received_at=self.world.now())
        self.world.history.events |= set(events)

    def _revoke(self) -> None:
        """Rarely: a plan is taken back."""
        released = [each.plan_id for each in self.ledger.plans.list() if each.state == "released"]
        if released and self.world.random.random() < 0.3:
            plan_id = self.world.random.choice(released)
            self.ledger.plans.revoke(plan_id, by="ann", at=self.world.now(), why="wrong")
            self.world.history.revoked.append(("plan", plan_id, self.world.seconds, FOREVER))

    def _gate(self) -> None:
        """Rarely: the data turn out to be wrong."""
        if self.world.random.random() < 0.1:
            at = self.world.now()
            self.ledger.generations.record_gate(GENERATION, "customer_view", is_passed=False, at=at)
            self.world.history.revoked.append(("gate", GENERATION, self.world.seconds, FOREVER))
