"""The process that makes a share of the load: so many users, each of whom asks again when the last answer has ended.

`python -m optimizer.loadtest.driver JOB.json NUMBER`: phases come on standard input, events go to standard output, one
JSON a line.
"""

from __future__ import annotations

import gc
import json
import sys
import threading
import time
from collections import deque
from itertools import count
from pathlib import Path
from typing import Any

from optimizer.loadtest.asking import Response, exchange, prompt_bytes, record_of
from optimizer.loadtest.loop import Loop
from optimizer.loadtest.prompts import shared_prompt_of
from optimizer.loadtest.wire import Connection, Steps, target_of

REST_AFTER_ERROR_S = 0.1
"""Users that fail at once would else ask thousands of times a second."""


class Driver:
    """The users of one process.

    An answer is read and the next prompt written while nothing else is to do: a user's next request leaves as soon as
    the last answer has ended, and a server on the same machine is not held up when many answers end together.
    """

    def __init__(self, job: dict[str, Any], number: int) -> None:
        self.job, self.number = job, number
        self.users: int = job["shares"][number]
        self.phase = "warm-up"
        self.target = target_of(job["url"], job["cacert"])
        self.numbers = count()
        self.written: deque[bytes] = deque()
        self.unread: deque[tuple[str, Response]] = deque()
        self.untold: list[dict[str, Any]] = []

    def listen(self) -> None:
        """Take the phase from standard input; the end of the command is the end of the level."""
        for line in sys.stdin:
            self.phase = line.strip()
        self.phase = "over"

    def user(self) -> Steps:
        """Ask, and ask again, until the level is over."""
        connection = Connection(self.target)
        while (part := self.phase) != "over":
            data = self.written.popleft() if self.written else self.write()
            self.untold.append({"started": part})
            response = yield from exchange(connection, data, self.job["timeout_s"])
            self.unread.append((part, response))
            if response.error is not None or response.status != 200:
                yield REST_AFTER_ERROR_S

    def write(self) -> bytes:
        """Write another request."""
        job = self.job
        seed = f"{job['salt']}-{job['users']}-{job['run']}-{self.number}-{next(self.numbers)}"
        prompt = shared_prompt_of(job["words"], job["prefix_cached"], job["salt"], seed)
        return prompt_bytes(self.target, job, prompt, job["osl_tokens"])

    def tidy(self) -> bool:
        """Do one piece of the work that can wait, and say whether there was any."""
        if self.unread:
            part, response = self.unread.popleft()
            facts = {"level": self.job["users"], "run": self.job["run"], "worker": self.number}
            self.untold.append({"request": {**facts, **record_of(response), "part": part}})
        elif self.untold:
            self.tell()
        elif len(self.written) < self.users:
            self.written.append(self.write())
        else:
            return False
        return True

    def tell(self) -> None:
        """Send everything that was noted to the command."""
        events, self.untold = self.untold, []
        sys.stdout.write("".join(json.dumps(event) + "\n" for event in events))
        sys.stdout.flush()

    def run(self) -> None:
        """Run the users, and say at the end what this process itself took."""
        threading.Thread(target=self.listen, daemon=True).start()
        gc.disable()  # a collection stops every user at once; nothing here is garbage in a circle
        for _ in range(self.users):
            self.written.append(self.write())
        wall, steady, cpu = time.time(), time.perf_counter(), time.process_time()
        loop = Loop()
        for _ in range(self.users):
            loop.start(self.user())
        loop.run(until=lambda: self.phase == "over", meanwhile=self.tidy)
        seconds = time.perf_counter() - steady
        self.untold.append({"end": {"wall_s": time.time() - wall, "steady_s": seconds,
                                    "cpu_fraction": (time.process_time() - cpu) / seconds if seconds else 0.0}})
        self.tell()


def main() -> None:
    """Do the job of the file named first."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        Driver(job, int(sys.argv[2])).run()
    except Exception as error:  # the command says it in one line
        sys.stdout.write(json.dumps({"fatal": f"{type(error).__name__}: {error}"}) + "\n")


if __name__ == "__main__":
    main()
