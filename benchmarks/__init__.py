"""What is claimed, measurable: `python -m benchmarks.<name>` prints its table and ends with one line of JSON."""
