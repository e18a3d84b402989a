"""Which column is what, and what its numbers of time count: told by names, never by a guess that nobody sees."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.errors import Fault, InputError, shortened

NAMES = {
    "time": ("timestamp", "time", "arrived_at", "arrival_time", "created_at", "start_time", "starttime", "datetime",
             "date", "created", "request_created_at", "start_timestamp"),
    "input": ("input_tokens", "contexttokens", "prompt_tokens", "request tokens", "num_prefill_tokens", "input_length",
              "isl", "isl_tokens", "input", "usage.prompt_tokens", "usage.input_tokens", "num_prompt_tokens",
              "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "attributes.gen_ai.usage.input_tokens",
              "attributes.gen_ai.usage.prompt_tokens", "response.usage.prompt_tokens", "response.usage.input_tokens",
              "n_context_tokens"),
    "output": ("output_tokens", "generatedtokens", "completion_tokens", "response tokens", "num_decode_tokens",
               "output_length", "osl", "osl_tokens", "output", "usage.completion_tokens", "usage.output_tokens",
               "num_generation_tokens", "num_generated_tokens", "gen_ai.usage.output_tokens",
               "gen_ai.usage.completion_tokens", "attributes.gen_ai.usage.output_tokens",
               "attributes.gen_ai.usage.completion_tokens", "response.usage.completion_tokens",
               "response.usage.output_tokens", "n_generated_tokens"),
}
"""Column names that are known, in small letters, a dot between the keys of nested objects.

Of the traces of Azure, BurstGPT, Vidur, Mooncake and Bailian; of LiteLLM's spend logs (`startTime`), of completion
objects as OpenAI's API and vLLM's server return them (`created`, `usage`), of vLLM's spans (`gen_ai.usage`), and plain
ones.
"""

COUNTED = ("num_model_requests", "n_requests", "num_requests", "request_count", "requests")
"""Columns that say that a row sums several requests up, as OpenAI's usage export does."""

UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}

_SUFFIX = re.compile(r"(?:_unix)?(?:_(s|sec|seconds|ms|millis|us|micros|ns|nanos?)|(?:Unix)?(Nano|Ms|Millis))$")
_MEANS = {"sec": "s", "seconds": "s", "millis": "ms", "micros": "us", "nano": "ns", "nanos": "ns"}

LAYOUTS: tuple[tuple[str, frozenset[str], str], ...] = (
    ("BurstGPT", frozenset({"timestamp", "request tokens", "response tokens"}), "s"),
    ("Vidur", frozenset({"arrived_at", "num_prefill_tokens", "num_decode_tokens"}), "s"),
    ("Bailian", frozenset({"chat_id", "timestamp", "input_length", "output_length"}), "s"),
    ("Mooncake", frozenset({"timestamp", "input_length", "output_length"}), "ms"),
    ("a completion object", frozenset({"created", "usage.prompt_tokens"}), "s"),
)
"""(whose trace, columns it has, unit of its times), the more specific first.

Mooncake: github.com/kvcache-ai/Mooncake, FAST25-release/traces; Bailian: github.com/alibaba-edu/qwen-bailian-
usagetraces-anon; BurstGPT: github.com/HPMLL/BurstGPT; Vidur: github.com/microsoft/vidur; `created` in seconds: the
OpenAI API reference.
"""


@dataclass(frozen=True)
class Columns:
    """Which columns to read and how to read times; None: found by itself."""

    time: str | None = None
    input: str | None = None
    output: str | None = None
    time_unit: str | None = None
    """Of numbers: s, ms, us or ns."""
    time_format: str | None = None
    """Of text, as strptime has it; default ISO 8601."""
    timezone: str = "UTC"
    """Of times that state no offset, and of the hours of the day."""
    named_by: tuple[str, str] | None = None
    """The problem file and its key that name the trace; faults then name these, in place of a command's options."""


def chosen(header: Sequence[str], label: str, columns: Columns, roles: Sequence[str]) -> dict[str, str]:
    """Find the column of each role.

    Args:
        header: names of the columns, those of nested objects with a dot between their keys.

    Raises:
        InputError: naming every role without a column; or a row is no single request.
    """
    known = {name.strip().lower(): name for name in reversed(header)}
    found: dict[str, str] = {}
    faults = []
    for role in roles:
        asked: str | None = getattr(columns, role)
        wanted = [asked] if asked else NAMES[role]
        column = next((known[name.lower()] for name in wanted if name.lower() in known), None)
        if column is None and role == "time" and asked is None:  # time_ms, startTimeUnixNano
            bare = {_SUFFIX.sub("", name.strip()).lower(): name for name in header if _SUFFIX.search(name.strip())}
            column = next((bare[name] for name in wanted if name in bare), None)
        if column is None:
            missing = f"no column {asked!r}" if asked else f"no known {role} column"
            listed = shortened(", ".join(header) or "a header line")
            faults.append(Fault(label, "line 1", missing, f"--map {role}=NAME, NAME one of {listed}"))
        else:
            found[role] = column
    several = [known[name] for name in COUNTED if name in known]
    if several and columns.time is None:
        allowed = "a row for each request; of sums, demand.hourly_rps or a file with a row for each hour"
        faults.append(Fault(label, "line 1", f"the column {several[0]}: rows that sum several requests up", allowed))
    if faults:
        raise InputError(faults)
    return found


def unit_by_name(column: str, header: Sequence[str]) -> tuple[str, str] | None:
    """Return (unit of a column's numbers, why), where its name or the other columns tell; None where nothing does.

    >>> unit_by_name("arrival_time_ms", ()), unit_by_name("time", ())
    (('ms', "the column is called 'arrival_time_ms'"), None)
    """
    suffix = _SUFFIX.search(column.strip())
    if suffix is not None:
        word = (suffix[1] or suffix[2]).lower()
        return _MEANS.get(word, word), f"the column is called {column!r}"
    names = {name.strip().lower() for name in header}
    for whose, needed, unit in LAYOUTS:
        if needed <= names and column.strip().lower() in needed:
            return unit, f"the columns are those of {whose}"
    return None
