"""Random problems of every kind and rule against independent oracles and the second engine: nothing differs."""

from __future__ import annotations

import os

import pytest

from tests.oracles.campaign import run

COUNT = int(os.environ.get("GPUMIX_ORACLE", "1000"))
"""How many problems the slow test tries; `python -m tests.oracles.campaign` tells how far it is."""


def test_some_problems_of_every_kind_agree_with_their_oracles() -> None:
    report = run(150, first=10**6)
    assert report.differences == []
    assert set(report.said) >= {"peak", "classes", "day", "quarters"}


@pytest.mark.slow
def test_problems_by_the_thousand_agree_with_their_oracles() -> None:
    report = run(COUNT)
    assert report.differences == []
    assert report.said["left open by the second engine"] < report.said["peak"] / 10
