"""The lift path alone, on simulated people whose truth is known."""
