"""Events as the contract's tables. Each table has ``EMIT_AT`` besides, the instant at which its row is told."""

from datetime import UTC, datetime
from typing import Final

import numpy as np
import pyarrow as pa

from market import contacts, texts
from market.consents import consent_rows
from market.draws import Stream, hashed, uniform
from market.events import Events
from market.identities import VISITORS, visitor_ids
from market.words import CATEGORIES, CHANNELS, DAY_MS, Ints
from market.world import State, World

EMIT_AT: Final = "_emit_at"
ORDER_ORIGIN: Final = "_origin"
_PAGES: Final = ("/", "/product", "/search", "/cart", "/checkout")
_WEB: Final = ("page_view", "product_view", "search", "add_to_cart", "checkout")
_MAIL: Final = ("sent", "open", "click", "bounce", "complaint", "unsubscribe")
_DISPOSITIONS: Final = ("completed", "no_answer", "voicemail", "abandoned")

Columns = dict[str, np.ndarray]


def campaign_day(day: int) -> str:
    """A day as campaigns are named by it."""
    return datetime.fromtimestamp(day * DAY_MS / 1000, tz=UTC).strftime("%Y-%m-%d")


class Renderer:
    """Makes tables of events; keeps the look-ups that are worth keeping between batches."""

    def __init__(self, world: World, state: State) -> None:
        self.world = world
        self.state = state
        self._visitors = visitor_ids(world.seed, np.arange(world.people.count * VISITORS))
        self._contact_ids = world.ids.contacts["contact_id"].combine_chunks()
        self._emails = world.ids.contacts["email"].combine_chunks()

    def tables(self, events: Events) -> dict[str, pa.Table]:
        """All that happened, by source; sources without rows are left out."""
        out: dict[str, pa.Table] = {}
        makers = (
            ("web", "web_events", self._web),
            ("ads", "ad_engagement", self._ads),
            ("mail", "email_engagement", self._mail),
            ("sends", "campaign_history", self._sends),
            ("leaves", "consents", self._leaves),
        )
        for kind, source, make in makers:
            columns = events.columns(kind)
            if columns:
                out[source] = _ordered(make(columns), columns["t"])
        sales = events.columns("sales")
        if sales:
            out.update(self._sales(sales))
        calls = events.columns("calls")
        if calls:
            known = self.world.people.has_phone[calls["person"]]
            calls = {name: values[known] for name, values in calls.items()}
            out["call_logs"] = _ordered(self._calls(calls, events.words), calls["t"])
        return out

    def _id(self, prefix: str, purpose: int, c: Columns, *keys: Ints) -> pa.StringArray:
        return texts.hex_ids(prefix, hashed(self.world.seed, Stream.EVENT_ID, purpose, c["person"], c["t"], *keys))

    def _web(self, c: Columns) -> pa.Table:
        contact = self._contact_ids.take(pa.array(self.world.ids.first[c["person"]], mask=~c["logged"]))
        return pa.table(
            {
                "event_id": self._id("w", 1, c, c["key"]),
                "visitor_id": self._visitors.take(pa.array(c["visitor"])),
                "event_type": texts.pick(_WEB, c["kind"]),
                "occurred_at": texts.times(c["t"]),
                "contact_id": contact,
                "email_sha256": self.world.ids.email_sha256.take(pa.array(c["person"], mask=~c["hashed_email"])),
                "url_path": texts.pick(_PAGES, c["kind"]),
                "product_category": texts.pick(CATEGORIES, c["category"]),
            }
        )

    def _ads(self, c: Columns) -> pa.Table:
        seed, person = self.world.seed, c["person"]
        by_hash = uniform(seed, Stream.DETAIL, person, c["t"], 40) < 0.7
        visitor = person.astype(np.int64) * VISITORS
        return pa.table(
            {
                "event_id": self._id("a", 2, c, c["platform"]),
                "platform": texts.pick(("paid_social", "display"), c["platform"]),
                "event_type": texts.pick(("impression", "click"), c["click"].astype(np.int64)),
                "occurred_at": texts.times(c["t"]),
                "email_sha256": self.world.ids.email_sha256.take(pa.array(person, mask=~by_hash)),
                "visitor_id": self._visitors.take(pa.array(visitor, mask=by_hash)),
                "campaign": texts.pick(self.state.campaigns, c["campaign"]),
                "cost": pa.array(np.round(c["cost"], 5)),
            }
        )

    def _mail(self, c: Columns) -> pa.Table:
        return pa.table(
            {
                "event_id": self._id("e", 3, c, c["kind"], c["campaign"]),
                "email": self.world.ids.email.take(pa.array(c["person"])),
                "event_type": texts.pick(_MAIL, c["kind"]),
                "occurred_at": texts.times(c["t"]),
                "campaign": texts.pick(self.state.campaigns, c["campaign"]),
            }
        )

    def _sends(self, c: Columns) -> pa.Table:
        contact = self.world.ids.contact_of(self.world.seed, c["person"], c["t"])
        return pa.table(
            {
                "contact_id": self._contact_ids.take(pa.array(contact)),
                "channel": texts.pick(CHANNELS, c["channel"]),
                "sent_at": texts.times(c["t"]),
                "offer_id": texts.pick(self.state.catalogue.offers, c["offer"]),
                "campaign": texts.pick(self.state.campaigns, c["campaign"]),
                "cost": pa.array(c["cost"]),
                "assignment_probability": pa.array(c["chance"], from_pandas=True),
            }
        )

    def _leaves(self, c: Columns) -> pa.Table:
        contact = self._contact_ids.take(pa.array(self.world.ids.contact_of(self.world.seed, c["person"], c["t"])))
        n = len(c["t"])
        return consent_rows(
            contact, c["channel"], np.zeros(n, dtype=bool), c["t"], basis=np.full(n, -1), source=np.full(n, 4)
        )

    def _calls(self, c: Columns, words: list[str]) -> pa.Table:
        return pa.table(
            {
                "call_id": self._id("p", 4, c),
                "phone": self.world.ids.phone.take(pa.array(c["person"])),
                "started_at": texts.times(c["t"]),
                "direction": texts.pick(("outbound", "inbound"), c["inbound"].astype(np.int64)),
                "duration_s": pa.array(np.round(c["seconds"].astype(np.float64), 1)),
                "disposition": texts.pick(_DISPOSITIONS, c["disposition"]),
                "transcript": texts.pick([*words, ""], c["words"]),
            }
        )

    def _sales(self, c: Columns) -> dict[str, pa.Table]:
        out = {}
        for source, mask, make in (
            ("orders", ~c["in_store"], self._orders),
            ("store_purchases", c["in_store"], self._receipts),
        ):
            part = {name: values[mask] for name, values in c.items()}
            if len(part["t"]):
                table = make(part).append_column(ORDER_ORIGIN, pa.array(part["origin"].astype(np.int8)))
                out[source] = _ordered(
                    table.append_column("_person", pa.array(part["person"].astype(np.int32))), part["t"]
                )
        return out

    def _money(self, c: Columns, purpose: int) -> tuple[pa.Array, pa.Array]:
        told = uniform(self.world.seed, Stream.DETAIL, c["person"], c["t"], purpose) < 0.95
        return pa.array(c["revenue"]), pa.array(c["margin"], mask=~told)

    def _orders(self, c: Columns) -> pa.Table:
        seed, person, t = self.world.seed, c["person"], c["t"]
        contact = self.world.ids.contact_of(seed, person, t)
        email = self._emails.take(pa.array(contact))
        guest = (uniform(seed, Stream.DETAIL, person, t, 41) < 0.36) & email.is_valid().to_numpy(zero_copy_only=False)
        both = uniform(seed, Stream.DETAIL, person, t, 42) < 0.25
        revenue, margin = self._money(c, 43)
        return pa.table(
            {
                "order_id": self._id("o", 5, c),
                "ordered_at": texts.times(t),
                "revenue": revenue,
                "contact_id": self._contact_ids.take(pa.array(contact, mask=guest)),
                "email": texts.keep(email, guest | both),
                "margin": margin,
                "item_count": pa.array(c["items"].astype(np.int32)),
                "product_category": texts.pick(CATEGORIES, c["category"]),
                "discount": pa.array(c["discount"]),
                "offer_code": texts.pick(self.state.catalogue.offers, c["offer"]),
            }
        )

    def _receipts(self, c: Columns) -> pa.Table:
        seed, person, t = self.world.seed, c["person"], c["t"]
        u = uniform(seed, Stream.DETAIL, person, t, 44)
        card = self.world.people.has_loyalty[person] & (u < 0.94)
        dial = ~card & (u < 0.6) & self.world.people.has_phone[person]
        mail = ~card & ~dial & (u < 0.85)
        loyalty = texts.keep(contacts.loyalty_ids(seed, person), card)
        revenue, margin = self._money(c, 45)
        store = 1 + self.world.people.place[person].astype(np.int64) * 3 + (u * 977).astype(np.int64) % 3
        return pa.table(
            {
                "receipt_id": self._id("r", 6, c),
                "purchased_at": texts.times(t),
                "revenue": revenue,
                "loyalty_id": loyalty,
                "phone": self.world.ids.phone.take(pa.array(person, mask=~dial)),
                "email": self.world.ids.email.take(pa.array(person, mask=~mail)),
                "margin": margin,
                "store_id": texts.join("S", texts.digits(store, 3)),
                "product_category": texts.pick(CATEGORIES, c["category"]),
                "offer_code": texts.pick(self.state.catalogue.offers, c["offer"]),
            }
        )


def _ordered(table: pa.Table, emit_at: Ints) -> pa.Table:
    order = np.argsort(emit_at, kind="stable")
    return table.append_column(EMIT_AT, pa.array(emit_at.astype(np.int64))).take(pa.array(order))


def told(table: pa.Table) -> pa.Table:
    """The table as the shop sees it: without the columns that only the market knows."""
    return table.drop_columns([name for name in table.column_names if name.startswith("_")])


def split_by_time(table: pa.Table, until_ms: int) -> tuple[pa.Table, pa.Table]:
    """Rows to be told before an instant, and the others."""
    now = table[EMIT_AT].to_numpy() < until_ms
    return table.filter(pa.array(now)), table.filter(pa.array(~now))
