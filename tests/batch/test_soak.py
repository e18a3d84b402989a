"""A long batch: memory stays flat, in the command and in its workers; `GPUMIX_SOAK` multiplies the variants."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pytest

from tests.batch.conftest import PEAK
from tests.cli.conftest import ROOT, desk, no_settings

__all__ = ["desk", "no_settings"]

VARIANTS = 4000 * int(os.environ.get("GPUMIX_SOAK", "1"))
"""Of them the first half is left out of the comparison: until then caches fill."""


def tree_of(pid: int) -> list[int]:
    """List a process and all below it."""
    found = [pid]
    for one in found:
        try:
            found += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
        except OSError:
            continue
    return found


def resident_kib(pid: int) -> int:
    """Return the memory of a process and all below it that is its own."""
    total = 0
    for one in tree_of(pid):
        try:
            lines = Path(f"/proc/{one}/status").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
    return total


def done(ledger: Path) -> int:
    """Count the outcomes that are written."""
    import sqlite3

    if not ledger.exists():
        return 0
    try:
        connection = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=5)
        (count,) = connection.execute("SELECT COUNT(*) FROM outcomes").fetchone()
        connection.close()
    except sqlite3.Error:
        return 0
    return int(count)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_stays_flat_over_a_long_batch(desk: Path, small_catalog: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-c", "import cli; cli.main()", "batch", str(desk), "--out", str(out), "--workers", "1",
               "--catalog", str(small_catalog), "--set", f"{PEAK}=1:{VARIANTS // 4}:1",
               "--set", "services.0.headroom_fraction=0,0.1,0.2,0.3"]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL) as running:
        seen: list[tuple[int, int]] = []
        while running.poll() is None:
            seen.append((done(out / "ledger.sqlite"), resident_kib(running.pid)))
            time.sleep(0.2)
        assert running.stdout is not None
        said = running.stdout.read()
    assert running.returncode == 0
    assert said.startswith(f"{VARIANTS:,} variants: {VARIANTS:,} optimal")
    middle = [kib for count, kib in seen if VARIANTS * 0.4 <= count < VARIANTS * 0.6]
    end = [kib for count, kib in seen if VARIANTS * 0.8 <= count < VARIANTS]
    assert len(middle) >= 3
    assert len(end) >= 3
    assert median(end) < 1.1 * median(middle)
