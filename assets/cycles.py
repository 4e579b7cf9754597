"""Files of a cycle: what was scored, decided and is remembered for training. Written whole, never changed."""

import json
import os
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from assets.home import Home
from ml.entities import Option
from ml.response.redemption import Redemption
from ml.response.scores import Scores

REDEMPTION: Final = b"redemption"
USUAL_DISCOUNT: Final = "usual_discount"
MEMORY: Final = "memory.json"
"""In a cycle's folder: what it learned, what is held, and which experiment would tell most (`ml.learning.memory`)."""
CREATIVES: Final = "creatives.json"
"""In a cycle's folder: how often each creative is drawn, and what that rests on (`ml.learning.creatives`)."""
OUTCOMES: Final = "creative_outcomes.json"
"""In a cycle's folder: what came of each creative once the day's horizon was over."""
PROMISES: Final = "promises.json"
"""In a cycle's folder: what the model in use promised, what came, and whether it was rolled back (`ml.learning.promise`)."""
CHANGES: Final = "changes.json"
"""In a cycle's folder: channels that move people more or less than they used to, by the model in use (`ml.response.changes`)."""
DRIFT: Final = "drift.json"
"""In a cycle's folder: how far features, scores and outcomes have moved (`ml.learning.drift`)."""
ASSIGNED: Final = "arms.parquet"
"""In a cycle's folder: the arm and segment of everybody in an audience, contacted or not (`ml.policy.arms`)."""
CHANCES: Final = "chances.parquet"
"""In a cycle's folder: each chance of a contact, for parts of the plan that aren't released (`ml.policy.chances`)."""


def revisions(home: Home, day: date) -> list[str]:
    """Ids of the cycles of a day that have decisions, in order: the morning's, then its re-optimizations."""
    found = [path.parent.name for path in home.root.glob(f"cycles/{day.isoformat()}*/plan.json")]
    return sorted(found, key=_revision)


def next_revision(home: Home, day: date) -> str:
    """Id of the day's next re-optimization."""
    last = revisions(home, day)
    return f"{day.isoformat()}.{_revision(last[-1]) + 1 if last else 2}"


def _revision(cycle_id: str) -> int:
    return int(cycle_id.partition(".")[2] or 1)


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as Parquet: complete under its name, or not there."""
    _write_table(pa.Table.from_pandas(frame, preserve_index=False), path)


def write_json(facts: dict[str, Any], path: Path) -> None:
    """Write facts as JSON: complete under its name, or not there."""
    aside = _aside(path)
    aside.write_text(json.dumps(facts, indent=1, default=str), encoding="utf-8")
    aside.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Facts as `write_json` left them."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


def write_scores(scores: Scores, path: Path) -> None:
    """Write scores, one row a person: baseline, amount, usual discount; by option propensity, uplift, its sd and exposure."""
    columns: dict[str, Any] = {"customer_id": scores.customer_ids, "baseline": scores.baseline, "amount": scores.amount}
    columns[USUAL_DISCOUNT] = scores.usual_discount
    for o, option in enumerate(scores.options):
        columns[f"propensity_{option}"] = scores.propensity[:, o]
        columns[f"uplift_{option}"] = scores.uplift[:, o]
        columns[f"sd_{option}"] = scores.uplift_sd[:, o]
        columns[f"exposure_{option}"] = scores.exposure[:, o]
    table = pa.table(columns)
    redemption = {str(option): asdict(shares) for option, shares in zip(scores.options, scores.redemption, strict=True)}
    _write_table(table.replace_schema_metadata({REDEMPTION: json.dumps(redemption).encode()}), path)


def read_scores(path: Path) -> Scores:
    """Scores as `write_scores` left them."""
    table = pq.read_table(path)
    redemption = json.loads(table.schema.metadata[REDEMPTION])
    options = tuple(Option(*name.split(":", 1)) for name in redemption)

    def matrix(kind: str) -> np.ndarray:
        columns = [table[f"{kind}_{option}"].to_numpy() for option in options]
        return np.stack(columns, axis=1) if columns else np.zeros((len(table), 0), dtype=np.float32)

    tells = (
        USUAL_DISCOUNT in table.column_names
    )  # scores of earlier versions don't: everybody looks, no discount is usual
    uplift = matrix("uplift")
    return Scores(
        customer_ids=table["customer_id"].to_numpy(),
        options=options,
        baseline=table["baseline"].to_numpy(),
        uplift=uplift,
        uplift_sd=matrix("sd"),
        propensity=matrix("propensity"),
        amount=table["amount"].to_numpy(),
        redemption=tuple(Redemption(**shares) for shares in redemption.values()),
        exposure=matrix("exposure") if tells else np.ones_like(uplift),
        usual_discount=table[USUAL_DISCOUNT].to_numpy() if tells else np.zeros(len(table), dtype=np.float32),
        seconds={},
    )


def _write_table(table: pa.Table, path: Path) -> None:
    aside = _aside(path)
    pq.write_table(table, aside, compression="zstd")
    descriptor = os.open(aside, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    aside.replace(path)


def _aside(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.writing")
