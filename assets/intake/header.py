"""Column names of a file against the contract."""

from collections.abc import Sequence

from assets.intake.contract import Source
from assets.intake.entities import FileRejectedError


def match_header(source: Source, header: Sequence[str]) -> tuple[str, ...]:
    """Check a file's column names against the contract.

    Args:
        source: The contract.
        header: Names as in the file.

    Returns:
        The names that the contract doesn't know, sorted.

    Raises:
        FileRejectedError: If a contract column is missing though required, or is there twice.
    """
    twice = sorted({name for name in source.column_names if header.count(name) > 1})
    if twice:
        raise FileRejectedError(f"column {', '.join(twice)} is there more than once: keep one")
    missing = [name for name in source.required_names if name not in header]
    if missing:
        raise FileRejectedError(f"required column {', '.join(missing)} is missing{_hint(source, header)}")
    return tuple(sorted({_printable(name) for name in header if name not in source.column_names}))


def _hint(source: Source, header: Sequence[str]) -> str:
    for delimiter, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        names = {name.strip(' "') for cell in header for name in cell.split(delimiter)}
        if len(header) < len(names) and names.issuperset(source.required_names):
            return f": the file seems to be separated by {word}; write commas"
    if {name.lower() for name in header}.issuperset(source.required_names):
        return ": write the names in lower case"
    return f": landing/{source.name} needs {', '.join(source.required_names)}"


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name)[:100]
