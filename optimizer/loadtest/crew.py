"""The processes that make the load of one level, and what they tell."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

ENDS_WITHIN_S = 5.0
"""A process has so long to say what it took before it is ended."""


def shares(users: int, workers: int) -> list[int]:
    """Deal users out to processes as evenly as can be.

    >>> shares(10, 4)
    [3, 3, 2, 2]
    """
    return [users // workers + (number < users % workers) for number in range(workers)]


class Crew:
    """Processes that run users; `next_event` yields what any of them tells."""

    def __init__(self, job: dict[str, Any], workers: int) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="gpumix-loadtest-")
        place = Path(self.folder.name) / "job.json"
        place.write_text(json.dumps({**job, "shares": shares(job["users"], workers)}), encoding="utf-8")
        package = sys.modules[__name__.partition(".")[0]].__file__ or ""
        root = str(Path(package).resolve().parents[1])
        path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
        self.errors = (Path(self.folder.name) / "errors.txt").open("w+", encoding="utf-8")
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-m", "optimizer.loadtest.driver", str(place), str(number)], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=self.errors, text=True, encoding="utf-8",
                env={**os.environ, "PYTHONPATH": path}, start_new_session=True)
            for number in range(workers)]
        for process in self.processes:
            threading.Thread(target=self._listen, args=(process.stdout,), daemon=True).start()

    def _listen(self, lines: IO[str]) -> None:
        for line in lines:
            if line.startswith("{"):
                self.events.put(json.loads(line))
        self.events.put({"gone": True})

    def next_event(self, timeout_s: float) -> dict[str, Any]:
        """Return the next event, an empty one when none comes in time."""
        try:
            return self.events.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            return {}

    def say(self, phase: str) -> None:
        """Tell every process which phase the level is in."""
        for process in self.processes:
            try:
                if process.stdin is not None:
                    process.stdin.write(phase + "\n")
                    process.stdin.flush()
            except OSError:
                pass  # it has ended, and its last words say why

    def ends(self) -> list[dict[str, Any]]:
        """End the level and return what each process says of itself."""
        self.say("over")
        deadline, found, gone = time.perf_counter() + ENDS_WITHIN_S, [], 0
        while gone < len(self.processes) and time.perf_counter() < deadline:
            event = self.next_event(deadline - time.perf_counter())
            found += [event["end"]] if "end" in event else []
            gone += "gone" in event
        return found

    def last_words(self) -> str:
        """Return the last line that a process wrote about an error of its own."""
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        return lines[-1] if lines else "the load process ended without a word"

    def close(self) -> None:
        """End the processes."""
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for stream in (process.stdin, process.stdout):
                try:
                    if stream is not None:
                        stream.close()
                except OSError:
                    pass
        self.errors.close()
        self.folder.cleanup()
