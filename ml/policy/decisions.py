"""The decisions frame: its columns, its identities, and its fingerprint."""

import hashlib
from typing import Final

import numpy as np
import pandas as pd

from ml.policy.hashing import digests, hex_ids

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
    "net_value": "float32",
    "adjusted_value": "float32",
    "contact_cost": "float64",
    "category": "str",
    "reason": "str",
    "send_at": "datetime64[us]",
    "expires_at": "datetime64[us]",
    "alternatives": "str",
}
"""Columns in order with their types; times are UTC. A person left alone has channel `none` and no times."""


def decision_ids(
    cycle_id: str, customer_ids: np.ndarray, objective_ids: np.ndarray, channels: np.ndarray
) -> np.ndarray:
    """Ids of decisions from what they are about, object [R]: the same decision always has the same one."""
    cycles = np.full(len(customer_ids), cycle_id, dtype=object)
    return hex_ids(digests("decision", cycles, customer_ids, objective_ids, channels), "d-")


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
    ordered = decisions.sort_values("decision_id", kind="stable")
    digest = hashlib.sha256(f"{len(ordered)}".encode())
    for name, dtype in DECISION_COLUMNS.items():
        digest.update(f"\0{name}\0".encode())
        digest.update(_canonical(ordered[name], dtype))
    return digest.hexdigest()


def _canonical(column: pd.Series, dtype: str) -> bytes:
    if dtype == "str":
        values = column.astype("object").where(column.notna(), "\0").to_numpy()
        return "\x1f".join(values.tolist()).encode()
    if dtype.startswith("datetime"):
        moments = pd.to_datetime(column, utc=True).dt.tz_localize(None)
        return moments.to_numpy(dtype="datetime64[us]").astype("<i8").tobytes()
    return column.to_numpy(dtype=np.dtype(dtype).newbyteorder("<"), na_value=np.nan).tobytes()
