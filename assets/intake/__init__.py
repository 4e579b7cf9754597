"""Landing files: found, hashed, checked and loaded into schema ``raw`` of the warehouse, or put into quarantine.

The contract of the ten sources is data in ``contract``. Renaming, deduplication and identity belong in dbt; Dagster
belongs in ``assets.landing``.
"""

from assets.intake.discovery import pending_files
from assets.intake.entities import FileStat, LandedFile, LandingReport, Refusal
from assets.intake.loader import land
from assets.intake.tables import prepare, record_messages, rows_since, set_cycle, set_identity_overrides

__all__ = [
    "FileStat",
    "LandedFile",
    "LandingReport",
    "Refusal",
    "land",
    "pending_files",
    "prepare",
    "record_messages",
    "rows_since",
    "set_cycle",
    "set_identity_overrides",
]
