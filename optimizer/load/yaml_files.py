"""YAML from text: no key twice, no aliases, no numbers that mean something else than they look, lists as tuples."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import yaml

from optimizer.errors import Fault, InputError
from optimizer.load.faults import shown
from optimizer.load.text import LONGEST_INTEGER, control_fault, control_in

try:
    from yaml import CSafeLoader as _Base
except ImportError:  # pragma: no cover - PyYAML built without libyaml
    from yaml import SafeLoader as _Base  # type: ignore[assignment]

DEEPEST = 40
"""Nesting beyond this is no file of ours."""

DEEP_TEXT = 4000
"""Brackets and columns up to this cannot nest deeper than PyYAML's recursive composer bears: some 20,000 levels."""

LONGEST_TEXT = 8 * 2**20
"""Characters of a YAML file: the parser takes some hundred bytes for each."""

DECIMAL = f"a decimal integer of at most {LONGEST_INTEGER} digits, no leading zero, no colon; text in quotes"
DOCUMENT = "one YAML mapping, each key once, no aliases"


class _Loader(_Base):
    """Composes the nodes; the values are built here, so that every fault has its line."""


_Loader.add_implicit_resolver(  # YAML 1.1 reads 1e3 as text; people mean a number
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)

_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9_]*)\Z")
_TRUE, _FALSE = frozenset({"yes", "true", "on"}), frozenset({"no", "false", "off"})


def _integer(text: str) -> int:
    """Read a decimal integer: YAML 1.1 takes 010 for eight and 22:00 for 1,320."""
    if len(text) > LONGEST_INTEGER or not _DECIMAL.match(text):
        raise ValueError(text)
    return int(text)


def _real(text: str) -> float:
    number = text.replace("_", "").lower()
    return float(number.replace(".inf", "inf").replace(".nan", "nan"))


def _truth(text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise ValueError(text)
    return text.lower() in _TRUE


def _day(text: str) -> date | str:
    """Read a date; anything else that looks like a time stays text."""
    return date.fromisoformat(text) if len(text) == len("2026-08-21") else text


_PREFIX = "tag:yaml.org,2002:"
_SCALARS: dict[str, tuple[Callable[[str], Any], str]] = {
    f"{_PREFIX}str": (str, "text"),
    f"{_PREFIX}merge": (str, "text"),
    f"{_PREFIX}value": (str, "text"),
    f"{_PREFIX}int": (_integer, DECIMAL),
    f"{_PREFIX}float": (_real, "a decimal number, no colon; text in quotes"),
    f"{_PREFIX}bool": (_truth, "true or false"),
    f"{_PREFIX}null": (lambda _: None, "nothing"),
    f"{_PREFIX}timestamp": (_day, "a date of the calendar as 2026-08-21; text in quotes"),
}


class _Builder:
    """Builds plain values from nodes and collects every fault on the way."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.faults: list[Fault] = []
        self.aliased = False
        self._seen: set[int] = set()

    def fault(self, node: yaml.Node, found: str, allowed: str) -> None:
        """Note a fault at a node."""
        self.faults.append(Fault(self.label, _place(node.start_mark), found, allowed))

    def build(self, node: yaml.Node, depth: int = 1) -> Any:
        """Build the value of a node."""
        if id(node) in self._seen:
            self.aliased = True
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        if depth > DEEPEST:
            self.faults.append(_too_deep(node.start_mark, self.label))
        elif isinstance(node, yaml.MappingNode) and node.tag == f"{_PREFIX}map":
            return self.mapping(node, depth)
        elif isinstance(node, yaml.SequenceNode) and node.tag == f"{_PREFIX}seq":
            return tuple([self.build(child, depth + 1) for child in node.value])
        else:
            self.fault(node, _tag(node), "plain mappings, lists, numbers and text")
        return None

    def mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        """Build a mapping with text keys, each once."""
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or control_in(key_node.value) is not None:
                self.fault(key_node, "a key that is no plain text", "text as key")
                continue
            if key_node.value in built:
                self.fault(key_node, f"the key {shown(key_node.value)} twice", "each key once")
            built[key_node.value] = self.build(value_node, depth + 1)
        return built

    def scalar(self, node: yaml.ScalarNode) -> Any:
        """Build a number, text, date, truth value or nothing."""
        read, allowed = _SCALARS.get(node.tag, (None, ""))
        if read is None:
            self.fault(node, _tag(node), "plain mappings, lists, numbers and text")
            return None
        control = control_in(node.value)
        if control is not None:
            self.faults.append(control_fault(self.label, _place(node.start_mark), control))
            return None
        try:
            return read(node.value)
        except ValueError:
            self.fault(node, shown(node.value), allowed)
            return None


def _tag(node: yaml.Node) -> str:
    return f"the tag {shown(node.tag.replace(_PREFIX, '!!'))}"


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _too_deep(mark: Any, label: str) -> Fault:
    return Fault(label, _place(mark), f"more than {DEEPEST} levels of nesting", f"at most {DEEPEST}")


def _syntax_fault(error: yaml.YAMLError, text: str, label: str) -> Fault:
    """Say where the text stops being YAML."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        found = (error.problem or "text that YAML cannot read").removeprefix("but ").removeprefix("found ")
        lines = text.split("\n")
        at = lines[mark.line][mark.column : mark.column + 1] if mark and mark.line < len(lines) else ""
        if found == "character that cannot start any token":
            found = "a tab where YAML wants blanks" if at == "\t" else f"the character {shown(at)} unquoted at a start"
        return Fault(label, _place(mark), found, DOCUMENT)
    position = getattr(error, "position", None)
    if isinstance(position, int):
        line = text.encode("utf-8", "replace")[:position].count(b"\n") + 1
        found = f"the control character #x{getattr(error, 'character', 0):02x}"
        return Fault(label, f"line {line}", found, "printable text")
    return Fault(label, "", (str(error).splitlines() or ["text that YAML cannot read"])[0], DOCUMENT)


def _could_be_deep(text: str) -> bool:
    """Say whether the nesting may exceed what a recursive parser bears: a level takes a bracket or a column."""
    return text.count("[") + text.count("{") + max(map(len, text.split("\n"))) > DEEP_TEXT


def _refuse_depth(text: str, label: str) -> None:
    """Follow the nesting without recursion, and stop where it is too deep.

    The events come from PyYAML's parser in Python: libyaml's reads ahead, and since PyYAML 6.0.4 it ends at a depth
    of its own, before the first event that would show ours.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise InputError([_too_deep(event.start_mark, label)])
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _fault_of(error: yaml.YAMLError, text: str, label: str) -> Fault:
    """Say why a text is refused: its depth where that comes before the fault that the library saw."""
    try:
        _refuse_depth(text, label)
    except InputError as deep:
        return deep.faults[0]
    except yaml.YAMLError:
        pass  # the fault comes first
    return _syntax_fault(error, text, label)


def _alias_faults(text: str, label: str) -> list[Fault]:
    """Find where anchors are used again."""
    return [
        Fault(label, _place(event.start_mark), f"the alias *{event.anchor}", "each value written out")
        for event in yaml.parse(text, Loader=_Loader) if isinstance(event, yaml.AliasEvent)
    ]


def parse_yaml(text: str, label: str) -> Any:
    """Parse one YAML document.

    Raises:
        InputError: the text is not one YAML document of plain mappings, lists and scalars; with every fault found.
    """
    builder = _Builder(label)
    if len(text) > LONGEST_TEXT:
        raise InputError([Fault(label, "", f"{len(text):,} characters", f"at most {LONGEST_TEXT:,}")])
    try:
        if _could_be_deep(text):
            _refuse_depth(text, label)
        node = _Loader(text).get_single_node()
        data = None if node is None else builder.build(node)
        if builder.aliased:
            builder.faults += _alias_faults(text, label)
    except yaml.YAMLError as error:
        raise InputError([_fault_of(error, text, label)]) from None
    except UnicodeEncodeError:  # half of a surrogate pair, from a command line
        raise InputError([Fault(label, "", "text that is not Unicode", "UTF-8 text")]) from None
    if builder.faults:
        raise InputError(builder.faults)
    return data


def fresh(value: Any) -> Any:
    """Return a copy of what was parsed, mappings and lists its own."""
    if isinstance(value, dict):
        return {key: fresh(inner) for key, inner in value.items()}
    return type(value)(map(fresh, value)) if isinstance(value, list | tuple) else value


def parse_mapping(text: str, label: str) -> dict[str, Any]:
    """Parse a YAML document that must be a mapping.

    Raises:
        InputError: it is something else.
    """
    data = parse_yaml(text, label)
    if not isinstance(data, dict):
        found = "an empty file" if data is None else shown(data)
        raise InputError([Fault(label, "", found, "a YAML mapping of keys to values")])
    return data
