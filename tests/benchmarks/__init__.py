"""Measured, never asserted: run with `python -m tests.benchmarks`."""
