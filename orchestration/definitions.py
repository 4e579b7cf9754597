"""The code location: what Dagster loads."""

import warnings

from orchestration.build import build_definitions
from orchestration.settings import Settings

# The other assets state no policy, which means the same: one day a run.
warnings.filterwarnings("ignore", message="Asset job .* materializes assets with varying BackfillPolicies")
_settings = Settings.read()
_settings.enter()
defs = build_definitions(_settings)
