"""Changes of a file's bytes, drawn from a seed: bytes, tokens, lines, and values of JSON."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

NASTY = (
    "", "nan", "-inf", "0", "-1", "1e400", "1e308", "5e-324", "9" * 25, "9" * 400, "9" * 5001, "010", "0x1f", "true",
    "null", "~", "''", '"', "[]", "{}", "[", "{", "}", ",", ":", "&a ", "*a", "<<", "!!int ", "%YAML 1.1\n", "---\n",
    "|\n", "\t", "\n", "\r", "\x00", "\x1b[31m", "\x07", "\x9b", "\x7f", "\u2028", "\ufeff", "\u202e", "\ud800",
    "\u8ca0\u8377", "\U0001f600", "2026-02-30", "9999-12-31", "x" * 3000, "../" * 9 + "etc/passwd", "/dev/zero",
    "config.json", "=1+1", "%s%n", "{{ 7*7 }}", "${HOME}", "1_0", "1:30", "\\u001b", "²",
)
"""Tokens that mean something to some reader."""

VALUES: tuple[Any, ...] = (
    None, True, "", "x", [], {}, [None], [[]], {"x": 1}, 0, -1, 1, 3, 10**6, 10**12, 10**30, 0.5, -0.0, 1e-300, 1e300,
    float("nan"), float("inf"), "nan", "2026-08-21", "x" * 3000, "\x1b[31m", [0] * 1000, "../../etc/passwd",
)
TOKEN = re.compile(r"\w+|\s+|.", re.DOTALL)

Change = Callable[[bytes, random.Random], bytes]


def some_bytes(data: bytes, draw: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(draw.randint(1, 8)):
        if found:
            found[draw.randrange(len(found))] = draw.randrange(256)
    return bytes(found)


def cut(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def a_part_again(data: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(data) + 1)
    part = data[start : start + draw.choice([1, 10, 100, 1000])]
    return data[:start] + part * draw.choice([2, 3, 50]) + data[start:]


def some_tokens(data: bytes, draw: random.Random) -> bytes:
    tokens = TOKEN.findall(data.decode("utf-8", "surrogateescape"))
    for _ in range(draw.randint(1, 4)):
        if not tokens:
            break
        index = draw.randrange(len(tokens))
        kind = draw.choice(["drop", "replace", "insert", "swap", "twice"])
        if kind == "drop":
            del tokens[index]
        elif kind == "replace":
            tokens[index] = draw.choice(NASTY)
        elif kind == "insert":
            tokens.insert(index, draw.choice(NASTY))
        elif kind == "swap":
            other = draw.randrange(len(tokens))
            tokens[index], tokens[other] = tokens[other], tokens[index]
        else:
            tokens.insert(index, tokens[index])
    return "".join(tokens).encode("utf-8", "surrogatepass")


def a_number(data: bytes, draw: random.Random) -> bytes:
    """Put another number in place of a number, so that what the schema lets through reaches the arithmetic."""
    places = list(re.finditer(rb"\d+(\.\d+)?", data))
    if not places:
        return cut(data, draw)
    place = draw.choice(places)
    number = draw.choice([b"0", b"1", b"2", b"7", b"1000", b"100000", b"999999999", b"0.5", b"0.001", b"1e-9", b"1e12"])
    return data[: place.start()] + number + data[place.end() :]


def nested(data: bytes, draw: random.Random) -> bytes:
    opening = draw.choice([b"[", b'{"a":', b"- ", b"{a: "])
    return opening * draw.choice([50, 2000, 100_000]) + data


def binary(data: bytes, draw: random.Random) -> bytes:
    start = draw.choice([b"\x1f\x8b", b"PAR1", b"\x28\xb5\x2f\xfd", b"BZh9", b"\xfd7zXZ\x00", b"PK\x03\x04", b"SQLite"])
    return start + draw.randbytes(draw.choice([0, 20, 3000]))


def a_json_value(data: bytes, draw: random.Random) -> bytes:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return some_tokens(data, draw)
    paths = list(_paths(value))
    for _ in range(draw.randint(1, 3)):
        path = draw.choice(paths) if paths else ()
        target = value
        try:
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = copy.deepcopy(draw.choice(VALUES))
        except (KeyError, IndexError, TypeError):
            continue
    return json.dumps(value).encode()


def _paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*above, key)
        yield from _paths(one, (*above, key))


CHANGES: tuple[Change, ...] = (
    some_bytes, cut, a_part_again, some_tokens, some_tokens, some_tokens, a_number, a_number, a_number, a_json_value,
    a_json_value, nested, binary,
)


def changed(data: bytes, draw: random.Random) -> bytes:
    """Change a file in one way or two."""
    for _ in range(draw.choice([1, 1, 2])):
        data = draw.choice(CHANGES)(data, draw)
    return data
