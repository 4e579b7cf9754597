"""The part of Jinja2 that creatives may use: names, conditions, loops over what is given, a few filters.

Whatever could run code, build something huge or go on for ever is refused when a template is loaded, not when it's
sent.
"""

from jinja2 import Environment, StrictUndefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

TEMPLATE_BYTES = 64_000
FILTERS = (
    "capitalize",
    "d",
    "default",
    "e",
    "escape",
    "first",
    "int",
    "join",
    "last",
    "length",
    "lower",
    "round",
    "title",
    "trim",
    "truncate",
    "upper",
    "urlencode",
)
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Block,
    nodes.If,
    nodes.For,
    nodes.Name,
    nodes.NSRef,
    nodes.Const,
    nodes.List,
    nodes.Tuple,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Filter,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.CondExpr,
    nodes.Concat,
    nodes.Keyword,
)


class UnsafeTemplate(ValueError):  # noqa: N818 - a domain noun
    """A creative uses what it may not. The message names the line and what to use instead."""


def make_environment(*, autoescape: bool) -> Environment:
    """An environment in which a missing name is an error and nothing can be changed or called.

    Args:
        autoescape: For HTML: values are escaped, the template's own text isn't.
    """
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=autoescape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.globals.clear()
    environment.filters = {name: environment.filters[name] for name in FILTERS} | OWN_FILTERS
    return environment


def words(identifier: str) -> str:
    """`ten_off` as `ten off`: what an id says where nothing better is given."""
    return str(identifier).replace("_", " ")


def sentence(text: str) -> str:
    """With a capital first letter, and all others as they are."""
    return text[:1].upper() + text[1:]


OWN_FILTERS = {"words": words, "sentence": sentence}


def parse_safely(environment: Environment, source: str, *, place: str) -> nodes.Template:
    """The template's tree.

    Args:
        environment: From `make_environment`.
        source: The template.
        place: File or key, for messages.

    Raises:
        UnsafeTemplate: If it's too long or uses something outside the list.
    """
    if len(source.encode()) > TEMPLATE_BYTES:
        raise UnsafeTemplate(f"{place}: {len(source.encode())} bytes; a creative has at most {TEMPLATE_BYTES}")
    tree = environment.parse(source)
    for node in tree.find_all(nodes.Node):
        _check(node, place)
    return tree


def _check(node: nodes.Node, place: str) -> None:
    where = f"{place}, line {node.lineno}"
    if not isinstance(node, _ALLOWED):
        raise UnsafeTemplate(
            f"{where}: {type(node).__name__} isn't allowed in a creative; names, if, for and plain filters are"
        )
    if isinstance(node, nodes.Filter) and node.name not in (*FILTERS, *OWN_FILTERS):
        raise UnsafeTemplate(
            f"{where}: filter '{node.name}' isn't allowed; these are: {', '.join((*FILTERS, *OWN_FILTERS))}"
        )
    if isinstance(node, nodes.For) and (node.recursive or any(True for _ in node.iter_child_nodes() if _has_loop(_))):
        raise UnsafeTemplate(f"{where}: a loop inside a loop isn't allowed")
    if isinstance(node, nodes.For) and not isinstance(node.iter, nodes.Name | nodes.Getattr | nodes.Getitem):
        raise UnsafeTemplate(f"{where}: a loop goes over a given list only")


def _has_loop(node: nodes.Node) -> bool:
    return isinstance(node, nodes.For) or node.find(nodes.For) is not None
