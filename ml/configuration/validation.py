"""Turns what pydantic finds into problems that an operator can act on."""

from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ml.configuration.problems import Problem, did_you_mean, shown
from ml.configuration.yaml_reader import Document, Key, dotted

M = TypeVar("M", bound=BaseModel)

_KINDS: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "date_type": "a date, YYYY-MM-DD without quotes",
    "list_type": "a list, such as [email, sms]",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
}


def validated(model: type[M], document: Document, data: Any, prefix: Key = ()) -> tuple[M | None, list[Problem]]:
    """Validate a file's content, or a part of it.

    Args:
        model: What it must be.
        document: The file, for its lines.
        data: Its content, or the part of it that stands at `prefix`.
        prefix: Path of the part within the document.

    Returns:
        The model, or None and every problem.
    """
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, _problems(model, document, error.errors(include_url=False), prefix)


def _problems(model: type[BaseModel], document: Document, errors: list[ErrorDetails], prefix: Key) -> list[Problem]:
    grouped: dict[Key, list[ErrorDetails]] = {}
    for error in errors:
        key = tuple(part for part in error["loc"] if _is_key(part, (*prefix, *error["loc"]), document))
        grouped.setdefault(key, []).append(error)
    return [_problem(model, document, key, group, prefix) for key, group in grouped.items()]


def _is_key(part: str | int, _location: Key, document: Document) -> bool:
    """Pydantic names a union's member within the path (`list[...]`, `literal[...]`); files have no such key."""
    text = str(part)
    named = any(text == str(k) for key in document.lines for k in key)
    return named or not ("[" in text or text in {"str", "float", "int", "constrained-str", "constrained-float"})


def _problem(model: type[BaseModel], document: Document, key: Key, group: list[ErrorDetails], prefix: Key) -> Problem:
    whole = (*prefix, *(part for part in key if part != "[key]"))
    missing = all(error["type"] == "missing" for error in group)
    value = "" if missing or isinstance(group[0]["input"], dict) else shown(group[0]["input"])
    remedies = list(dict.fromkeys(_remedy(model, key, error) for error in group))
    return Problem(document.file, document.line(whole), dotted(whole), value, "; or ".join(remedies))


def _remedy(model: type[BaseModel], key: Key, error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    described = _described(model, key)
    if kind == "missing":
        return f"is required{described and ': ' + described}"
    if kind == "extra_forbidden":
        return f"there is no such key here.{did_you_mean(str(key[-1]), _fields(model, key[:-1]))}"
    if kind == "literal_error":
        expected = [word.strip(" '") for word in context["expected"].replace(" or ", ", ").split(",")]
        return f"expected {context['expected']}.{_nearest(error['input'], expected)}"
    if kind == "value_error":
        return str(context["error"])
    if kind in _KINDS:
        return f"expected {_KINDS[kind]}{described and ': ' + described}"
    return f"expected {described}" if described else error["msg"].lower()


def _nearest(value: object, expected: list[str]) -> str:
    guess = did_you_mean(value, expected) if isinstance(value, str) else ""
    return guess if guess.startswith(" Did") else ""


def _described(model: type[BaseModel], key: Key) -> str:
    owner = _owner(model, key[:-1]) if key else None
    field = owner.model_fields.get(str(key[-1])) if owner else None
    if field is None:
        return ""
    return field.description or next((d for m in field.metadata if (d := getattr(m, "description", None))), "")


def _fields(model: type[BaseModel], key: Key) -> list[str]:
    owner = _owner(model, key)
    return list(owner.model_fields) if owner else []


def _owner(model: type[BaseModel], key: Key) -> type[BaseModel] | None:
    """The model that holds what stands at `key`, through lists and mappings."""
    owner: type[BaseModel] | None = model
    for part in key:
        if owner is not None and str(part) in owner.model_fields:
            owner = _model_in(owner.model_fields[str(part)].annotation)
    return owner


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for argument in get_args(annotation) if (found := _model_in(argument))), None)
