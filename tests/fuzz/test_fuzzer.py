"""Changed files through every reader and command; `GPUMIX_FUZZ` multiplies the number of cases."""

from __future__ import annotations

import os
import random

import pytest

from tests.fuzz.fuzzer import KINDS, fuzz
from tests.fuzz.mutations import CHANGES, changed

MORE = int(os.environ.get("GPUMIX_FUZZ", "1"))


def test_changes_are_those_of_their_seed() -> None:
    data = b'{"a": [1, 2.5], "b": "x"}\n'
    assert changed(data, random.Random("1")) == changed(data, random.Random("1"))
    for change in CHANGES:
        assert len({change(data, random.Random(seed)) for seed in range(20)}) > 3


def test_every_kind_names_files_that_it_has() -> None:
    assert all(set(kind.targets) <= set(kind.files) for kind in KINDS)


def test_some_changed_files_end_in_messages() -> None:
    assert fuzz(25) == []


@pytest.mark.slow
def test_many_changed_files_end_in_messages() -> None:
    assert fuzz(2000 * MORE, seed=2) == []
