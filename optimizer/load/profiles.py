"""Demand by the hour from a CSV file: a row for each hour, or a trace that is counted into hours."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from optimizer.errors import Fault, InputError
from optimizer.load.csv_files import first_faults
from optimizer.load.faults import faults_of, shown
from optimizer.load.paths import named_file
from optimizer.load.text import decode, read_bytes
from optimizer.schema.problem.demand import PROFILE_HOURS, ProfileFile

VALUES: dict[str, tuple[str, float]] = {
    "fraction": ("profile", 1.0), "share": ("profile", 1.0), "fraction_of_peak": ("profile", 1.0),
    "concurrency": ("hourly_concurrency", 1.0), "requests_in_flight": ("hourly_concurrency", 1.0),
    "requests_per_s": ("hourly_rps", 1.0), "rps": ("hourly_rps", 1.0), "requests": ("hourly_rps", 3600.0),
}
"""Column of a file with a row for each hour -> (key of a demand, what its numbers are divided by)."""

WAYS = ("peak_concurrency", "peak_rps", "daily_active_users", "hourly_concurrency", "hourly_rps")


class Hourly(NamedTuple):
    """What a file gives."""

    key: str
    """Of a demand: profile, hourly_concurrency or hourly_rps."""
    values: list[float] | list[int]


def read_profiles(data: dict[str, Any], base: Path, label: str, outside: Callable[[str], bool]) -> list[Fault]:
    """Put the numbers of each file that a `demand.profile` names in its place; return what is wrong with the files.

    Args:
        data: a parsed problem file, which is changed.
        base: the folder of the problem file.
        label: how faults name it.
        outside: key -> whether the file that it names may lie outside the folder of the problem.
    """
    faults: list[Fault] = []
    services = data.get("services")
    for index, service in enumerate(services if isinstance(services, list | tuple) else ()):
        demand = service.get("demand") if isinstance(service, dict) else None
        if not isinstance(demand, dict) or not isinstance(demand.get("profile"), str | dict):
            continue
        key = f"services.{index}.demand.profile"
        try:
            found = _read(demand.pop("profile"), base, label, key, outside(key))
        except InputError as error:
            faults += error.faults
            found = Hourly("profile" if any(way in demand for way in WAYS) else "hourly_rps", [1.0] * 24)
        if found.key in demand:
            faults.append(Fault(label, key, f"a file beside {found.key}", "one of them"))
        demand[found.key] = found.values
    return faults


def _read(stated: Any, base: Path, label: str, key: str, outside: bool) -> Hourly:
    """Read one file.

    Raises:
        InputError: with its faults.
    """
    try:
        asked = ProfileFile.model_validate({"file": stated} if isinstance(stated, str) else stated)
    except ValidationError as error:
        raise InputError(faults_of(error, label, ProfileFile, key)) from None
    allowed = "24 or 168 numbers, or a CSV file beside the problem or seen from here"
    path = named_file(asked.file, base, (label, key), allowed, outside)
    header = _header_of(path, asked.file)
    if "hour" in header:
        return _by_the_hour(decode(read_bytes(path, asked.file), asked.file), header, asked.file)
    return _counted(path, header, asked, (label, key))


def _header_of(path: Path, label: str) -> list[str]:
    """Return the names of the columns of a file, whatever form it has."""
    from optimizer.load.trace.source import source_of

    with source_of(path, label) as source:
        return [name.strip().lower() for name in source.header]


def _by_the_hour(text: str, header: list[str], label: str) -> Hourly:
    """Read a row for each hour."""
    named = [name for name in header if name in VALUES]
    if len(named) != 1:
        found = f"the columns {', '.join(header)}"
        raise InputError([Fault(label, "line 1", found, f"hour, and one of {', '.join(VALUES)}")])
    (key, per), faults = VALUES[named[0]], list[Fault]()
    values: dict[int, float] = {}
    reader = csv.reader(io.StringIO(text, newline=""))
    next(reader)
    try:
        for cells in reader:
            line = f"line {reader.line_num}"
            if not cells:
                continue
            if len(cells) != len(header):
                faults.append(Fault(label, line, f"{len(cells)} cells", f"{len(header)}, as in the header"))
                continue
            row = dict(zip(header, cells, strict=True))
            hour, value = _number(row["hour"]), _number(row[named[0]])
            if hour is None or hour != int(hour) or int(hour) >= max(PROFILE_HOURS):
                faults.append(Fault(label, f"{line}, hour", shown(row["hour"]), "a whole hour up to 23, or up to 167"))
            elif int(hour) in values:
                faults.append(Fault(label, f"{line}, hour", f"{int(hour)} a second time", "each hour once"))
            elif value is None:
                faults.append(Fault(label, f"{line}, {named[0]}", shown(row[named[0]]), "a number from 0"))
                values[int(hour)] = 0.0
            else:
                values[int(hour)] = value / per
    except csv.Error as error:
        faults.append(Fault(label, f"line {reader.line_num}", f"text that CSV cannot read ({error})", "CSV"))
    if not faults and sorted(values) not in [list(range(hours)) for hours in PROFILE_HOURS]:
        faults.append(Fault(label, "hour", f"{len(values)} hours", "each hour from 0 to 23, or from 0 to 167, once"))
    if faults:
        raise InputError(first_faults(faults, label))
    listed = [values[hour] for hour in sorted(values)]
    return Hourly(key, [math.ceil(value) for value in listed] if key == "hourly_concurrency" else listed)


def _number(text: str) -> float | None:
    """Read a finite number from 0, None where there is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _counted(path: Path, header: list[str], asked: ProfileFile, named_by: tuple[str, str]) -> Hourly:
    """Count a trace into hours: requests a second, the mean over the days that it covers, or the busiest of them.

    Raises:
        InputError: with the faults of the file, or of the key that names it.
    """
    from optimizer.load.hours import counted
    from optimizer.load.trace import NAMES, Columns, read_times

    if not {*header} & {*NAMES["time"]}:
        allowed = f"hour with one of {', '.join(VALUES)}; or a trace with one of {', '.join(NAMES['time'])}"
        columns = f"the columns {', '.join(header)}" if header else "an empty file"
        raise InputError([Fault(asked.file, "line 1", columns, allowed)])
    times = read_times(path, asked.file, Columns(timezone=asked.timezone, named_by=named_by))
    found = {one.hour: one for one in counted([times.seconds], times.dated, asked.timezone, asked.hours)}
    missing = [hour for hour in range(asked.hours) if hour not in found]
    if missing:
        span = (float(times.seconds[-1]) - float(times.seconds[0])) / 3600
        allowed = f"requests over a whole {'day' if asked.hours == 24 else 'week'}, or a row for each hour"
        raise InputError([Fault(
            asked.file, "", f"{span:,.1f} h, which do not reach {len(missing)} of {asked.hours} hours", allowed)])
    rates = (found[hour] for hour in range(asked.hours))
    return Hourly("hourly_rps", [one.whole_rps if asked.level == "mean" else one.busiest_rps for one in rates])
