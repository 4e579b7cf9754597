"""Tables that a user already has: read from csv or parquet whatever their dialect, and turned into numbers for learning."""
