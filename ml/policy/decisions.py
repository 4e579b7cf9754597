"""The decisions frame: its columns, its identities, and its fingerprint."""

import hashlib
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ml.policy.hashing import digests, hex_ids
from ml.policy.lookup import text

DECISION_COLUMNS: Final[dict[str, str]] = {
    "decision_id": "str",
    "cycle_id": "str",
    "customer_id": "str",
    "objective_id": "str",
    "arm": "str",
    "channel": "str",
    "offer_id": "str",
    "creative_id": "str",
    "slot": "str",
    "action_id": "str",
    "logging_propensity": "float64",
    "baseline": "float32",
    "propensity": "float32",
    "uplift": "float32",
    "unit_value": "float32",
    "value_to_go": "float32",
    "net_value": "float32",
    "adjusted_value": "float32",
    "contact_cost": "float64",
    "category": "str",
    "reason": "str",
    "send_at": "datetime64[us]",
    "expires_at": "datetime64[us]",
    "alternatives": "str",
    "expected_path": "str",
}
"""Columns in order with their types; times are UTC. A person left alone has channel `none` and no times."""


def decision_digests(
    cycle_id: str, customer_ids: np.ndarray, objective_ids: np.ndarray, channels: np.ndarray
) -> np.ndarray:
    """Digests of decisions from what they are about, uint64 [R, 2]: the same decision always has the same one."""
    return digests(f"decision/{cycle_id}", customer_ids, objective_ids, channels)


def decision_ids(digest: np.ndarray) -> np.ndarray:
    """Ids of decisions by their digests, object [R]."""
    return hex_ids(digest, "d-")


def message_ids(decision_ids: pd.Series) -> pd.Series:
    """The message of each decision: one decision is at most one message, so its id follows from the decision's."""
    return "m-" + decision_ids.str.slice(2)


def plan_hash(decisions: pd.DataFrame) -> str:
    """SHA-256 over the whole content of a plan, as 64 hex digits.

    Rows in the order of their ids, columns in the order of `DECISION_COLUMNS`, each in one fixed encoding: it doesn't
    matter how the frame was stored or sorted, and no cell can change without changing it.

    Raises:
        ValueError: Columns are missing, or a decision is there twice.
    """
    missing = [name for name in DECISION_COLUMNS if name not in decisions]
    if missing:
        raise ValueError(f"decisions lack {', '.join(missing)}: write them with every column of DECISION_COLUMNS")
    if decisions["decision_id"].duplicated().any():
        twice = decisions.loc[decisions["decision_id"].duplicated(), "decision_id"].iloc[0]
        raise ValueError(f"decision {twice} is there twice: a decision has one row")
    ordered = decisions if decisions["decision_id"].is_monotonic_increasing else decisions.sort_values("decision_id")
    digest = hashlib.sha256(f"{len(ordered)}".encode())
    for name, dtype in DECISION_COLUMNS.items():
        digest.update(f"\0{name}\0".encode())
        digest.update(_canonical(ordered[name], dtype))
    return digest.hexdigest()


def _canonical(column: pd.Series, dtype: str) -> bytes:
    if dtype == "str":
        values = pc.fill_null(text(column), "\0")
        return _lengths_and_text(values)
    if dtype.startswith("datetime"):
        moments = pd.to_datetime(column, utc=True).dt.tz_localize(None)
        return moments.to_numpy(dtype="datetime64[us]").astype("<i8").tobytes()
    return column.to_numpy(dtype=np.dtype(dtype).newbyteorder("<"), na_value=np.nan).tobytes()


def _lengths_and_text(values: pa.LargeStringArray) -> bytes:
    """Length of each text, then all of them, straight from Arrow's layout (offsets and one run of UTF-8)."""
    if not len(values):
        return b""
    _, offsets, content = values.buffers()
    ends = np.frombuffer(offsets, dtype="<i8")[values.offset : values.offset + len(values) + 1]
    run = memoryview(content)[ends[0] : ends[-1]] if content is not None else b""
    return np.diff(ends).tobytes() + bytes(run)
