"""Measures who is who: pairs of CRM contacts and other identifiers that the identity models unify, against the truth.

Sources are those of a sample market; its truth is read by this judge alone. Precision is the share of unified pairs of
contacts that truly are one person, recall the share of true pairs that were unified; traps are the same for pairs in
which the trap lies. The peers are what is usually done: contacts of one e-mail are one person; contacts that share any
exact identifier are one person, over any chain.

    python -m benchmarks.identity [--quick] [--customers N] [--seed S]
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from assets.intake import land, set_cycle

PROJECT = Path(__file__).resolve().parents[1] / "dbt_project"
DAY = date(2026, 1, 5)
CUTOFF = datetime.fromisoformat("2026-01-05T05:00:00")
KINDS = {
    "email": "email_sha256",
    "phone": "phone",
    "loyalty": "loyalty_id",
    "device": "device_token",
    "visitor": "visitor_id",
}


@dataclass(frozen=True)
class Score:
    """Pairs that were unified, that truly belong together, that are both, and all that were looked at."""

    unified: int
    true: int
    both: int
    total: int

    def facts(self) -> dict[str, float | int]:
        """Figures of the score; NaN where there is nothing to count."""
        different = self.total - self.true
        return {
            "precision": round(self.both / self.unified, 4) if self.unified else float("nan"),
            "recall": round(self.both / self.true, 4) if self.true else float("nan"),
            "kept_apart": round(1 - (self.unified - self.both) / different, 4) if different else float("nan"),
            "true_pairs": self.true,
        }


def pair_count(*keys: pd.Series) -> int:
    """Pairs of rows that agree in all keys."""
    sizes = pd.concat(keys, axis=1).value_counts().to_numpy()
    return int((sizes * (sizes - 1) // 2).sum())


def score(found: pd.Series, person: pd.Series) -> Score:
    """Score of a grouping of contacts against their persons, both by contact id."""
    total = len(found) * (len(found) - 1) // 2
    return Score(pair_count(found), pair_count(person), pair_count(found, person), total)


def score_pairs(pairs: pd.DataFrame, found: pd.Series, person: pd.Series) -> Score:
    """Score over given pairs of contacts alone."""
    one = found.loc[pairs["a"]].to_numpy() == found.loc[pairs["b"]].to_numpy()
    same = person.loc[pairs["a"]].to_numpy() == person.loc[pairs["b"]].to_numpy()
    return Score(int(one.sum()), int(same.sum()), int((one & same).sum()), len(pairs))


def run(*command: str, environment: dict[str, str] | None = None) -> None:
    """Run a program; its output is shown if it fails.

    Raises:
        SystemExit: If it fails.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | (environment or {}))
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def build(home: Path, customers: int, seed: int) -> dict[str, float]:
    """Make a market, land it and build the identity models; seconds by step."""
    seconds, start = {}, perf_counter()
    python, dbt = sys.executable, str(Path(sys.executable).with_name("dbt"))
    run(python, "-m", "market", "make", "--home", str(home), "--customers", str(customers), "--seed", str(seed))
    run(
        python,
        "-m",
        "market",
        "truth",
        "--home",
        str(home),
        "--what",
        "identity",
        "--out",
        str(home / "identity.parquet"),
    )
    seconds["market"], start = perf_counter() - start, perf_counter()
    with duckdb.connect(str(home / "wayfinder.duckdb")) as con:
        land(home, con, at=CUTOFF, known=())
        set_cycle(
            con, cycle_on=DAY, cutoff_at=CUTOFF, received_by=CUTOFF, time_zone="America/New_York",
            lapsing_days=60, lapsed_days=90, margin_share=0.4, horizon_days=14,
        )  # fmt: skip
    seconds["landing"], start = perf_counter() - start, perf_counter()
    environment = {
        "WAYFINDER_WAREHOUSE": str(home / "wayfinder.duckdb"),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_TARGET_PATH": str(home / "target"),
        "DBT_LOG_PATH": str(home / "logs"),
        "DO_NOT_TRACK": "1",
    }
    run(dbt, "run", "--project-dir", str(PROJECT), "--select", "+int_key_customers", environment=environment)
    seconds["dbt, with staging"] = perf_counter() - start
    results = json.loads((home / "target" / "run_results.json").read_text())["results"]
    identity = {path.stem for path in (PROJECT / "models/intermediate/identity").iterdir()}
    seconds["identity models"] = sum(r["execution_time"] for r in results if r["unique_id"].split(".")[-1] in identity)
    return {name: round(value, 2) for name, value in seconds.items()}


def naive(claims: pd.DataFrame, contacts: pd.Index, kinds: Iterable[str]) -> pd.Series:
    """Peers: contacts that share an identifier of these kinds are one person, over any chain."""
    used = claims[claims["kind"].isin(list(kinds))]
    rows = contacts.get_indexer(pd.Index(used["contact_id"]))
    columns = used.groupby(["kind", "identifier"]).ngroup().to_numpy() + len(contacts)
    size = len(contacts) + int(columns.max(initial=len(contacts) - 1) - len(contacts) + 1)
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    return pd.Series(connected_components(graph, directed=False)[1][: len(contacts)], index=contacts)


def traps(con: duckdb.DuckDBPyConnection) -> dict[str, pd.DataFrame]:
    """Pairs of contacts in which each trap lies, by contact ids ``a`` and ``b``."""
    con.execute("""
        CREATE TEMP TABLE sharing AS
        SELECT DISTINCT one.contact_id AS a, other.contact_id AS b, one.kind
        FROM intermediate.int_contact_identifiers AS one JOIN intermediate.int_contact_identifiers AS other
            ON one.kind = other.kind AND one.identifier = other.identifier AND one.contact_id < other.contact_id""")
    con.execute("""
        CREATE TEMP TABLE pairs AS
        SELECT pair.a, pair.b, one.person_id = other.person_id AS is_same, one, other
        FROM (
            SELECT a, b FROM sharing
            UNION
            SELECT l.contact_id, r.contact_id FROM persons AS l JOIN persons AS r
                ON l.person_id = r.person_id AND l.contact_id < r.contact_id
            UNION
            SELECT l.contact_id, r.contact_id FROM persons AS l JOIN persons AS r
                ON l.address_key = r.address_key AND l.postal_key = r.postal_key AND l.contact_id < r.contact_id
        ) AS pair
        JOIN persons AS one ON one.contact_id = pair.a JOIN persons AS other ON other.contact_id = pair.b""")
    shared = "EXISTS (FROM sharing AS s WHERE s.a = pairs.a AND s.b = pairs.b AND {})"
    home = "one.address_key = other.address_key AND one.postal_key = other.postal_key"
    slip = "(one.first_name_key <> other.first_name_key OR one.last_name_key <> other.last_name_key)"
    conditions = {
        "one address": home,
        "one household, other first name": f"{home} AND one.first_name_key <> other.first_name_key",
        "one phone (shared, recycled)": shared.format("s.kind = 'phone'"),
        "one e-mail (shared)": shared.format("s.kind = 'email'"),
        "typing error in a name": f"is_same AND {slip}",
        "changed e-mail": "is_same AND one.email <> other.email",
        "no identifier in common": f"is_same AND NOT {shared.format('true')}",
    }
    return {name: con.execute(f"SELECT a, b FROM pairs WHERE {sql}").df() for name, sql in conditions.items()}


def owners(con: duckdb.DuckDBPyConnection, truth: Path) -> dict[str, dict[str, float]]:
    """By kind of identifier: the share of owned ones whose owner truly has them, and how many are owned."""
    rows = con.execute(f"""
        WITH persons_of AS (
            SELECT customer_number, mode(person_id) AS person_id
            FROM intermediate.int_contact_customers JOIN persons USING (contact_id) GROUP BY 1
        ),
        truth AS (SELECT kind, value, list(person_id) AS person_ids FROM '{truth}' GROUP BY ALL),
        owned AS (
            SELECT o.kind, list_contains(t.person_ids, p.person_id) AS is_right
            FROM intermediate.int_identifier_owners AS o JOIN persons_of AS p USING (customer_number)
            JOIN truth AS t ON t.value = o.identifier AND t.kind = map({list(KINDS)}, {list(KINDS.values())})[o.kind]
        )
        SELECT kind, avg(is_right::INT), count(*) FROM owned GROUP BY kind ORDER BY kind""").fetchall()
    return {kind: {"precision": round(right, 4), "identifiers": count} for kind, right, count in rows}


def measure(home: Path, customers: int, seed: int) -> dict[str, Any]:
    """All figures on one market."""
    seconds = build(home, customers, seed)
    truth = home / "identity.parquet"
    with duckdb.connect(str(home / "wayfinder.duckdb"), read_only=True) as con:
        con.execute(f"""
            CREATE TEMP TABLE persons AS
            SELECT contacts.*, truth.person_id FROM intermediate.int_contacts AS contacts
            JOIN (
                SELECT value, any_value(person_id) AS person_id FROM '{truth}' WHERE kind = 'contact_id' GROUP BY value
            ) AS truth ON contacts.contact_id = truth.value""")
        person = con.execute("SELECT contact_id, person_id FROM persons").df().set_index("contact_id")["person_id"]
        ours = con.execute("SELECT contact_id, customer_id FROM intermediate.int_contact_customers").df()
        found = ours.set_index("contact_id")["customer_id"].reindex(person.index)
        claims = con.execute(
            "SELECT contact_id, kind, identifier FROM intermediate.int_contact_identifiers WHERE is_own"
        ).df()
        peers = {"exact e-mail only": ("email",), "union of all exact keys": ("email", "phone", "loyalty", "device")}
        contacts = {"wayfinder": score(found, person).facts()} | {
            name: score(naive(claims, person.index, kinds), person).facts() for name, kinds in peers.items()
        }
        by_trap = {name: score_pairs(pairs, found, person).facts() for name, pairs in traps(con).items()}
        return {
            "customers": customers,
            "contacts": len(person),
            "pairs": contacts,
            "traps": by_trap,
            "owners": owners(con, truth),
            "seconds": seconds,
        }


def show(title: str, rows: dict[str, dict[str, Any]]) -> None:
    """Print a table."""
    columns = list(next(iter(rows.values()), {}))
    print(f"\n{title:32}" + "".join(f"{column:>13}" for column in columns))
    for name, row in rows.items():
        print(f"  {name:30}" + "".join(f"{row[column]:>13,}" for column in columns))


def main() -> None:
    """Print the tables and, last, one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.identity", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5,000 persons instead of 50,000")
    parser.add_argument("--customers", type=int)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="identity-") as folder:
        facts = measure(Path(folder), arguments.customers or (5_000 if arguments.quick else 50_000), arguments.seed)
    print(f"{facts['customers']:,} persons, {facts['contacts']:,} contacts")
    show("pairs of contacts", facts["pairs"])
    show("wayfinder, pairs with a trap", facts["traps"])
    show("owners of identifiers", facts["owners"])
    print("\n" + ", ".join(f"{name} {value} s" for name, value in facts["seconds"].items()))
    print(json.dumps({"benchmark": "identity"} | facts))


if __name__ == "__main__":
    main()
