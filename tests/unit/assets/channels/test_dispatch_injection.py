"""Time, chance and ids come from outside: a simulation of what reads them itself would prove nothing."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4] / "assets"
CORE = sorted(
    [
        *(ROOT / "ledger").glob("*.py"),
        *(ROOT / "channels" / f"{name}.py" for name in ("dispatch", "offer", "retries", "guards")),
    ]
)
MODULES = {"time", "random", "uuid", "secrets"}
CALLS = {"now", "utcnow", "today"}


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_the_core_reads_no_clock_and_draws_nothing(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not MODULES & {name.name.split(".")[0] for name in node.names}
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in MODULES
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
            owner = node.func.value
            assert not (isinstance(owner, ast.Name) and owner.id in ("datetime", "date", "Timestamp"))
