"""A problem in two files and back, so that its solve can be repeated to the same bits and asked "what if?".

`problem.npz` holds the arrays, integers as narrow as they fit; `problem.json` holds the rest and is written last: where it
is, the problem is whole. Nothing that is read can run: arrays without pickles, terms by name from a closed list.
"""

import io
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib.metadata import version
from inspect import isclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml.allocation import terms as terms_
from ml.allocation.candidates import Candidates, Columns
from ml.allocation.drawn import Drawn
from ml.allocation.errors import AllocationError
from ml.allocation.kernel import I64
from ml.allocation.problem import Problem
from ml.allocation.solution import Allocation
from ml.allocation.solve import solve
from ml.allocation.terms import Term

ARRAYS: Final = "problem.npz"
DOCUMENT: Final = "problem.json"
TERMS: Final[dict[str, type[Term]]] = {
    name: kind
    for name in terms_.__all__
    if isclass(kind := getattr(terms_, name)) and issubclass(kind, Term) and kind is not Term
}
_LIBRARIES: Final = ("numpy", "scipy", "numba", "cvxpy", "highspy")
_FIGURES: Final = (
    "value",
    "bound",
    "gap",
    "spend",
    "spend_by_channel",
    "contacts_by_channel",
    "prices",
    "passes",
    "status",
)
_PLAIN: Final = (str, int, float, bool, type(None))


class StoreError(AllocationError):
    """A stored problem is missing or can't be read, or holds something that can't be stored."""


def library_versions() -> dict[str, str]:
    """Of Python, the machine's architecture, and the libraries that a solve's bits may depend on."""
    return {"python": platform.python_version(), "machine": platform.machine()} | {
        name: version(name) for name in _LIBRARIES
    }


@dataclass(frozen=True, eq=False)
class StoredProblem:
    """A problem with all that its solve depended on, and what came out.

    Attributes:
        problem: Value table and terms.
        allocation: What the solve gave; `seconds` are left out.
        gap: That was asked for.
        warm_prices: Prices that the solve started from.
        people: Hash of each person's customer_id, in the order of the table [N].
        context: What the caller wants to keep beside it; plain values.
        versions: Of the libraries that the bits may depend on.
        drawn: The contacts that were drawn near the allocation; None where it was taken as it is.
    """

    problem: Problem
    allocation: Allocation
    gap: float
    warm_prices: Mapping[str, float]
    people: npt.NDArray[np.uint64]
    context: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=library_versions)
    drawn: Drawn | None = None


@dataclass(frozen=True, eq=False)
class Replay:
    """A solve repeated from its stored inputs.

    Attributes:
        differences: What isn't the same to the bit; empty where all is.
        allocation: What came out this time.
    """

    differences: tuple[str, ...]
    allocation: Allocation

    @property
    def is_same(self) -> bool:
        """Whether the same contacts, value, bound and prices came out to the bit."""
        return not self.differences


def replay(stored: StoredProblem, *, threads: int = 2) -> Replay:
    """Solve again from the stored inputs and compare.

    Args:
        stored: As read.
        threads: Of the lookup; the result doesn't depend on them.
    """
    found = solve(stored.problem, warm_prices=dict(stored.warm_prices), gap=stored.gap, threads=threads)
    kept = stored.allocation
    moved = int((found.chosen != kept.chosen).any(axis=1).sum())
    differences = [f"{moved:,} people's contacts"] if moved else []
    differences += [
        f"{name}: {getattr(kept, name)!r} was stored, {getattr(found, name)!r} came out"
        for name in ("value", "bound", "prices", "status")
        if getattr(kept, name) != getattr(found, name)
    ]
    if stored.drawn is not None:
        differences += _draw_again(stored.problem, found, stored.drawn, threads)
    now = library_versions()
    changed = [
        f"{name} {kept} then, {now.get(name)} now" for name, kept in stored.versions.items() if now.get(name) != kept
    ]
    if differences and changed:
        differences.append(f"other versions: {', '.join(changed)}")
    return Replay(tuple(differences), found)


def _draw_again(problem: Problem, exact: Allocation, drawn: Drawn, threads: int) -> list[str]:
    from ml.allocation.smooth.draw import draw  # noqa: PLC0415 - its compiled code takes time that what-if has no use for

    plan = drawn.plan(problem, exact, threads=threads)
    temperature = 0.0 if plan is None else plan.temperature
    chosen = exact.chosen if plan is None else draw(plan, drawn.seed, threads=threads)
    column = np.full(chosen.shape, -1, dtype=np.int64)
    column[chosen >= 0] = problem.candidates.column[chosen[chosen >= 0]]
    moved = int((column != drawn.column).any(axis=1).sum())
    differences = [f"{moved:,} people's drawn contacts"] if moved else []
    if temperature != drawn.temperature:
        differences.append(f"temperature: {drawn.temperature!r} was stored, {temperature!r} came out")
    return differences


def save(stored: StoredProblem, folder: Path) -> None:
    """Write the two files: complete under their names, or not there.

    Raises:
        StoreError: A term's argument is no plain value.
    """
    arrays: dict[str, np.ndarray] = {"people": stored.people}
    document: dict[str, Any] = {
        "terms": [_term_document(term) for term in stored.problem.terms],
        "gap": stored.gap,
        "warm_prices": dict(stored.warm_prices),
        "allocation": {name: getattr(stored.allocation, name) for name in _FIGURES},
        "context": dict(stored.context),
        "versions": dict(stored.versions),
        "types": {},
        "drawn": None,
    }
    if stored.drawn is not None:
        drawn = stored.drawn
        document["drawn"] = {name: getattr(drawn, name) for name in ("value_share", "seed", "temperature", "spend")}
        _put("drawn.column", drawn.column + 1, arrays, document["types"])
    for whole, part in (("candidates", stored.problem.given), ("columns", stored.problem.columns)):
        document[whole] = _take_apart(part, whole, arrays, document["types"])
    _put("allocation.chosen", stored.allocation.chosen + 1, arrays, document["types"])
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DOCUMENT).unlink(missing_ok=True)  # a document must never stand beside another problem's arrays
    _write(folder / ARRAYS, buffer.getbuffer())
    _write(folder / DOCUMENT, json.dumps(document).encode())


def load(folder: Path) -> StoredProblem:
    """Read what `save` wrote.

    Raises:
        StoreError: The files aren't there or aren't whole, or name a term that doesn't exist.
    """
    if not (folder / DOCUMENT).exists():
        raise StoreError(f"{folder} holds no stored problem ({DOCUMENT}): decide the cycle with this version first.")
    document = json.loads((folder / DOCUMENT).read_bytes())
    with np.load(folder / ARRAYS, allow_pickle=False) as read:
        arrays = {name: read[name] for name in read.files}
    for name, dtype in document["types"].items():
        arrays[name] = arrays[name].astype(dtype)
    candidates = _put_together(Candidates, "candidates", document, arrays)
    columns = _put_together(Columns, "columns", document, arrays)
    problem = Problem(candidates, columns, [_term(each) for each in document["terms"]])
    chosen = arrays["allocation.chosen"] - 1
    drawn = document["drawn"]
    return StoredProblem(
        problem,
        Allocation(chosen=chosen, **document["allocation"]),
        document["gap"],
        document["warm_prices"],
        arrays["people"],
        document["context"],
        document["versions"],
        None if drawn is None else Drawn(**drawn, column=arrays["drawn.column"] - 1),
    )


def _term_document(term: Term) -> dict[str, Any]:
    """Class and fields."""
    kind = type(term).__name__
    if kind not in TERMS:
        raise StoreError(f"The term {kind} isn't in ml/allocation/terms/__init__.py: list it there to store it.")
    names = [each.name for each in fields(term)]  # type: ignore[arg-type]  # a dataclass, by the list
    return {"term": kind, **{name: _plain(getattr(term, name), f"{kind}.{name}") for name in names}}


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(each, where) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, where) for each in value]
    if not isinstance(value, _PLAIN):
        raise StoreError(f"{where} is a {type(value).__name__}: a term is stored by plain values only.")
    return value


def _term(document: Mapping[str, Any]) -> Term:
    kind = TERMS.get(document["term"])
    if kind is None:
        raise StoreError(f"The stored problem has a term {document['term']!r}; this version knows {', '.join(TERMS)}.")
    return kind(**{name: _tuples(value) for name, value in document.items() if name != "term"})


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value


def _take_apart(part: Any, whole: str, arrays: dict[str, np.ndarray], types: dict[str, str]) -> dict[str, Any]:
    """Arrays of a dataclass into `arrays`; the rest is returned. A person's start is kept as the count before the next."""
    rest: dict[str, Any] = {}
    for each in fields(part):
        value = getattr(part, each.name)
        if each.name == "starts":
            value = np.diff(value)
        if isinstance(value, np.ndarray):
            _put(f"{whole}.{each.name}", value, arrays, types)
        else:
            rest[each.name] = _plain(value, f"{whole}.{each.name}")
    return rest


def _put(name: str, values: np.ndarray, arrays: dict[str, np.ndarray], types: dict[str, str]) -> None:
    """Integers of at least 0 in the narrowest type, with the one that they had."""
    if values.dtype.kind in "iu":
        types[name] = values.dtype.str
        values = values.astype(np.min_scalar_type(int(values.max(initial=0))))
    arrays[name] = values


def _put_together(kind: type, whole: str, document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Any:
    values = {name: _tuples(value) for name, value in document[whole].items()}
    values |= {name.removeprefix(f"{whole}."): each for name, each in arrays.items() if name.startswith(f"{whole}.")}
    if "starts" in values:
        values["starts"] = _starts(values["starts"])
    return kind(**values)


def _starts(counts: I64) -> I64:
    starts = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts


def _write(path: Path, content: bytes | memoryview) -> None:
    aside = path.with_name(f".{path.name}.writing")
    with aside.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    aside.replace(path)
