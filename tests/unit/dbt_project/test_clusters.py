"""Greedy clustering with cannot-link constraints, as the identity model does it."""

import importlib.util
from collections.abc import Callable, Iterable
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

Pairs = Iterable[tuple[str, str]]
MODEL = Path(__file__).resolve().parents[3] / "dbt_project/models/intermediate/identity/int_contact_clusters.py"
CONTACTS = "abcdef"
PAIRS = st.lists(st.sampled_from(list(combinations(CONTACTS, 2))), unique=True)


@pytest.fixture(scope="module")
def clusters() -> Callable[[Pairs, Pairs], dict[str, str]]:
    spec = importlib.util.spec_from_file_location("int_contact_clusters", MODEL)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.clusters


def test_the_stronger_link_wins_where_two_contradict(clusters: Callable[[Pairs, Pairs], dict[str, str]]) -> None:
    assert clusters([("a", "b"), ("b", "c")], [("a", "c")]) == {"a": "a", "b": "a", "c": "c"}
    assert clusters([("b", "c"), ("a", "b")], [("a", "c")]) == {"a": "a", "b": "b", "c": "b"}


@given(links=PAIRS, conflicts=PAIRS)
def test_a_conflict_never_meets_over_any_chain(
    clusters: Callable[[Pairs, Pairs], dict[str, str]], links: Pairs, conflicts: Pairs
) -> None:
    home = clusters(links, conflicts)
    assert not any(home.get(a, a) == home.get(b, b) for a, b in conflicts)


@given(links=PAIRS, conflicts=PAIRS)
def test_a_link_is_only_left_out_for_a_conflict(
    clusters: Callable[[Pairs, Pairs], dict[str, str]], links: Pairs, conflicts: Pairs
) -> None:
    home = clusters(links, conflicts)
    groups = {name: {contact for contact, own in home.items() if own == name} for name in home.values()}
    for a, b in links:
        apart = home[a] != home[b]
        between = {frozenset(pair) for pair in conflicts}
        meets = any(frozenset((x, y)) in between for x in groups[home[a]] for y in groups[home[b]])
        assert not apart or meets
