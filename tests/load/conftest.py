"""Everything that a bad-input test may break."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load.workspace import Workspace, write_workspace


@pytest.fixture
def workspace(tmp_path: Path, small_catalog: Path) -> Workspace:
    """A valid problem, own model, catalog and overlay."""
    assert small_catalog == tmp_path / "catalog"
    return write_workspace(tmp_path)
