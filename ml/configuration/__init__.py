"""What the operator states: files in, checked models out. Nothing here decides; nothing here knows a customer."""

from ml.configuration.configuration import Configuration
from ml.configuration.problems import ConfigurationError, Problem
from ml.configuration.reader import read_configuration

__all__ = ["Configuration", "ConfigurationError", "Problem", "read_configuration"]
