"""How often one person may be contacted."""

from ml.allocation.errors import TermError
from ml.allocation.terms.base import Limit, Term, Totals
from ml.entities import CHANNELS


class ContactLimit(Term):
    r"""At most k contacts of a person in the cycle, at most one in each channel.

    \(\sum_j x_{ij} \le k\) and \(\sum_{j \in h} x_{ij} \le 1\) for every person i and channel h. Both are settled in
    the lookup, person by person: they have no shadow price and add no row to the master. Where a person has fewer
    contacts left (a rolling frequency cap), `Candidates.contacts_left` lowers k for that person.
    """

    def __init__(self, contacts: int = 1):
        if not 1 <= contacts <= len(CHANNELS):
            raise TermError(
                f"Contacts of a person per cycle are {contacts}; they must be 1 to 8, the number of channels."
            )
        self.contacts = contacts

    def limits(self, totals: Totals) -> list[Limit]:  # noqa: ARG002 - the lookup keeps it
        """None: it couples nobody to anybody."""
        return []
