"""The ledger: one engine and its nouns."""

from functools import cached_property

from sqlalchemy.engine import URL

from assets.ledger.audit import Audit
from assets.ledger.bills import Bills
from assets.ledger.budgets import Budgets
from assets.ledger.earning import Earning
from assets.ledger.engine import open_engine
from assets.ledger.figures import Figures
from assets.ledger.findings import Findings
from assets.ledger.forget import Forgotten
from assets.ledger.generations import Generations
from assets.ledger.halts import Halts
from assets.ledger.health import Health
from assets.ledger.inbox import Inbox
from assets.ledger.landing import Landing
from assets.ledger.live import Live
from assets.ledger.memberships import Memberships
from assets.ledger.models import Models
from assets.ledger.objectives import Objectives
from assets.ledger.outbox import Outbox
from assets.ledger.outcomes import Outcomes
from assets.ledger.plans import Plans
from assets.ledger.randomizations import Randomizations
from assets.ledger.reputation import Reputation
from assets.ledger.schema import upgrade
from assets.ledger.suppressions import Suppressions
from assets.ledger.web import WebMessages


class Ledger:
    """What must survive a crash, behind a few nouns.

    Args:
        url: `sqlite:///<file>` or `postgresql://…`. Opening it touches nothing: call `upgrade()` once per process
            first.
    """

    def __init__(self, url: str | URL) -> None:
        self.engine = open_engine(url)

    def upgrade(self) -> "Ledger":
        """Bring the schema to this version; safe to call by many processes at once. Returns itself."""
        upgrade(self.engine)
        return self

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    @cached_property
    def landing(self) -> Landing:
        """Files taken in."""
        return Landing(self.engine)

    @cached_property
    def models(self) -> Models:
        """Models that were taken back."""
        return Models(self.engine)

    @cached_property
    def generations(self) -> Generations:
        """Published data and its gates."""
        return Generations(self.engine)

    @cached_property
    def objectives(self) -> Objectives:
        """Levels of autonomy."""
        return Objectives(self.engine)

    @cached_property
    def earning(self) -> Earning:
        """The tests of the levels, and what was found."""
        return Earning(self.engine)

    @cached_property
    def randomizations(self) -> Randomizations:
        """How the arms are drawn."""
        return Randomizations(self.engine)

    @cached_property
    def plans(self) -> Plans:
        """Plans and their authority."""
        return Plans(self.engine)

    @cached_property
    def outbox(self) -> Outbox:
        """Messages on their way."""
        return Outbox(self.engine)

    @cached_property
    def memberships(self) -> Memberships:
        """Who is in the audiences of ads."""
        return Memberships(self.engine)

    @cached_property
    def outcomes(self) -> Outcomes:
        """Events that came back."""
        return Outcomes(self.engine)

    @cached_property
    def suppressions(self) -> Suppressions:
        """Who may not be contacted, and consent as it changed since the last decision."""
        return Suppressions(self.engine)

    @cached_property
    def budgets(self) -> Budgets:
        """Caps, holds and spend."""
        return Budgets(self.engine)

    @cached_property
    def bills(self) -> Bills:
        """What providers billed beyond it."""
        return Bills(self.engine)

    @cached_property
    def figures(self) -> Figures:
        """Sums over what was released."""
        return Figures(self.engine)

    @cached_property
    def halts(self) -> Halts:
        """Stop and resume."""
        return Halts(self.engine)

    @cached_property
    def health(self) -> Health:
        """Pace and circuit breaker of each channel."""
        return Health(self.engine)

    @cached_property
    def reputation(self) -> Reputation:
        """Complaints and bounces of each channel."""
        return Reputation(self.engine)

    @cached_property
    def live(self) -> Live:
        """Which drivers may reach beyond this machine."""
        return Live(self.engine)

    @cached_property
    def audit(self) -> Audit:
        """The hash chain and the invariants."""
        return Audit(self.engine)

    @cached_property
    def inbox(self) -> Inbox:
        """What providers reported, until it is flushed."""
        return Inbox(self.engine)

    @cached_property
    def web(self) -> WebMessages:
        """What the decision endpoint may show."""
        return WebMessages(self.engine)

    @cached_property
    def forgotten(self) -> Forgotten:
        """Erased people."""
        return Forgotten(self.engine)

    @cached_property
    def findings(self) -> Findings:
        """What was learned."""
        return Findings(self.engine)
