"""What templates may say of a person, an offer or the sender, and what happens where a person lacks it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from jinja2 import nodes

from ml.configuration.actions import MESSAGE_FIELDS
from ml.configuration.problems import did_you_mean

KNOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "customer": MESSAGE_FIELDS,
    "offer": ("id", "label"),
    "sender": ("name", "postal_address"),
    "objective": ("id",),
    "unsubscribe_url": (),
}
"""Names that every message has, with their fields."""


class RenderingError(ValueError):
    """A creative can't be rendered. The message names the creative and what to mend."""


def check_fields(creative_id: str, tree: nodes.Template, known: Mapping[str, Collection[str]]) -> None:
    """See that a template uses only names and fields that exist.

    Raises:
        RenderingError: With the name, and what would be right.
    """
    own = {
        target.name for loop in tree.find_all(nodes.For) for target in [loop.target] if isinstance(target, nodes.Name)
    }
    for name in tree.find_all(nodes.Name):
        if name.name not in known and name.name not in own:
            raise RenderingError(
                f"creative '{creative_id}': there is no {name.name}.{did_you_mean(name.name, list(known))}"
            )
    for found in tree.find_all(nodes.Getattr):
        if isinstance(found.node, nodes.Name) and found.node.name in known:
            fields = list(known[found.node.name])
            if found.attr not in fields:
                whole = f"{found.node.name}.{found.attr}"
                raise RenderingError(
                    f"creative '{creative_id}': there is no {whole}.{did_you_mean(found.attr, fields)}"
                )


def needed_fields(tree: nodes.Template) -> frozenset[str]:
    """Fields of the customer that a template writes out without `or`, `default` or an `if` about them.

    A person without one would get a gap in the text, so nobody is written to who lacks it and has no declared default.
    """
    return frozenset(_bare(tree, frozenset()))


def _bare(node: nodes.Node, guarded: frozenset[str]) -> set[str]:
    """Fields of the customer that are written out as they are, whether the person has them or not."""
    if isinstance(node, nodes.Or):
        return _bare(node.right, guarded)
    if isinstance(node, nodes.Filter) and node.name in ("default", "d"):
        return set()
    if isinstance(node, nodes.If):
        return _branches(node.test, node.body, [*node.elif_, *node.else_], guarded)
    if isinstance(node, nodes.CondExpr):
        return _branches(node.test, [node.expr1], [node.expr2] if node.expr2 is not None else [], guarded)
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name == "customer":
        return set() if node.attr in guarded else {node.attr}
    return {field for child in node.iter_child_nodes() for field in _bare(child, guarded)}


def _branches(
    test: nodes.Node, then: Sequence[nodes.Node], otherwise: Sequence[nodes.Node], guarded: frozenset[str]
) -> set[str]:
    """What the branches write out; in the first one the fields that are asked about are there."""
    inside = {field for child in then for field in _bare(child, guarded | _fields(test))}
    return inside | {field for child in otherwise for field in _bare(child, guarded)}


def _fields(test: nodes.Node) -> frozenset[str]:
    found = [test] if isinstance(test, nodes.Getattr) else list(test.find_all(nodes.Getattr))
    return frozenset(each.attr for each in found if isinstance(each.node, nodes.Name) and each.node.name == "customer")
