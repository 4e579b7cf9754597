"""What a person said and did, as features: read from words, hours and touches."""
