"""Everything that a bad-input test may break."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.load.bad_input")

from tests.load.workspace import Workspace, write_workspace  # noqa: E402


@pytest.fixture
def workspace(tmp_path: Path, small_catalog: Path) -> Workspace:
    """A valid problem, own model, catalog and overlay."""
    assert small_catalog == tmp_path / "catalog"
    return write_workspace(tmp_path)
