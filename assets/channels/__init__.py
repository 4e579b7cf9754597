"""How messages leave: one contract, one small file a driver, and dispatch between the ledger and them.

Who gets what is decided above, what may leave is in the ledger; here is only how. Nothing in this package knows
Dagster.
"""
