"""The gallery: what `gpumix solve` says of each shipped problem, written by `python -m tests.docs`."""

from __future__ import annotations

import re

from optimizer.answer import answer
from optimizer.commands.options import plain
from optimizer.commands.planning import screen
from optimizer.load import load_problem
from optimizer.load.inputs import load_facts
from optimizer.load.problem import shipped_problem_names
from optimizer.solve import SolveSettings
from tests.docs.pages import written

PAGE = "gallery/problems.md"

QUARTERS = frozenset({"tokyo-three-year-budget"})
"""Answered over quarters by a longer report."""


def shown_problems() -> list[str]:
    """List the problems of the gallery."""
    return [name for name in shipped_problem_names() if name not in QUARTERS]


def screen_of(name: str) -> str:
    """Return the first screen of a shipped problem."""
    loaded, catalog = load_facts(load_problem(name), None, [])
    plan = answer(loaded, catalog, SolveSettings(), brief=True)
    return plain(screen(plan, loaded, catalog, loaded.problem.language or "en"))


def section(name: str) -> str:
    """Return a problem's part of the page."""
    description = re.sub(r"\s+", " ", load_problem(name).problem.description)
    return f"## {name}\n\n{description}\n\n```sh\ngpumix solve {name}\n```\n\n```text\n{screen_of(name)}```\n"


def gallery_page() -> str:
    """Return the page: every problem with its description, command and first screen."""
    lead = ("# The shipped problems\n\nEach problem with its command and its first screen.\n"
            "`gpumix problems copy NAME` copies one, to start from.\n\n")
    return written(lead + "\n".join(map(section, shown_problems())))
