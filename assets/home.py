"""The folders of a workspace: one place that knows where each file is."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

WAREHOUSE_FILE = "wayfinder.duckdb"  # dbt bakes the stem into its manifest: vary the folder, never the name


@dataclass(frozen=True)
class Home:
    """The workspace home.

    Args:
        root: Absolute folder that holds everything the system reads and writes.
    """

    root: Path

    @property
    def warehouse(self) -> Path:
        """The one writer's database, with landed rows and dbt's models."""
        return self.root / "warehouse" / "build" / WAREHOUSE_FILE

    @property
    def published(self) -> Path:
        """Folder of published generations, one folder of Parquet files each."""
        return self.root / "warehouse" / "published"

    @property
    def landing(self) -> Path:
        """Folder of the files that come in."""
        return self.root / "landing"

    @property
    def outbound(self) -> Path:
        """Folder of what the `file` drivers hand over."""
        return self.root / "outbound"

    @property
    def reports(self) -> Path:
        """Folder of daily reports."""
        return self.root / "reports"

    @property
    def training(self) -> Path:
        """Folder of training frames, one a training."""
        return self.root / "training"

    def cycle(self, cycle_id: str) -> Path:
        """Folder of one cycle's scores, decisions and plan."""
        return self.root / "cycles" / cycle_id

    def generation(self, generation_id: str) -> Path:
        """Folder of one published generation."""
        return self.published / generation_id

    def make(self) -> "Home":
        """Create what must exist before anything runs. Only the owner may look inside: it holds personal data."""
        for folder in (self.warehouse.parent, self.published, self.landing, self.outbound, self.reports, self.training):
            folder.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)
        return self


def cycle_id_of(day: date, revision: int = 1) -> str:
    """Name of a cycle: its date, with the number of the re-optimization behind it from the second plan on."""
    return day.isoformat() if revision == 1 else f"{day.isoformat()}.{revision}"
