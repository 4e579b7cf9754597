"""A model of a table as files: JSON, and each forest in LightGBM's own text. No pickle: reading a file runs no code."""

import json
from pathlib import Path
from typing import Any, Final

from ml.tables.errors import TableError
from ml.trials.model import TableModel

FORMAT: Final = 1
DOCUMENT: Final = "model.json"
_FOREST: Final = "forest_*.txt"


def check(folder: Path) -> None:
    """Whether a model can be written there; asked before the long work.

    Raises:
        TableError: It is a file, or a folder with other files.
    """
    if folder.is_file():
        raise TableError(f"{folder}: is a file; --out names the folder that the model is written into")
    if folder.is_dir() and not (folder / DOCUMENT).exists() and any(folder.iterdir()):
        raise TableError(f"{folder}: has files that are no model; name a new or empty folder")


def save(model: TableModel, folder: Path) -> None:
    """Writes the model into `folder`, in place of a model that is there.

    Raises:
        TableError: No model can be written there.
    """
    check(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for path in (*folder.glob(_FOREST), *folder.glob(DOCUMENT)):
        path.unlink()
    texts: list[str] = []
    values = _without_texts(model.to_dict(), texts)
    for place, text in enumerate(texts):
        (folder / f"forest_{place:03}.txt").write_text(text, encoding="utf-8", newline="\n")
    document = json.dumps({"format": FORMAT, "model": values}, ensure_ascii=False, indent=1, allow_nan=False)
    (folder / DOCUMENT).write_text(document, encoding="utf-8", newline="\n")


def load(folder: Path) -> TableModel:
    """Reads the model in `folder`.

    Raises:
        TableError: There is none, it is of another format, or a file of it is damaged.
    """
    path = folder / DOCUMENT
    if not path.is_file():
        raise TableError(
            f"{folder}: has no {DOCUMENT}; right would be the folder that `wayfinder model fit --out` wrote"
        )
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise TableError(f"{path}: has format {document['format']}, this version reads {FORMAT}; fit again")
        return TableModel.from_dict(_with_texts(document["model"], folder))
    except (KeyError, TypeError, OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: the model is damaged ({error!r}); fit again") from None


def _without_texts(values: Any, texts: list[str]) -> Any:
    if isinstance(values, dict):
        if isinstance(values.get("text"), str):
            texts.append(values["text"])
            return values | {"text": {"forest": len(texts) - 1}}
        return {name: _without_texts(value, texts) for name, value in values.items()}
    return [_without_texts(value, texts) for value in values] if isinstance(values, list) else values


def _with_texts(values: Any, folder: Path) -> Any:
    if isinstance(values, dict):
        if isinstance(values.get("text"), dict):
            text = (folder / f"forest_{values['text']['forest']:03}.txt").read_text(encoding="utf-8")
            return values | {"text": text}
        return {name: _with_texts(value, folder) for name, value in values.items()}
    return [_with_texts(value, folder) for value in values] if isinstance(values, list) else values
