"""YAML from text: no duplicate keys, no aliases that explode, lists as tuples."""

from __future__ import annotations

import re
from typing import Any

import yaml

from optimizer.errors import Fault, InputError

try:
    from yaml import CSafeLoader as _Base
except ImportError:  # pragma: no cover - PyYAML built without libyaml
    from yaml import SafeLoader as _Base  # type: ignore[assignment]

DEEPEST = 40
"""Nesting beyond this is no file of ours."""


class _Loader(_Base):
    """A safe loader that refuses what strict files must not hold."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse aliases and bottomless nesting before anything is built."""
        if self.check_event(yaml.AliasEvent):
            event = self.get_event()
            raise yaml.MarkedYAMLError(problem="an alias (*name)", problem_mark=event.start_mark)
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.MarkedYAMLError(problem=f"more than {DEEPEST} levels", problem_mark=self.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[str, Any]:
    """Build a mapping with text keys, each once."""
    built: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
        if key is None:
            raise yaml.MarkedYAMLError(problem="a key that is no plain text", problem_mark=key_node.start_mark)
        if key in built:
            raise yaml.MarkedYAMLError(problem=f"the key '{key}' twice", problem_mark=key_node.start_mark)
        built[key] = loader.construct_object(value_node, deep=True)
    return built


def _integer(loader: Any, node: yaml.ScalarNode) -> Any:
    """Build an integer of a bounded number of digits; longer ones are no quantity of ours."""
    if len(node.value) > 400:
        raise yaml.MarkedYAMLError(problem=f"a number of {len(node.value)} digits", problem_mark=node.start_mark)
    return loader.construct_yaml_int(node)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor(
    "tag:yaml.org,2002:seq", lambda loader, node: tuple(loader.construct_object(child, deep=True) for child in node.value)
)
_Loader.add_implicit_resolver(  # YAML 1.1 reads 1e3 as text; people mean a number
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def parse_yaml(text: str, label: str) -> Any:
    """Parse one YAML document.

    Raises:
        InputError: the text is not one YAML document of plain mappings, lists and scalars.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - derived from the safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        found = error.problem or "text that YAML cannot read"
        raise InputError([Fault(label, place, found, "one YAML mapping, each key once, no aliases")]) from None
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        found = (str(error).splitlines() or ["text that YAML cannot read"])[0]
        raise InputError([Fault(label, "", found, "one YAML mapping, each key once, no aliases")]) from None


def parse_mapping(text: str, label: str) -> dict[str, Any]:
    """Parse a YAML document that must be a mapping.

    Raises:
        InputError: it is something else.
    """
    data = parse_yaml(text, label)
    if not isinstance(data, dict):
        found = "an empty file" if data is None else f"a {type(data).__name__}"
        raise InputError([Fault(label, "", found, "a YAML mapping of keys to values")])
    return data
