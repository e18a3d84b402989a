"""Traces of requests, one row each: when it came, how many tokens went in and out; streamed, for any number of rows."""

from optimizer.load.trace.names import NAMES, Columns
from optimizer.load.trace.reading import Handled, Times, Trace, read_times, read_trace

__all__ = ["NAMES", "Columns", "Handled", "Times", "Trace", "read_times", "read_trace"]
