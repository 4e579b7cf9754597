"""Measures the allocation: how it grows, against general solvers, on other families of instances, and in partitions.

An instance has 8 channels x 3 offers + none, heavy-tailed values of which four in ten are negative, 60 % of the pairs
eligible, and 36 limits on totals of which some seven bind; the families change one thing each. Ours is a plan of whole
contacts with its proven gap; the general solvers get the linear relaxation of the same pruned table, which is less.
Every measurement is a process of its own; imports and loading of compiled code are left out of the seconds.

    python -m benchmarks.allocation [sizes|peers|families|partitions ...] [--quick] [--people N ...] [--threads T]
"""

import argparse
import json
from collections.abc import Callable

from benchmarks.allocation.instances import FAMILIES
from benchmarks.allocation.measured import Row, apart, bandwidth, in_partitions, ours
from benchmarks.allocation.peers import PEERS, peer


def sizes(given: argparse.Namespace) -> list[Row]:
    """How time, passes and memory grow."""
    read = bandwidth(given.threads)
    print(f"Sizes. Memory is read at {read:.0f} GB/s on {given.threads} threads.")
    rows = []
    for people in given.people or ([20_000] if given.quick else [50_000, 200_000, 1_000_000]):
        row = apart(ours, people, given.threads)
        rows.append(row | {"read_gb_per_second": read})
        if "gap" not in row:
            print(f"  {people:>9,}  {row['status']}: {row.get('why', '')}")
            continue
        moved = row["passes"] * row["kept"] * row["bytes_each"] / 1e9
        phases = ", ".join(f"{name} {seconds:.2f}" for name, seconds in row["phases"].items())
        print(
            f"  {people:>9,}  {row['seconds']:6.2f} s ({row['cpu_seconds']:.2f} cpu)   gap {row['gap']:.1e} {row['status']}"
            f"   {row['passes']:.1f} passes x {row['kept'] / people:.1f} candidates a person x {row['bytes_each']} bytes"
            f" = {moved / row['phases']['price']:.1f} GB/s while pricing   {row['peak_gb']:.2f} GB held\n"
            f"             from another day's prices {row['warm_seconds']:.2f} s, {row['warm_passes']:.1f} passes,"
            f" gap {row['warm_gap']:.1e}   ({phases})",
            flush=True,
        )
    return rows


def peers(given: argparse.Namespace) -> list[Row]:
    """General solvers on the same instances, each within a time limit."""
    print("Peers: time and memory as multiples of ours; relaxed value against our bound.")
    rows = []
    for people in given.people or ([3_000] if given.quick else [10_000, 50_000]):
        own = apart(ours, people, given.threads, "plain", warm=False)
        rows.append(own)
        print(
            f"  {people:>9,}  ours             {own['seconds']:8.2f} s   {own['peak_gb']:.2f} GB   gap {own['gap']:.1e}"
        )
        for name in PEERS:
            row = apart(peer, people, given.threads, name, given.limit, within=1.5 * given.limit + 60)
            row |= {"method": name, "people": people}
            rows.append(row)
            against = "none" if row["value"] is None else f"{row['value'] / own['bound'] - 1:+.1e}"
            held = "" if row["peak_gb"] is None else f"{row['peak_gb'] / own['peak_gb']:4.1f} x memory"
            print(
                f"             {name:<16} {row['seconds']:8.2f} s   {row['seconds'] / own['seconds']:6.0f} x time"
                f"   {held}   value {against}   {row['status']}",
                flush=True,
            )
    return rows


def families(given: argparse.Namespace) -> list[Row]:
    """Where the method degrades, and what it does then."""
    print("Families of instances.")
    rows = []
    for people in given.people or ([5_000] if given.quick else [50_000, 200_000]):
        for name, family in FAMILIES.items():
            row = apart(ours, people, given.threads, name, within=4 * given.limit, warm=False)
            row |= {"family": name, "people": people}
            rows.append(row)
            if "gap" in row:
                print(
                    f"  {people:>9,}  {name:<14} {row['seconds']:7.2f} s ({row['cpu_seconds']:.2f} cpu)"
                    f"   {row['passes']:6.1f} passes   gap {row['gap']:.1e} {row['status']:<12} {row['binding']:3} binding"
                    f"   {family.what}",
                    flush=True,
                )
            else:
                print(f"  {people:>9,}  {name:<14} {row['status']}   {family.what}   {row.get('why', '')}", flush=True)
    return rows


def partitions(given: argparse.Namespace) -> list[Row]:
    """The same plan with the people in Parquet files, a process each."""
    print("Partitions: Parquet files, a process each; prices go out, sums come back.")
    rows = []
    for people in given.people or ([5_000] if given.quick else [200_000]):
        row = in_partitions(people, 2 if given.quick else 4)
        rows.append(row)
        print(
            f"  {people:>9,}  {row['parts']} processes {row['seconds']:.2f} s after {row['begun_seconds']:.2f} s to begin,"
            f" one table {row['seconds_in_one_table']:.2f} s   {row['passes']:.1f} passes,"
            f" {row['open_people']:,} people's candidates came back   same plan {row['same_plan']},"
            f" same prices {row['same_prices']}, same bound {row['same_bound']}",
            flush=True,
        )
    return rows


TABLES: dict[str, Callable[[argparse.Namespace], list[Row]]] = {
    "sizes": sizes,
    "peers": peers,
    "families": families,
    "partitions": partitions,
}


def main() -> None:
    """Prints the tables asked for, then all figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="table", help="which; all if none is named")
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute on a quiet machine")
    parser.add_argument("--people", type=int, nargs="*", help="sizes instead of each table's own")
    parser.add_argument("--limit", type=float, default=0.0, help="seconds for one measurement; 300, quick 5")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    given.limit = given.limit or (5.0 if given.quick else 300.0)
    figures = {name: TABLES[name](given) for name in given.tables or TABLES}
    print(json.dumps({"benchmark": "allocation", **figures}))


if __name__ == "__main__":
    main()
