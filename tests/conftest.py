"""Facts that many tests start from: the shipped catalog, and a small one that fits on a page."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from optimizer.load import Catalog, load_catalog

DATA = Path(__file__).parent / "data"

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell starts what runs behind it so; its children inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=False)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def shipped() -> Catalog:
    """The whole shipped catalog."""
    return load_catalog()


@pytest.fixture
def small_catalog(tmp_path: Path) -> Path:
    """A folder with the small catalog of `tests/data`, free to be changed."""
    folder = tmp_path / "catalog"
    shutil.copytree(DATA / "small_catalog", folder)
    return folder
