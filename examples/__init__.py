"""Worked examples: other people's data brought through the same contracts."""
