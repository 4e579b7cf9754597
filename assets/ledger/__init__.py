"""What must survive: plans, authority, outbox, receipts, outcomes, spend, suppression, audit. One file a noun.

Scores, features and anything that can be rebuilt from landing files belong in the warehouse, not here.
Nothing in this package knows Dagster, reads the environment or asks what time it is. Start at `ledger.Ledger`.
"""
