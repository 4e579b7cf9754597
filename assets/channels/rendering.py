"""Creatives to content: each channel's own shape from a template of the config folder."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final, Protocol

from jinja2 import Environment, Template, TemplateError, nodes

from assets.channels.fields import RenderingError, check_fields, needed_fields
from assets.channels.sandbox import make_environment, parse_safely

CONTENT_BYTES: Final[Mapping[str, int]] = {
    "email": 100_000,
    "sms": 1_600,
    "voice": 20_000,
    "push": 3_000,
    "direct_mail": 4_000,
    "paid_social": 4_000,
    "display": 4_000,
    "web": 50_000,
}
VOICE_BLOCKS: Final = ("goal", "script", "facts", "consent_text")
_WAY_OUT: Final = re.compile(r"\b(stop|opt out|unsubscribe)\b", re.IGNORECASE)

Variables = Mapping[str, Any]


class CreativeTerms(Protocol):
    """A creative as `actions.yaml` states it."""

    @property
    def channel(self) -> str:
        """The channel that it's made for."""

    @property
    def subject(self) -> str | None:
        """Subject, title or headline, itself a template."""

    @property
    def template(self) -> str:
        """Path of the template, relative to the config folder."""


__all__ = ["CONTENT_BYTES", "VOICE_BLOCKS", "CreativeTerms", "Renderer", "RenderingError"]


@dataclass(frozen=True, slots=True)
class _Creative:
    creative_id: str
    channel: str
    body: Template
    subject: Template | None
    text: Template | None
    needs: frozenset[str] = frozenset()


class Renderer:
    """Renders creatives; each template is read, checked and compiled once.

    Variables: `customer` (columns of dim_recipients that a message may use, such as first_name), `offer` (id,
    optionally
    label), `sender` (name, postal_address), `objective` (id), `unsubscribe_url`; voice also takes `consent_text` and
    `facts`
    where the caller has them.

    Args:
        folder: The config folder; templates outside it are refused.
        creatives: Terms by creative id.
        known: Fields that exist by name, such as `customer`; a template that uses another is refused. Without it
            anything goes until it is rendered.

    Raises:
        RenderingError: For a template that is missing, outside the folder, broken, or lacks what its channel must
        have by law.
        UnsafeTemplate: For one that uses what a creative may not.
    """

    def __init__(
        self, folder: Path, creatives: Mapping[str, CreativeTerms], known: Mapping[str, Collection[str]] | None = None
    ) -> None:
        self._folder, self._known = folder.resolve(), known
        self._creatives = {creative_id: self._load(creative_id, terms) for creative_id, terms in creatives.items()}

    def render(self, creative_id: str, variables: Variables) -> dict[str, Any]:
        """The content of one message, in its channel's shape.

        Raises:
            RenderingError: If a name is missing or the content is too long for its channel.
        """
        creative = self._creatives.get(creative_id)
        if creative is None:
            raise RenderingError(f"creative '{creative_id}' isn't in actions.yaml")
        try:
            content = _SHAPES[creative.channel](creative, variables)
        except TemplateError as error:
            raise RenderingError(
                f"creative '{creative_id}': {error.message}; give the value or a default in the template"
            ) from None
        size = sum(len(part.encode()) for part in content.values() if isinstance(part, str))
        limit = CONTENT_BYTES[creative.channel]
        if size > limit:
            raise RenderingError(f"creative '{creative_id}': {size} bytes, a {creative.channel} has at most {limit}")
        return content

    def _load(self, creative_id: str, terms: CreativeTerms) -> _Creative:
        is_html = terms.template.removesuffix(".j2").endswith(".html")
        source = self._read(creative_id, terms.template)
        body, tree = self._compile(creative_id, source, terms.template, is_html=is_html)
        text_path = terms.template.replace(".html.j2", ".txt.j2")
        text, text_tree = None, None
        if terms.channel == "voice":
            _check_voice(creative_id, tree)
        if terms.channel == "email":
            _check_email(creative_id, tree)
            if is_html and (self._folder / text_path).is_file():
                text, text_tree = self._compile(creative_id, self._read(creative_id, text_path), text_path)
        place = f"creatives.{creative_id}.subject"
        subject, subject_tree = self._compile(creative_id, terms.subject, place) if terms.subject else (None, None)
        trees = [each for each in (tree, text_tree, subject_tree) if each is not None]
        needs = frozenset(field for each in trees for field in needed_fields(each))
        return _Creative(creative_id, terms.channel, body, subject, text, needs)

    def needs_of(self, creative_id: str) -> frozenset[str]:
        """What the creative says of a person as it is, with nothing in its place where the person has none."""
        return self._creatives[creative_id].needs

    def _read(self, creative_id: str, path: str) -> str:
        place = (self._folder / path).resolve()
        if not place.is_relative_to(self._folder):
            raise RenderingError(
                f"creative '{creative_id}': template {path} is outside the config folder; move it there"
            )
        if not place.is_file():
            raise RenderingError(f"creative '{creative_id}': template {path} doesn't exist in the config folder")
        return place.read_text(encoding="utf-8")

    def _compile(
        self, creative_id: str, source: str, place: str, *, is_html: bool = False
    ) -> tuple[Template, nodes.Template]:
        try:
            template, tree = _compiled(source, place, is_html=is_html)
        except TemplateError as error:
            raise RenderingError(f"{place}: {error.message}") from None
        if self._known is not None:
            check_fields(creative_id, tree, self._known)
        return template, tree


@lru_cache(maxsize=2)
def _environment(*, is_html: bool) -> Environment:
    return make_environment(autoescape=is_html)


@lru_cache(maxsize=1024)
def _compiled(source: str, place: str, *, is_html: bool) -> tuple[Template, nodes.Template]:
    """Template and tree of a source: creatives share templates, and a process renders more than one plan."""
    environment = _environment(is_html=is_html)
    tree = parse_safely(environment, source, place=place)
    return environment.from_string(source), tree


def _check_email(creative_id: str, tree: nodes.Template) -> None:
    """CAN-SPAM, 15 USC 7704(a)(3) and (5): a way out and a postal address in each message."""
    if "unsubscribe_url" not in _always(tree):
        raise RenderingError(f"creative '{creative_id}': an e-mail must link to {{{{ unsubscribe_url }}}}")
    if "sender.postal_address" not in _always(tree):
        raise RenderingError(f"creative '{creative_id}': an e-mail must show {{{{ sender.postal_address }}}}")


def _check_voice(creative_id: str, tree: nodes.Template) -> None:
    """An AI voice is an artificial voice (FCC 24-17): a call says who calls and how to end such calls (47 CFR 64.1200(b))."""
    blocks = {block.name: block for block in tree.find_all(nodes.Block)}
    missing = [name for name in VOICE_BLOCKS if name not in blocks]
    if missing:
        raise RenderingError(f"creative '{creative_id}': its template needs {{% block {missing[0]} %}}")
    if "sender.name" not in _always(blocks["consent_text"]):
        raise RenderingError(f"creative '{creative_id}': block consent_text must say who calls: {{{{ sender.name }}}}")
    said = " ".join(data.data for data in blocks["consent_text"].find_all(nodes.TemplateData))
    if not _WAY_OUT.search(said):
        raise RenderingError(
            f"creative '{creative_id}': block consent_text must say how to end such calls, such as: say \"stop\" at any time"
        )


def _always(node: nodes.Node) -> set[str]:
    """Names and attributes that are written out whatever the data: those inside an `if` or a loop may be missing."""
    found: set[str] = set()
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.If | nodes.For | nodes.CondExpr):
            continue
        if isinstance(child, nodes.Getattr) and isinstance(child.node, nodes.Name):
            found.add(f"{child.node.name}.{child.attr}")
        elif isinstance(child, nodes.Name):
            found.add(child.name)
        found |= _always(child)
    return found


def _email(creative: _Creative, variables: Variables) -> dict[str, Any]:
    body = creative.body.render(variables)
    text = creative.text.render(variables) if creative.text else _as_text(body)
    if creative.subject is None:
        raise RenderingError(f"creative '{creative.creative_id}': an e-mail needs a subject in actions.yaml")
    return {"subject": _one_line(creative.subject.render(variables)), "html": body, "text": text}


def _sms(creative: _Creative, variables: Variables) -> dict[str, Any]:
    return {"text": _one_line(creative.body.render(variables))}


def _voice(creative: _Creative, variables: Variables) -> dict[str, Any]:
    """What a call needs; the script is what the agent may say, the facts what it may rely on."""
    parts = {name: _block(creative, name, variables) for name in VOICE_BLOCKS}
    offer_id = variables["offer"]["id"]
    return {
        "goal": _one_line(parts["goal"]),
        "script": parts["script"],
        "facts": [line.strip() for line in parts["facts"].splitlines() if line.strip()],
        "allowed_offers": [] if offer_id == "none" else [offer_id],
        "consent_text": _one_line(parts["consent_text"]),
    }


def _titled(title: str, creative: _Creative, variables: Variables) -> dict[str, Any]:
    """Title and body: the creative's subject with the whole template, or the template's own two blocks."""
    heading = _block(creative, "title", variables) if creative.subject is None else creative.subject.render(variables)
    body = (
        _block(creative, "body", variables)
        if "body" in creative.body.blocks
        else creative.body.render(variables).strip()
    )
    return {title: _one_line(heading), "body": body}


def _audience(creative: _Creative, variables: Variables) -> dict[str, Any]:
    """The audience's name says nothing about the people in it: platforms refuse sensitive words, and logs keep it."""
    audience = f"{variables['objective']['id']}-{creative.creative_id}"
    return {"audience": audience} | _titled("headline", creative, variables)


def _web(creative: _Creative, variables: Variables) -> dict[str, Any]:
    slot = _one_line(_block(creative, "slot", variables))
    return {"slot": slot, "html": _block(creative, "html", variables)}


_SHAPES: Final[Mapping[str, Callable[[_Creative, Variables], dict[str, Any]]]] = {
    "email": _email,
    "sms": _sms,
    "voice": _voice,
    "push": partial(_titled, "title"),
    "direct_mail": partial(_titled, "headline"),
    "paid_social": _audience,
    "display": _audience,
    "web": _web,
}


def _block(creative: _Creative, name: str, variables: Variables) -> str:
    block = creative.body.blocks.get(name)
    if block is None:
        raise RenderingError(f"creative '{creative.creative_id}': its template needs {{% block {name} %}}")
    return "".join(block(creative.body.new_context(dict(variables)))).strip()


def _one_line(text: str) -> str:
    """One line without control characters: a line break in a subject would start a header of its own."""
    return " ".join(text.split())


def _as_text(html: str) -> str:
    """A readable text part for an e-mail that brings none: tags out, links kept."""
    linked = re.sub(r'<a\s[^>]*?href="([^"]*)"[^>]*>(.*?)</a>', r"\2 (\1)", html, flags=re.DOTALL)
    bare = re.sub(r"<(style|head)\b.*?</\1>", "", linked, flags=re.DOTALL)
    lines = (" ".join(line.split()) for line in re.sub(r"<[^>]+>", "\n", bare).splitlines())
    return "\n".join(line for line in lines if line).replace("&amp;", "&")
