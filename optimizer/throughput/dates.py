"""When software was measured: the age of a row against the version that is deployed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from optimizer.schema.catalog import Engine, ThroughputPoint

Releases = dict[str, dict[str, float]]
"""Engine -> version -> year."""

DAYS, MONTHS = 365.25, 12


def year_of(day: str) -> float:
    """Return a day, month or year as a number of years; of a month or year the middle.

    >>> year_of("2026"), round(year_of("2026-04"), 3), round(year_of("2026-04-16"), 3)
    (2026.5, 2026.292, 2026.292)
    """
    year, month, date = (*day.split("-"), "", "")[:3]
    if not month:
        return int(year) + 0.5
    within = (int(date) - 0.5) * MONTHS / DAYS if date else 0.5
    return int(year) + (int(month) - 1 + within) / MONTHS


def releases_of(points: Iterable[ThroughputPoint]) -> Releases:
    """Return when each version of each engine was first measured."""
    found: Releases = {}
    for point in points:
        if point.engine_version:
            versions, year = found.setdefault(point.engine_id, {}), round(year_of(point.as_of), 3)
            versions[point.engine_version] = min(versions.get(point.engine_version, year), year)
    return {engine: dict(sorted(versions.items())) for engine, versions in sorted(found.items())}


def measured_year(point: ThroughputPoint, releases: Mapping[str, Mapping[str, float]]) -> float:
    """Return how new a row's software was: when its version was first measured, or else when the row was."""
    year = year_of(point.as_of)
    return min(year, releases.get(point.engine_id, {}).get(point.engine_version, year))


def deployed_years(
    engines: Mapping[str, Engine], releases: Releases, points: Iterable[ThroughputPoint]
) -> dict[str, float]:
    """Return when the version of each engine that its facts name was first measured, or else its newest row."""
    newest: dict[str, float] = {}
    for point in points:
        newest[point.engine_id] = max(newest.get(point.engine_id, 0.0), measured_year(point, releases))
    found = {}
    for engine_id, engine in engines.items():
        series = [year for version, year in releases.get(engine_id, {}).items()
                  if version == engine.version or version.startswith((f"{engine.version}.", f"{engine.version}rc"))]
        if series or engine_id in newest:
            found[engine_id] = round(max(series) if series else newest[engine_id], 3)
    return found
