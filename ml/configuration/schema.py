"""JSON Schemas of the configuration files, for editors that complete and check YAML while it is written."""

from typing import Any

from pydantic import TypeAdapter

from ml.configuration.actions import Actions
from ml.configuration.drivers import AnySettings
from ml.configuration.objective import Objective
from ml.configuration.policy import Policy
from ml.entities import Channel


def json_schemas() -> dict[str, dict[str, Any]]:
    """Schema by file: `objectives/*.yaml`, `actions.yaml`, `policy.yaml`, `channels.yaml`."""
    return {
        "objectives/*.yaml": Objective.model_json_schema(),
        "actions.yaml": Actions.model_json_schema(),
        "policy.yaml": Policy.model_json_schema(),
        "channels.yaml": TypeAdapter(dict[Channel, AnySettings]).json_schema(),
    }
