"""A planning problem in Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

    from gpumix.results import Comparison, Explanation, Frontier, Plan
    from optimizer.load import Catalog, LoadedProblem
    from optimizer.solve import SolveSettings

Axis = Literal["speed", "users", "losses", "ttft"]


def load(
    problem: str | Path, *, set: Mapping[str, Any] | None = None, overlay: str | Path | Sequence[str | Path] = (),
    catalog: str | Path | None = None,
) -> Problem:
    """Read a problem file, or a shipped problem by its name.

    Args:
        problem: path of a YAML file, or the name of a shipped problem such as `helpdesk-llama3-8b`.
        set: keys to override, dotted: `{"services.0.slo.grade": "B"}`.
        overlay: folders with own catalog rows, laid over the catalog in this order.
        catalog: a folder in place of the shipped catalog; default GPUMIX_CATALOG where that is set.

    Raises:
        InputError: the file has faults; the error names all of them.
    """
    from optimizer.load import load_problem

    return Problem._of(load_problem(str(problem), _overrides(set or {})), overlay, catalog)


class Problem:
    """A planning question: services with their promises and demand, limits, own figures.

    The keys are those of a problem file; docs/reference/problem-file.md lists them.

    >>> problem = Problem(
    ...     name="desk", limits={"kinds": ["on_demand"]},
    ...     services=[{"service_id": "chat", "model": "llama-3-8b-instruct", "slo": {"tokens_per_s_per_user": 25},
    ...                "workload": [{"isl_tokens": 512, "osl_tokens": 256}], "demand": {"peak_concurrency": 40}}])
    >>> problem.name
    'desk'
    """

    _loaded: LoadedProblem
    _overlays: tuple[Path, ...]
    _catalog_dir: Path | None

    def __init__(
        self, *, overlay: str | Path | Sequence[str | Path] = (), catalog: str | Path | None = None, **keys: Any,
    ) -> None:
        """State a problem by its keys.

        Args:
            overlay: folders with own catalog rows, laid over the catalog in this order.
            catalog: a folder in place of the shipped catalog.
            keys: keys of a problem file; `schema_version` may be left out.

        Raises:
            InputError: keys are missing, unknown or wrong; the error names all of them.
        """
        self._take(_parsed({"schema_version": 1, **keys}), overlay, catalog)

    @classmethod
    def _of(
        cls, loaded: LoadedProblem, overlay: str | Path | Sequence[str | Path], catalog: str | Path | None,
    ) -> Problem:
        problem = cls.__new__(cls)
        problem._take(loaded, overlay, catalog)
        return problem

    def _take(
        self, loaded: LoadedProblem, overlay: str | Path | Sequence[str | Path], catalog: str | Path | None,
    ) -> None:
        folders = [overlay] if isinstance(overlay, str | Path) else overlay
        named = os.environ.get("GPUMIX_CATALOG") if catalog is None else catalog
        self._loaded, self._overlays = loaded, tuple(map(Path, folders))
        self._catalog_dir = Path(named) if named else None

    @property
    def name(self) -> str:
        """Name of the question."""
        return self._loaded.problem.name

    def with_values(self, values: Mapping[str, Any]) -> Problem:
        """Return the problem with some keys set anew.

        Args:
            values: dotted keys, as `gpumix solve --set` takes them: `{"services.0.demand.peak_concurrency": 80}`.

        Raises:
            InputError: a key does not exist, or a value is wrong.
        """
        return Problem._of(_parsed(self.to_dict(), _overrides(values)), self._overlays, self._catalog_dir)

    def solve(self, *, time_limit_s: float | None = None, deterministic_limit: float | None = None) -> Plan:
        """Return the proven cheapest plan.

        Args:
            time_limit_s: stop after so many seconds with the best plan so far.
            deterministic_limit: the same in the solver's own time, with the same answer on every machine.

        Raises:
            InputError: the problem names something that the catalog does not have, or a limit is wrong.
        """
        from gpumix.results import Plan
        from optimizer.answer import answer

        return Plan(answer(*self._inputs(), _settings(time_limit_s, deterministic_limit)))

    def pareto(
        self, against: Axis = "speed", *, low: float | None = None, high: float | None = None,
        service_id: str | None = None, time_limit_s: float | None = None,
    ) -> Frontier:
        """Return every plan that no other beats in both cost and a promise.

        Args:
            against: `speed` in tokens/s of one user, `users` in the demand's unit, `losses` in nodes, `ttft` in ms.
            low: where the range starts.
            high: where it ends.
            service_id: whose promise; default the first interactive service.
            time_limit_s: for each solve.

        Raises:
            InputError: the range is empty, or the problem has no such service or promise.
        """
        from gpumix.results import Frontier
        from optimizer.frontier import trace_frontier

        settings = _settings(time_limit_s, None)
        return Frontier(trace_frontier(*self._inputs(), settings, against, low, high, service_id), settings)

    def compare(self, *, time_limit_s: float | None = None) -> Comparison:
        """Return rent, own, or both, and each provider alone, with when owning pays back."""
        from gpumix.results import Comparison
        from optimizer.compare import compare

        return Comparison(compare(*self._inputs(), _settings(time_limit_s, None)))

    def explain(
        self, *, alternatives: int = 5, within: float = 0.1, tests: bool = False, time_limit_s: float | None = None,
    ) -> Explanation:
        """Return why the others lost, what binds and what else there is; or the least change that gives a plan.

        Args:
            alternatives: how many next best plans of another structure to look for.
            within: how much dearer they may be, as a fraction of the cost.
            tests: also look for the measurements that would change the plan.
            time_limit_s: for each solve.

        Raises:
            InputError: an option is out of range, or the problem states a demand by the hour.
        """
        from gpumix.results import Explanation
        from optimizer.explain.explanation import explain

        settings = _settings(time_limit_s, None)
        return Explanation(explain(*self._inputs(), settings, alternatives, within, tests))

    def to_dict(self) -> dict[str, Any]:
        """Return the problem as plain data: the keys that were stated."""
        found: dict[str, Any] = self._loaded.problem.model_dump(mode="json", exclude_unset=True)
        return found

    def to_yaml(self) -> str:
        """Return the problem as the text of a problem file."""
        return _yaml(self.to_dict())

    def to_frame(self) -> pd.DataFrame:
        """Return the services as a table: model, promise, requests and demand."""
        import pandas as pd

        return pd.json_normalize(self.to_dict()["services"])

    def _inputs(self) -> tuple[LoadedProblem, Catalog]:
        from optimizer.load.inputs import load_facts

        of_environment = [Path(part) for part in os.environ.get("GPUMIX_OVERLAY", "").split(os.pathsep) if part]
        return load_facts(self._loaded, self._catalog_dir, [*of_environment, *self._overlays])

    def __repr__(self) -> str:
        """Return the problem in one line."""
        return f"Problem(name={self.name!r}, services={[s.service_id for s in self._loaded.problem.services]})"

    def _repr_html_(self) -> str:
        import html

        return f"<p><b>{html.escape(self.name)}</b></p>{self.to_frame().to_html(index=False, border=0)}"


def _yaml(data: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=120)


def _parsed(data: Mapping[str, Any], overrides: tuple[str, ...] = ()) -> LoadedProblem:
    import json

    from optimizer.load.problem import parse_problem

    return parse_problem(json.dumps(data, default=str), f"Problem {data.get('name', '')}".strip(), overrides)


def _overrides(values: Mapping[str, Any]) -> tuple[str, ...]:
    import json

    return tuple(f"{key}={json.dumps(value, default=str)}" for key, value in values.items())


def _settings(time_limit_s: float | None, deterministic_limit: float | None) -> SolveSettings:
    from optimizer.solve.prove import checked_settings

    return checked_settings(("time_limit_s", time_limit_s), ("deterministic_limit", deterministic_limit))
