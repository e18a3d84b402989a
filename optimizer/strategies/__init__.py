"""Exact ways to answer a question; only this room imports solvers."""
