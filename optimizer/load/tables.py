"""Tables from the layers of a catalog, with every fault found on the way."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from optimizer.errors import CatalogError, Fault, InputError
from optimizer.load.csv_files import parse_rows
from optimizer.load.faults import faults_of, shown
from optimizer.load.layers import Layer
from optimizer.load.references import lines_of
from optimizer.load.yaml_files import parse_mapping

Item = TypeVar("Item", bound=BaseModel)

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,119}\Z")

class TableReader:
    """Collects the tables of all layers, and every fault on the way."""

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers
        self.faults: dict[bool, list[Fault]] = {True: [], False: []}
        self.from_overlay: dict[str, set[Any]] = {}
        self.faulty: set[str] = set()
        """Tables with faults: ids that they seem not to have prove nothing."""

    def count(self) -> int:
        """Return the number of faults so far."""
        return sum(map(len, self.faults.values()))

    def mark(self, table: str, before: int) -> None:
        """Remember that a table has faults, when there are more than before it was read."""
        if self.count() > before:
            self.faulty.add(table)

    def text(self, layer: Layer, name: str) -> str | None:
        """Return the text of a file, or None when there is none or it cannot be read."""
        try:
            return layer.text(name)
        except InputError as error:
            self.faults[layer.overlay].extend(error.faults)
            return None

    def mapping(self, layer: Layer, name: str) -> dict[str, Any]:
        """Return a YAML file as a mapping, empty when there is none or it cannot be read."""
        text = self.text(layer, name)
        try:
            return {} if text is None else parse_mapping(text, layer.shown(name))
        except InputError as error:
            self.faults[layer.overlay].extend(error.faults)
            return {}

    def csv_table(self, name: str, table: str, model: type[Item], *columns: str) -> dict[Any, Item]:
        """Read `name` (a file, or every csv of a folder) from all layers into one table, keyed by columns."""
        key = attrgetter(*columns)
        before = self.count()
        merged: dict[Any, Item] = {}
        for layer in self.layers:
            files = [found for found in layer.files if found == name or found.startswith(f"{name}/")]
            seen: dict[Any, str] = {}
            for file in files:
                faults = self.faults[layer.overlay]
                text = self.text(layer, file)
                for row in () if text is None else parse_rows(text, layer.shown(file), model, faults):
                    identity = key(row)
                    if identity in seen:
                        self.note_twice(layer, file, seen[identity], columns, identity)
                    seen[identity] = file
                    merged[identity] = row
            if layer.overlay:
                self.from_overlay.setdefault(table, set()).update(seen)
        self.mark(table, before)
        return merged

    def note_twice(self, layer: Layer, file: str, first: str, columns: tuple[str, ...], identity: Any) -> None:
        """Note an id that stands a second time, with its line."""
        wanted = identity if isinstance(identity, tuple) else (identity,)
        *_, line = lines_of(self.text(layer, file) or "",
            lambda row: tuple(row.get(column) for column in columns) == wanted)
        found = f"{shown(', '.join(wanted))} twice (also in {first})"
        self.faults[layer.overlay].append(Fault(layer.shown(file), f"line {line}.{', '.join(columns)}", found,
            "each id once"))

    def yaml_table(self, name: str, table: str, model: type[Item]) -> dict[str, Item]:
        """Read a YAML mapping id -> facts from all layers."""
        before = self.count()
        merged: dict[str, Item] = {}
        for layer in self.layers:
            data = self.mapping(layer, name)
            for identity, facts in data.items():
                self.check_id(layer, name, identity)
                built = self.build(model, facts, layer, name, identity)
                if built is not None:
                    merged[identity] = built
            if layer.overlay:
                self.from_overlay.setdefault(table, set()).update(data)
        self.mark(table, before)
        return merged

    def check_id(self, layer: Layer, name: str, identity: str, prefix: str = "") -> None:
        """Note an id that is none."""
        if not _ID.match(identity):
            self.faults[layer.overlay].append(Fault(
                layer.shown(name), f"{prefix}{identity}", f"the id {shown(identity)}",
                "lower-case letters, digits, '.', '_' and '-', first a letter or digit, at most 120"))

    def build(self, model: type[Item], facts: Any, layer: Layer, name: str, prefix: str) -> Item | None:
        """Validate one mapping, or note its faults."""
        try:
            return model.model_validate(facts)
        except ValidationError as error:
            self.faults[layer.overlay].extend(faults_of(error, layer.shown(name), model, prefix))
            return None

    def raise_faults(self) -> None:
        """Raise all faults at once: the user's own files as bad input, the catalog's as a broken catalog."""
        if self.faults[True]:
            raise InputError([*self.faults[True], *self.faults[False]])
        if self.faults[False]:
            raise CatalogError(self.faults[False])
