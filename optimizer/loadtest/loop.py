"""Drives many connections at once in one thread, and knows how long it has been busy."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from optimizer.loadtest.wire import Connection, Steps

STEP_S = 0.02
"""How often deadlines and sleepers are looked at."""

MOST_BUSY = 8
"""Other work is done once in so many turns, however much there is to receive."""

IDLE_S = 1e-4
"""A loop that waited longer than this had nothing to do."""


@dataclass(eq=False)
class Task:
    """Steps under way."""

    steps: Steps
    waits: Connection | None = None
    watched: socket.socket | None = None
    mask: int = 0
    result: Any = None


class Loop:
    """Drives many generators at once, in one thread."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.tasks: set[Task] = set()
        self.asleep: list[tuple[float, Task]] = []
        self.busy_since = time.perf_counter()

    def start(self, steps: Steps) -> Task:
        """Take on a generator and drive it up to its first wait."""
        task = Task(steps)
        self.tasks.add(task)
        self._go_on(task, first=True)
        return task

    def _go_on(self, task: Task, error: Exception | None = None, first: bool = False) -> None:
        try:
            wait = (next(task.steps) if first else task.steps.send(self.busy_since) if error is None
                    else task.steps.throw(error))
        except StopIteration as end:
            task.result = end.value
            self.tasks.discard(task)
            self._watch(task, None, 0)
            return
        if isinstance(wait, tuple):
            task.waits, mask = wait
            self._watch(task, task.waits.sock, mask)
        else:
            self._watch(task, None, 0)
            self.asleep.append((time.perf_counter() + wait, task))

    def _watch(self, task: Task, sock: socket.socket | None, mask: int) -> None:
        """Watch the socket that a task waits for, and no other."""
        if sock is task.watched and mask == task.mask:
            return
        if sock is task.watched and sock is not None:
            self.selector.modify(sock, mask, task)
        else:
            if task.watched is not None:
                self.selector.unregister(task.watched)
            if sock is not None:
                self.selector.register(sock, mask, task)
        task.watched, task.mask = sock, mask

    def turn(self, wait_s: float) -> bool:
        """Wait for what happens next and go on with the tasks that it concerns; say whether there were any."""
        before = time.perf_counter()
        ready = self.selector.select(wait_s)
        after = time.perf_counter()
        if not ready or after - before > IDLE_S:
            self.busy_since = after
        for key, _ in ready:
            self._go_on(key.data)
        return bool(ready)

    def look_at_clocks(self) -> None:
        """Wake those who have slept enough, and end what has passed its deadline."""
        now = time.perf_counter()
        awake = [task for until, task in self.asleep if until <= now]
        if awake:
            self.asleep = [one for one in self.asleep if one[0] > now]
        for task in awake:
            self._go_on(task)
        for task in [task for task in self.tasks if task.watched and task.waits and task.waits.deadline < now]:
            self._go_on(task, TimeoutError())

    def run(self, until: Callable[[], bool] = lambda: False, meanwhile: Callable[[], bool] = lambda: False) -> None:
        """Go on until no task is left, or until a condition holds.

        Args:
            until: the condition.
            meanwhile: called when nothing else is to do; does a piece of other work and says whether there was any.
        """
        looked, idle = time.perf_counter(), False
        for turn in count():
            if not self.tasks or until():
                return
            busy = self.turn(STEP_S if idle else 0.0)
            idle = not ((not busy or turn % MOST_BUSY == 0) and meanwhile()) and not busy
            if time.perf_counter() - looked > STEP_S:
                looked = time.perf_counter()
                self.look_at_clocks()


def alone(steps: Steps) -> Any:
    """Drive one generator to its end and return what it returns."""
    loop = Loop()
    task = loop.start(steps)
    loop.run()
    return task.result
