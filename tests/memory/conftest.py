"""Fixtures of the memory tests."""

from __future__ import annotations

import pytest

from optimizer.load import Catalog
from tests.memory.parts import Parts


@pytest.fixture
def parts(shipped: Catalog) -> Parts:
    return Parts(shipped)
