"""A response model as files: LightGBM's own text and JSON. No pickle, so that loading a file can't run code."""

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from ml.features import FeatureSpec
from ml.response.amount import Amount
from ml.response.averages import Averages
from ml.response.baseline import Baseline
from ml.response.changes import Change
from ml.response.evidence import Evidence
from ml.response.exposure import Exposure
from ml.response.log_line import LogLine
from ml.response.logit import Line
from ml.response.model import ResponseModel
from ml.response.person_factor import FACTOR, PersonFactor
from ml.response.personal import Personal
from ml.response.pooled import pooled_from
from ml.response.redemption import Redemption
from ml.response.trees import Forest
from ml.response.usual_discount import UsualDiscount

FORMAT: Final = 6
_DOCUMENT: Final = "model.json"


class OutdatedModelError(ValueError):
    """A model was written by an earlier version of the product."""


def save(model: ResponseModel, folder: Path) -> None:
    """Writes `model` into `folder`.

    Args:
        model: The model.
        folder: New or empty.

    Raises:
        FileExistsError: The folder has files, which would become part of the model's digest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} isn't empty; a model is saved into a folder of its own")
    for name, forest in _forests(model).items():
        if forest.text is not None:
            (folder / f"{name}.txt").write_text(forest.text, encoding="utf-8", newline="\n")
    document = json.dumps(_document(model), indent=1, sort_keys=True, allow_nan=False)
    (folder / _DOCUMENT).write_text(document, encoding="utf-8", newline="\n")


def load(folder: Path) -> ResponseModel:
    """Reads the model in `folder`.

    Raises:
        FileNotFoundError: There is no model.
        OutdatedModelError: It was written in another format.
    """
    path = folder / _DOCUMENT
    if not path.exists():
        raise FileNotFoundError(f"no response model in {folder}: {_DOCUMENT} is missing")
    values = json.loads(path.read_text(encoding="utf-8"))
    if values["format"] != FORMAT:
        raise OutdatedModelError(f"{path} has format {values['format']}, this version reads {FORMAT}; train again")
    return _model(values, folder)


def digest(folder: Path) -> str:
    """SHA-256 over names and contents of all files in `folder`: the model's identity, 64 hex digits."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name, content = path.relative_to(folder).as_posix().encode(), path.read_bytes()
        whole.update(len(name).to_bytes(8, "big") + name + len(content).to_bytes(8, "big") + content)
    return whole.hexdigest()


def with_threads(model: ResponseModel, threads: int) -> ResponseModel:
    """The model scoring with another number of threads; its scores stay the same."""
    return replace(model, threads=threads)


def _forests(model: ResponseModel) -> dict[str, Forest]:
    return {"baseline": model.baseline.forest, "amount": model.amount.forest}


def _document(model: ResponseModel) -> dict[str, Any]:
    amount, baseline = model.amount, model.baseline
    return {
        "format": FORMAT,
        "features": model.spec.to_dict(),
        "baseline": {
            "start": baseline.start,
            "line": asdict(baseline.line),
            "learned_from": baseline.learned_from,
            "rise": None if baseline.rise is None else baseline.rise.to_dict(),
            "recent": baseline.recent,
        },
        "averages": model.averages.to_dict(),
        "personal": _personal(model),
        "exposure": model.exposure.to_dict(),
        "amount": {"mean": amount.mean, "scale": amount.scale, "largest": amount.largest},
        "redemption": {offer: asdict(shares) for offer, shares in model.redemption.items()},
        "usual_discount": model.usual_discount.to_dict(),
        "evidence": [evidence.to_dict() for evidence in model.evidence],
        "changes": {channel: asdict(change) for channel, change in model.changes.items()},
        "facts": dict(model.facts),
        "threads": model.threads,
    }


def _model(values: dict[str, Any], folder: Path) -> ResponseModel:
    def forest(name: str) -> Forest:
        path = folder / f"{name}.txt"
        return Forest(path.read_text(encoding="utf-8") if path.exists() else None)

    baseline, amount = values["baseline"], values["amount"]
    return ResponseModel(
        FeatureSpec.from_dict(values["features"]),
        Baseline(
            baseline["start"],
            forest("baseline"),
            Line(**baseline["line"]),
            baseline["learned_from"],
            None if baseline["rise"] is None else LogLine.from_dict(baseline["rise"]),
            baseline.get("recent", 1.0),  # models of earlier versions don't say
        ),
        Averages.from_dict(values["averages"]),
        _personal_of(values["personal"]),
        Exposure.from_dict(values["exposure"]),
        Amount(amount["mean"], forest("amount"), amount["scale"], amount["largest"]),
        {offer: Redemption(**shares) for offer, shares in values["redemption"].items()},
        UsualDiscount.from_dict(values["usual_discount"]),
        tuple(Evidence(**evidence) for evidence in values["evidence"]),
        {channel: Change(**change) for channel, change in values.get("changes", {}).items()},
        values["facts"],
        values["threads"],
    )


def _personal(model: ResponseModel) -> dict[str, Any]:
    personal = model.personal
    return {
        "name": personal.name,
        "slope": personal.slope,
        "slope_sd": personal.slope_sd,
        "centres": dict(personal.centres),
        "learner": None if personal.learner is None else personal.learner.to_dict(),
    }


def _personal_of(values: dict[str, Any]) -> Personal:
    learner = values["learner"]
    if learner is not None:
        learner = PersonFactor.from_dict(learner) if learner["learner"] == FACTOR else pooled_from(learner)
    return Personal(**(values | {"learner": learner}))
