"""Reads a configuration folder, naming everything that is wrong in it at once."""

import hashlib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from ml.configuration import checks
from ml.configuration.actions import Actions
from ml.configuration.channels import ChannelSettings
from ml.configuration.configuration import Configuration
from ml.configuration.drivers import DRIVERS, FileSettings, drivers_for
from ml.configuration.identity import IdentityOverrides
from ml.configuration.objective import Objective
from ml.configuration.policy import Policy
from ml.configuration.problems import ConfigurationError, Problem, did_you_mean, shown
from ml.configuration.validation import validated
from ml.configuration.yaml_reader import Document, read_yaml
from ml.entities import CHANNELS, Channel

M = TypeVar("M", bound=BaseModel)


def read_configuration(folder: Path) -> Configuration:
    """Read `actions.yaml`, `policy.yaml`, `channels.yaml` and `objectives/*.yaml`.

    `policy.yaml` and `channels.yaml` may be absent: defaults hold, and `file` is every channel's driver.

    Raises:
        ConfigurationError: Every problem, each with file, line, key, value and what would be right.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ConfigurationError(
            [Problem(str(folder), 0, "", "", "is not a folder: give the configuration folder (--config)")]
        )
    return _Reader(folder).read()


class _Reader:
    def __init__(self, folder: Path):
        self.folder = folder
        self.problems: list[Problem] = []

    def read(self) -> Configuration:
        actions, actions_document = self._model(Actions, "actions.yaml", is_required=True)
        policy, policy_document = self._model(Policy, "policy.yaml")
        channels = self._channels()
        identity, _ = self._model(IdentityOverrides, "identity_overrides.yaml")
        objectives = self._objectives()
        if actions:
            self.problems += checks.check_actions(actions, actions_document, self.folder)
        if policy:
            self.problems += checks.check_policy(policy, policy_document, actions)
        for objective, document in objectives:
            self.problems += checks.check_objective(objective, document, actions)
        self.problems += checks.check_ids(objectives)
        if policy:
            self.problems += checks.check_segments(policy, policy_document, objectives, actions, actions_document)
        if self.problems or actions is None or policy is None or identity is None:
            raise ConfigurationError(self.problems)
        return Configuration(
            objectives=sorted((o for o, _ in objectives), key=lambda o: o.id),
            actions=actions,
            policy=policy,
            channels={c: channels.get(c, FileSettings()) for c in CHANNELS if c in actions.channels},
            folder=self.folder,
            version=self._version(actions, objectives),
            sources={o.id: d.file for o, d in objectives},
            identity=identity,
        )

    def _document(self, file: str, *, is_required: bool) -> Document:
        path = self.folder / file
        if not path.exists():
            if is_required:
                self.problems.append(
                    Problem(file, 0, "", "", "is missing: see the documentation of the configuration for its shape")
                )
            return Document(file, data=None if is_required else {})
        document = read_yaml(path, file)
        self.problems += document.problems
        if not document.problems and not isinstance(document.data, dict):
            self.problems.append(Problem(file, 1, "", "", "expected keys with values"))
            document.data = None
        return document

    def _model(self, model: type[M], file: str, *, is_required: bool = False) -> tuple[M | None, Document]:
        document = self._document(file, is_required=is_required)
        if document.problems or document.data is None:
            return None, document
        value, problems = validated(model, document, document.data)
        self.problems += problems
        return value, document

    def _channels(self) -> dict[Channel, ChannelSettings]:
        document, settings = self._document("channels.yaml", is_required=False), {}
        for name, data in ({} if document.problems else document.data or {}).items():
            if name not in CHANNELS:
                remedy = f"there is no such channel.{did_you_mean(name, CHANNELS)}"
                self.problems.append(Problem(document.file, document.line((name,)), name, "", remedy))
                continue
            driver = data.get("driver", "file") if isinstance(data, dict) else "file"
            if driver not in drivers_for(name):
                remedy = f"there is no such driver for {name}.{did_you_mean(str(driver), drivers_for(name))}"
                place = document.line((name, "driver"))
                self.problems.append(Problem(document.file, place, f"{name}.driver", shown(driver), remedy))
                continue
            value, problems = validated(DRIVERS[driver][0], document, data, (name,))
            self.problems += problems
            if value:
                settings[name] = value
        return settings

    def _objectives(self) -> list[tuple[Objective, Document]]:
        read = []
        files = sorted(
            p for p in (self.folder / "objectives").glob("*") if p.suffix in {".yaml", ".yml"} and p.is_file()
        )
        if not files:
            self.problems.append(
                Problem(
                    "objectives/", 0, "", "", "there is no objective: write one, such as objectives/reactivate.yaml"
                )
            )
        for path in files:
            objective, document = self._model(Objective, f"objectives/{path.name}")
            if objective:
                read.append((objective, document))
        return read

    def _version(self, actions: Actions, objectives: list[tuple[Objective, Document]]) -> str:
        files = {
            "actions.yaml",
            "policy.yaml",
            "channels.yaml",
            "identity_overrides.yaml",
            *(d.file for _, d in objectives),
        }
        files |= {
            path.relative_to(self.folder).as_posix()
            for path in (self.folder / "templates").rglob("*")
            if path.is_file()
        }
        files |= {creative.template for creative in actions.creatives.values()}
        digest = hashlib.sha256()
        for file in sorted(files):
            path = self.folder / file
            content = path.read_bytes() if path.is_file() else b""
            digest.update(f"{file}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()[:16]
