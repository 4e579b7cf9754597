"""Dagster assets: what exists, one module a stage, thin.

Thinking belongs in ``ml``, schedules and resources in ``orchestration``. Below the asset modules and free of Dagster:
``intake`` (landing files), ``ledger`` (what must survive), ``channels`` (how messages leave and outcomes return).
"""
