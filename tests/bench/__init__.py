"""Benchmarks: how far the daemon is from what the machine itself can do. `python -m tests.bench --help`."""
