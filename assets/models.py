"""Copies of registered models in the workspace: a re-optimization within the day needs the morning's model, not MLflow."""

import shutil
from pathlib import Path

from assets.home import Home
from ml.response.model import ResponseModel
from ml.response.store import digest


def keep_model(home: Home, model: ResponseModel, sha256: str) -> Path:
    """Keep a copy of a verified model under its digest; does nothing where it is kept already."""
    folder = home.root / "models" / sha256
    if not folder.exists():
        aside = folder.with_name(f".{sha256}.writing")
        shutil.rmtree(aside, ignore_errors=True)
        aside.parent.mkdir(parents=True, exist_ok=True)
        model.save(aside)
        aside.replace(folder)
    return folder


def kept_model(home: Home, sha256: str) -> ResponseModel:
    """The copy of a model, verified anew.

    Raises:
        FileNotFoundError: It was never kept here.
        ValueError: Its files were changed since.
    """
    folder = home.root / "models" / sha256
    if not folder.exists():
        raise FileNotFoundError(f"models/{sha256[:12]}… isn't in the workspace: materialize candidate_scores again")
    if digest(folder) != sha256:
        raise ValueError(f"models/{sha256[:12]}… was changed: delete the folder and materialize candidate_scores again")
    return ResponseModel.load(folder)
