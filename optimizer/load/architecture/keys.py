"""The keys of one section of a config: read with limits, with defaults, and with a note of which were read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load.faults import shown

MOST_LAYERS, LARGEST = 10_000, 10**9
"""No model has more layers, and no other number of a config.json that matters here exceeds the second."""


class Keys:
    """One section. Every fault is noted, and `check` raises all of them at once."""

    def __init__(self, data: Mapping[str, Any], label: str, prefix: str = "", parent: Keys | None = None) -> None:
        self.data, self.label, self.prefix = data, label, prefix
        self.faults: list[Fault] = parent.faults if parent else []
        self.read: set[str] = set()
        self.assumed: set[str] = set()
        """Keys that the section leaves out, so that the class's default was taken."""

    def get(self, *names: str) -> Any:
        """Return the first value that is there and not null."""
        self.read.update(names)
        return next((self.data[name] for name in names if self.data.get(name) is not None), None)

    def refuse(self, name: str, allowed: str, found: Any = None) -> None:
        """Note a value that cannot be taken."""
        value = self.data.get(name) if found is None else found
        self.faults.append(Fault(self.label, self.prefix + name, "nothing" if value is None else shown(value), allowed))

    def whole(self, *names: str, default: int | None = None, least: int = 1, most: int = LARGEST) -> int:
        """Read a whole number, or a list in which all numbers are equal."""
        value, name = self.get(*names), next((one for one in names if self.data.get(one) is not None), names[0])
        if isinstance(value, list | tuple) and value and all(one == value[0] for one in value):
            value = value[0]
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.refuse(name, f"a whole number from {least} to {most:,}")
            return max(1, least)
        return value

    def layered(self, *names: str, layers: int, default: int | None = None, least: int = 0) -> list[int]:
        """Read one whole number for all layers, or a list with one for each."""
        value = self.get(*names)
        name = next((one for one in names if self.data.get(one) is not None), names[0])
        if not isinstance(value, list | tuple):
            return [self.whole(*names, default=default, least=least)] * layers
        whole = all(isinstance(one, int) and not isinstance(one, bool) and least <= one <= LARGEST for one in value)
        if len(value) != layers or not whole:
            self.refuse(name, f"a whole number, or a list of {layers} of them")
            return [max(1, least)] * layers
        return list(value)

    def number(self, name: str, default: float) -> float:
        """Read a positive number."""
        value = self.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < LARGEST:
            self.refuse(name, "a number above 0")
            return default
        return float(value)

    def flag(self, *names: str, default: bool = False) -> bool:
        """Read true or false."""
        value = self.get(*names)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.refuse(names[0], "true or false")
        return bool(value)

    def words(self, name: str, layers: int) -> list[str] | None:
        """Read a list with one word for each layer, None where it is left out."""
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, list | tuple) or len(value) < layers or not all(isinstance(one, str) for one in value):
            self.refuse(name, f"a list of {layers} layers, each by its kind")
            return None
        return list(value[:layers])

    def numbers(self, name: str) -> list[int] | None:
        """Read a list of whole numbers, None where it is left out."""
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, list | tuple) or not all(
                isinstance(one, int) and not isinstance(one, bool) and abs(one) <= LARGEST for one in value):
            self.refuse(name, "a list of whole numbers")
            return None
        return list(value)

    def word(self, *names: str) -> str:
        """Read a word, "" where it is left out."""
        value = self.get(*names)
        return value if isinstance(value, str) else ""

    def section(self, name: str) -> Keys:
        """Return a section inside this one, empty where it is left out."""
        value = self.get(name)
        if value is not None and not isinstance(value, dict):
            self.refuse(name, "a JSON object")
        return Keys(value if isinstance(value, dict) else {}, self.label, f"{self.prefix}{name}.", parent=self)

    def has(self, name: str) -> bool:
        """Say whether a key is there with a value."""
        return self.data.get(name) is not None

    def check(self) -> None:
        """Raise all faults found so far.

        Raises:
            InputError: with every fault.
        """
        if self.faults:
            raise InputError(tuple(dict.fromkeys(self.faults)))
