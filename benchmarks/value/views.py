"""The warehouse without dbt's overhead: dbt builds it once, and from then on its compiled statements run in DuckDB.

The statements are dbt's own, for relations that exist (so incremental models take in what is new), in dbt's order. They are
the same in every home, so a process compiles them once. Training rows are dbt's own work on the days on which they are due:
their statements depend on what is there. Data tests aren't run: the same views are tested each day where the assets run
(`wayfinder simulate`).
"""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import duckdb

from assets.duck import writer
from assets.home import Home

CHECKOUT: Final = Path(__file__).resolve().parents[2]
PROJECT: Final = CHECKOUT / "dbt_project"
TRAINING_TAG: Final = "training"


class ViewsError(RuntimeError):
    """The warehouse could not be built; the message says which model, and why."""


@dataclass(frozen=True)
class Model:
    """One of dbt's models, compiled.

    Attributes:
        name: The model's name.
        relation: Schema and table.
        materialized: `table` or `incremental`; views stand as they were made.
        sql: Its statement; of a Python model, the path of its file.
        is_python: Whether it is one.
    """

    name: str
    relation: str
    materialized: str
    sql: str
    is_python: bool


class Views:
    """Builds the views of one workspace. Nothing else may have its database open meanwhile.

    Args:
        home: The workspace, whose `WAYFINDER_WAREHOUSE` and `DBT_…` variables are set.
    """

    def __init__(self, home: Home) -> None:
        self._home = home

    def build(self, *, with_training: bool) -> None:
        """Bring every model up to date with what has landed.

        Args:
            with_training: Whether training rows are due; for the first time they always are.
        """
        if not self._is_built():
            self._dbt("run")
            return
        models = self._models()
        with writer(self._home) as connection:
            connection.execute("set threads = 1")
            connection.execute("set preserve_insertion_order = false")
            for model in models:
                _build(connection, model)
        if with_training:
            self._dbt("run", "--select", f"tag:{TRAINING_TAG}")

    def _is_built(self) -> bool:
        with writer(self._home) as connection:
            found = connection.execute("select count(*) from duckdb_tables() where schema_name = 'marts'").fetchall()
        return bool(found[0][0])

    def _models(self) -> list[Model]:
        """What is built every day, in order."""
        if not _COMPILED:
            compiled = self._dbt("compile")
            nodes = {r.node.unique_id: r.node for r in compiled.results if r.node.resource_type == "model"}
            order = TopologicalSorter({key: set(node.depends_on.nodes) & set(nodes) for key, node in nodes.items()})
            _COMPILED.extend(
                _model(nodes[key])
                for key in order.static_order()
                if nodes[key].config.materialized != "view" and TRAINING_TAG not in nodes[key].tags
            )
        return _COMPILED

    def _dbt(self, verb: str, *more: str) -> Any:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415 - three seconds
        from dbt.cli.main import dbtRunner  # noqa: PLC0415

        words = [f"--{name}={self._home.root / 'dbt' / folder}" for name, folder in _FOLDERS.items()]
        words += [f"--project-dir={PROJECT}", f"--profiles-dir={PROJECT}", "--quiet", "--no-write-json"]
        if not _PARSED:
            _PARSED.append(dbtRunner().invoke(["parse", *words]).result)
        done = dbtRunner(manifest=_PARSED[0]).invoke([verb, *words, "--threads=1", *more])
        DuckDBConnectionManager.close_all_connections()  # dbt leaves the file open in this process
        if not done.success:
            failed = [f"{r.node.name}: {r.message}" for r in getattr(done.result, "results", []) if r.status == "error"]
            raise ViewsError(f"dbt {verb} failed: {'; '.join(failed) or done.exception}")
        return done.result


_PARSED: Final[list[Any]] = []
_COMPILED: Final[list[Model]] = []
_FOLDERS: Final = {"target-path": "target", "log-path": "logs"}


def _model(node: Any) -> Model:
    is_python = node.language == "python"
    sql = str(PROJECT / node.original_file_path) if is_python else str(node.compiled_code)
    return Model(node.name, f"{node.schema}.{node.alias}", str(node.config.materialized), sql, is_python)


def _build(connection: duckdb.DuckDBPyConnection, model: Model) -> None:
    try:
        if model.is_python:
            with _python_rows(connection, model) as rows:
                _fill(connection, model, rows)
        else:
            _fill(connection, model, model.sql)
    except duckdb.Error as error:
        raise ViewsError(f"model {model.name} failed: {error}") from error


def _fill(connection: duckdb.DuckDBPyConnection, model: Model, rows: str) -> None:
    if model.materialized == "incremental":
        connection.execute(f"insert into {model.relation} by name ({rows}\n)")
    else:
        connection.execute(f"create or replace table {model.relation} as ({rows}\n)")


@contextmanager
def _python_rows(connection: duckdb.DuckDBPyConnection, model: Model) -> Iterator[str]:
    """The rows of a Python model under a name that statements can read."""
    spec = importlib.util.spec_from_file_location(model.name, model.sql)
    if spec is None or spec.loader is None:
        raise ViewsError(f"model {model.name}: {model.sql} can't be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ref: Callable[[str], Any] = lambda name: connection.table(_relation_of(connection, name))  # noqa: E731
    dbt = SimpleNamespace(
        ref=ref,
        this=model.relation,
        is_incremental=model.materialized == "incremental",
        config=_Config(),
    )
    connection.register("model_rows", module.model(dbt, connection))
    try:
        yield "select * from model_rows"
    finally:
        connection.unregister("model_rows")


class _Config:
    """What a Python model says of itself, which stands already, and asks of its settings, which are the usual ones."""

    def __call__(self, **_: object) -> None:
        """Nothing."""

    def meta_get(self, _name: str, default: str) -> str:
        """What holds where nothing is said."""
        return default


def _relation_of(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    sql = """
        select schema_name from duckdb_tables() where table_name = $name
        union all select schema_name from duckdb_views() where view_name = $name
    """
    found = connection.execute(sql, {"name": name}).fetchall()
    if not found:
        raise ViewsError(f"no relation {name} in the warehouse: build it with dbt first")
    return f"{found[0][0]}.{name}"
