"""Measures the allocation: how it grows, against general solvers, on other families of instances, and in partitions."""

from benchmarks.allocation.instances import COLUMNS, COSTS, FAMILIES, instance

__all__ = ["COLUMNS", "COSTS", "FAMILIES", "instance"]
