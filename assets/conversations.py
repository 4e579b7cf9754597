"""What was learned of conversations, as files of the workspace: each under its digest, so that a decision can be repeated."""

from typing import Final

from assets.cycles import read_json, write_json
from assets.duck import query
from assets.home import Home
from assets.ledger.ledger import Ledger
from ml.journeys.model import JourneyModel, Scans

NEWEST: Final = "newest.json"


def keep_journeys(home: Home, model: JourneyModel) -> str:
    """Keep a model under its digest, and as the newest. Returns the digest."""
    folder = home.root / "journeys"
    folder.mkdir(parents=True, exist_ok=True)
    path, aside = folder / f"{model.sha256}.json", folder / f".{model.sha256}.writing"
    aside.write_text(model.document(), encoding="utf-8", newline="\n")
    aside.replace(path)
    write_json({"sha256": model.sha256}, folder / NEWEST)
    return model.sha256


def newest_journeys(home: Home) -> str:
    """Digest of the newest model; empty before the first training."""
    path = home.root / "journeys" / NEWEST
    return str(read_json(path)["sha256"]) if path.exists() else ""


def kept_journeys(home: Home, sha256: str) -> JourneyModel | None:
    """The model of a digest, verified anew; None for the empty digest of a day before the first training.

    Raises:
        FileNotFoundError: It was never kept here.
        ValueError: Its file was changed since, or is of another version.
    """
    if not sha256:
        return None
    path = home.root / "journeys" / f"{sha256}.json"
    if not path.exists():
        raise FileNotFoundError(
            f"journeys/{sha256[:12]}… isn't in the workspace: materialize `journeys` again (job `train`)"
        )
    model = JourneyModel.read(path.read_text(encoding="utf-8"))
    if model.sha256 != sha256:
        raise ValueError(f"journeys/{sha256[:12]}… was changed: delete the file and materialize `journeys` again")
    return model


def count_scans(home: Home, ledger: Ledger, generation_id: str, days: int) -> Scans:
    """Mailers that had `days` to be scanned, and how many were.

    Args:
        home: The workspace.
        ledger: Knows what came back.
        generation_id: The published generation, whose touches are the mailers.
        days: Between sending and the newest known touch.
    """
    mailers = query(
        """
        select message_id from read_parquet($touches)
        where channel = 'direct_mail' and message_id is not null
          and sent_at < (select max(sent_at) from read_parquet($touches)) - to_days($days)
        """,
        touches=str(home.generation(generation_id) / "fct_touches.parquet"),
        days=days,
    )["message_id"]
    return Scans(len(mailers), int(mailers.isin(ledger.outcomes.messages_with("visited", "direct_mail")).sum()))
