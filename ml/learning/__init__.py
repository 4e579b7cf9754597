"""What was caused, and how sure that is: differences between arms, with intervals that may be looked at every day."""
