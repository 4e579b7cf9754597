"""The regressors by name."""

from collections.abc import Callable
from typing import Any, Final

from ml.learners.line import Line
from ml.learners.regressors import Base, Constant, Regressor
from ml.learners.trees import Trees

BASES: Final[dict[Base, Callable[[], Regressor]]] = {"trees": Trees, "line": Line}
_KINDS: Final[dict[str, type[Regressor]]] = {kind.kind: kind for kind in (Constant, Trees, Line)}


def regressor_from(values: dict[str, Any]) -> Regressor:
    """The regressor that its `to_dict` wrote."""
    return _KINDS[values["kind"]].from_dict(values)
