"""What every model has, whoever adds it."""

from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[3] / "dbt_project"
MODELS = sorted(path for kind in ("*.sql", "*.py") for path in (PROJECT / "models").rglob(kind))
PERSONAL = {"email", "phone", "first_name", "last_name", "address_line", "email_sha256", "phone_sha256", "device_token"}


def described(model: Path) -> dict[str, object]:
    (entry,) = yaml.safe_load(model.with_suffix(".yml").read_text())["models"]
    return dict(entry)


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_a_model_has_its_yml_beside_it_with_the_grain_first(model: Path) -> None:
    entry = described(model)
    assert entry["name"] == model.stem
    assert str(entry["description"]).startswith("One row")
    assert all(column.get("description") for column in entry["columns"])  # type: ignore[attr-defined]


def test_personal_data_is_in_the_recipients_alone() -> None:
    for model in MODELS:
        if model.parent.name == "marts" and model.stem != "dim_recipients":
            assert not PERSONAL & {column["name"] for column in described(model)["columns"]}, model.stem  # type: ignore[attr-defined]


def test_nothing_is_downloaded_and_nobody_is_told() -> None:
    assert not list(PROJECT.glob("packages.y*ml"))
    assert not list(PROJECT.glob("dependencies.y*ml"))
    assert yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["flags"]["send_anonymous_usage_stats"] is False
    settings = yaml.safe_load((PROJECT / "profiles.yml").read_text())["wayfinder"]["outputs"]["build"]["settings"]
    assert settings["autoinstall_known_extensions"] is False
    assert settings["autoload_known_extensions"] is False
