"""Answers as a commented problem file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from optimizer.messages import Voice
from optimizer.schema.use_case import UseCase

HABITS = ("uses_per_user_per_day", "requests_per_use", "active_hours", "peak_to_mean")


def problem_file(values: Mapping[str, Any], voice: Voice, typical: frozenset[str]) -> str:
    """Return the text of a problem file that the answers describe.

    Args:
        values: of every question.
        voice: language of the comments.
        typical: keys whose value nobody stated: comments say that they are typical ones, and whose.
    """
    return "\n".join(_lines(values, voice, typical)) + "\n"


def _lines(values: Mapping[str, Any], voice: Voice, typical: frozenset[str]) -> Iterator[str]:
    found: UseCase = values["use_case"]
    spent: dict[str, Any] | None = values["budget"]
    currency = spent["currency"] if spent else "JPY" if voice.japanese else "USD"
    yield "# yaml-language-server: $schema=problem.schema.json"
    yield f"# {voice.words('file.schema')}"
    notes, named = found.notes_ja if voice.japanese else found.notes, voice.words(f"case.{found.use_case_id}")
    yield f"# {voice.words('file.case', case=named, notes=notes)}"
    yield f"# {found.source_url} ({found.as_of})"
    yield "schema_version: 1"
    yield f"name: {values['name']}"
    if voice.japanese:
        yield "language: ja"
    yield f"currency: {currency}"
    yield "services:"
    yield f"  - service_id: {found.use_case_id}"
    yield f"    model: {_quoted(values['model'])}{_typical('model', typical, voice)}"
    yield from _promise(values, voice, typical)
    lengths = f"{{isl_tokens: {values['input_tokens']}, osl_tokens: {values['output_tokens']}}}"
    yield f"    workload: [{lengths}]{_typical('input_tokens', typical, voice)}"
    context = max(found.context_tokens, values["input_tokens"] + values["output_tokens"])
    yield f"    context_tokens: {context}"
    yield from _limits(values, voice)


def _promise(values: Mapping[str, Any], voice: Voice, typical: frozenset[str]) -> Iterator[str]:
    found: UseCase = values["use_case"]
    if found.kind == "async":
        yield "    kind: async"
        yield (f"    deadline: {{requests: {values['requests']:g}, start_hour: {found.start_hour:g}, "
               f"end_hour: {found.end_hour:g}}}{_typical('requests', typical, voice)}")
        return
    yield (f"    slo: {{tokens_per_s_per_user: {values['speed']:g}, ttft_ms: {found.ttft_ms:g}}}"
           f"{_typical('speed', typical, voice)}")
    yield "    demand:"
    (key, amount), = values["users"].items()
    yield f"      {key}: {amount:g}{_typical('users', typical, voice)}"
    if key == "daily_active_users":
        for habit in HABITS:
            yield f"      {habit}: {getattr(found, habit):g}  # {voice.words('file.typical')}"


def _limits(values: Mapping[str, Any], voice: Voice) -> Iterator[str]:
    yield "limits:"
    spent = values["budget"]
    if spent:
        yield f"  budget: {{amount: {spent['amount']:g}, currency: {spent['currency']}, per: month}}"
    yield f"  kinds: [{'on_demand, reserved, owned' if values['buy'] else 'on_demand, reserved'}]"
    if values["where"]:
        yield f"  regions: [{', '.join(map(_quoted, values['where']))}]  # {voice.words('file.where')}"
    if values["have"]:
        yield "  at_least: {" + ", ".join(f"{_quoted(k)}: {n}" for k, n in values["have"].items()) + "}"
    if values["spare"]:
        yield "  survive: {nodes: 1}"


def _typical(key: str, typical: frozenset[str], voice: Voice) -> str:
    return f"  # {voice.words('file.typical')}" if key in typical else ""


def _quoted(text: str) -> str:
    """Write a text as YAML reads it back as text."""
    return text if text.replace("-", "").replace(".", "").isalnum() and text[0].isalpha() else json.dumps(
        text, ensure_ascii=False)
