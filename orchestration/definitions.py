"""The code location: what Dagster loads."""

from orchestration.build import build_definitions
from orchestration.settings import Settings

_settings = Settings().resolved()
_settings.enter()
defs = build_definitions(_settings)
