"""General solvers on the linear relaxation of the same pruned table, which is less than we are asked for.

OR-tools is an extra (`pip install .[bench]`); without it its rows say so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import cvxpy as cp
import highspy
import numpy as np
import scipy.sparse as sp

from benchmarks.allocation.instances import instance
from benchmarks.allocation.measured import Row, peak_gigabytes
from ml.allocation.kernel import F64
from ml.allocation.pruning import prune
from ml.allocation.restricted import candidate_use, person_of

Answer = tuple[str, float | None]
"""How the solver ended, and the value where it has one."""


@dataclass(frozen=True, eq=False)
class Relaxation:
    """Maximize `value @ x` subject to `use @ x <= most`, x >= 0; the last rows are one for each person."""

    value: F64
    use: sp.csr_array
    most: F64


def relaxation(people: int, threads: int) -> Relaxation:
    """Of one instance, over the candidates that pruning keeps."""
    problem = instance(people)
    rows = problem.rows()
    table = prune(problem, rows, threads)
    everything = np.arange(len(table.value), dtype=np.int64)
    of_person = sp.csr_array((np.ones(len(everything)), (person_of(table, everything), everything)))
    use = sp.vstack([sp.csr_array(candidate_use(table, everything)), of_person]).tocsr()
    return Relaxation(table.value.astype(np.float64), use, np.concatenate([rows.bound, table.most]).astype(np.float64))


def peer(people: int, threads: int, name: str, limit: float) -> Row:
    """One solver with a time limit in seconds; building its model counts."""
    given = relaxation(people, threads)
    start = perf_counter()
    try:
        status, value = PEERS[name](given, limit)
    except ImportError:
        status, value = "absent: OR-tools is not installed", None
    except (cp.SolverError, ValueError, RuntimeError) as error:  # a ValueError: stopped by its limit without a solution
        status, value = " ".join(str(error).split())[:60], None
    seconds = perf_counter() - start
    return {
        "method": name, "people": people, "seconds": seconds, "value": value, "status": status,
        "peak_gb": peak_gigabytes(),
    }  # fmt: skip


def _by_cvxpy(given: Relaxation, name: str, **options: Any) -> Answer:
    x = cp.Variable(len(given.value), nonneg=True)
    program = cp.Problem(cp.Maximize(given.value @ x), [given.use @ x <= given.most])
    program.solve(name, **options)
    has_value = program.value is not None and np.isfinite(program.value)
    return program.status, float(program.value) if has_value else None


def _cvxpy_highs(given: Relaxation, limit: float) -> Answer:
    return _by_cvxpy(given, cp.HIGHS, highs_options={"solver": "ipm", "run_crossover": "off", "time_limit": limit})


def _cvxpy_clarabel(given: Relaxation, limit: float) -> Answer:
    return _by_cvxpy(given, cp.CLARABEL, time_limit=limit)


def _highspy(given: Relaxation, limit: float) -> Answer:
    columns = given.use.tocsc()
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(given.value), len(given.most)
    model.col_cost_ = -given.value
    model.col_lower_, model.col_upper_ = np.zeros(len(given.value)), np.full(len(given.value), highspy.kHighsInf)
    model.row_lower_, model.row_upper_ = np.full(len(given.most), -highspy.kHighsInf), given.most
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = (
        columns.indptr,
        columns.indices,
        columns.data,
    )
    solver = highspy.Highs()
    for option, setting in {"output_flag": False, "solver": "ipm", "run_crossover": "off", "time_limit": limit}.items():
        solver.setOptionValue(option, setting)
    solver.passModel(model)
    solver.run()
    status = solver.getModelStatus()
    value = -solver.getObjectiveValue() if status == highspy.HighsModelStatus.kOptimal else None
    return solver.modelStatusToString(status), value


def _by_ortools(given: Relaxation, limit: float, solver: str) -> Answer:
    from ortools.linear_solver.python import model_builder_helper as helper  # noqa: PLC0415 - an optional extra

    model = helper.ModelBuilderHelper()
    unbounded = np.full(len(given.value), np.inf)
    model.fill_model_from_sparse_data(
        np.zeros(len(given.value)), unbounded, given.value, np.full(len(given.most), -np.inf), given.most, given.use
    )
    model.set_maximize(True)
    run = helper.ModelSolverHelper(solver)
    run.set_time_limit_in_seconds(limit)
    run.solve(model)
    status = str(run.status()).rsplit(".", maxsplit=1)[-1]
    return status, float(run.objective_value()) if run.has_solution() else None


def _glop(given: Relaxation, limit: float) -> Answer:
    return _by_ortools(given, limit, "glop")


def _pdlp(given: Relaxation, limit: float) -> Answer:
    return _by_ortools(given, limit, "pdlp")


PEERS: dict[str, Callable[[Relaxation, float], Answer]] = {
    "cvxpy->HiGHS": _cvxpy_highs,
    "cvxpy->Clarabel": _cvxpy_clarabel,
    "highspy": _highspy,
    "OR-tools GLOP": _glop,
    "OR-tools PDLP": _pdlp,
}
