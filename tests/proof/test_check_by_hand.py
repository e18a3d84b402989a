"""The check of certificates on proofs worked out by hand: true claims are proven, the nearest false ones refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from optimizer.proof.check import RefusedError, checked


def stated(claim: dict[str, Any], proof: Any, rounded: Any = (), most: int | None = None, **more: Any) -> str:
    """State min x with 2 x >= 3: two of x at the least, for two."""
    columns = [{"name": "x", "cost": 1, "most": most}, {"name": "share", "cost": 0, "most": 1, "whole": False}]
    program = {
        "format": "gpumix-certificate-1", "columns": columns,
        "rows": [{"name": "demand", "least": 3, "terms": {"0": 2}}],
        "claim": claim, "sums": {"s0": [0], "s1": [1]}, "rounded": list(rounded), "proof": proof}
    return json.dumps({**program, **more})


def costs(cost: int) -> dict[str, Any]:
    return {"status": "optimal", "cost": cost, "plan": {"0": cost}}


NOWHERE = {"status": "infeasible"}

AT_MOST_ONE = {"add": {"c0": "2", "a0": "4"}}
"""x <= 1: 2 (2 x >= 3) + 4 (-x >= -1) gives 0 >= 2."""

SPLIT = {"sum": "s0", "most": 1, "low": AT_MOST_ONE, "high": {"add": {"a0": "1"}}}


HALF = [{"name": "demand", "least": 1, "terms": {"0": 2, "1": 2}}, {"name": "cap", "least": -1, "terms": {"1": -2}}]
"""2 x + 2 share >= 1, share <= 1/2: a share of a half for nothing."""


@pytest.mark.parametrize(
    ("claim", "proof", "more"),
    [
        (costs(2), SPLIT, {}),
        (costs(2), {"add": {"k0": "1"}}, {"rounded": [{"c0": "1/2"}]}),
        (costs(2), {"add": {"c0": "1/2"}}, {}),  # 1.5 at the least, and costs are whole
        (NOWHERE, {"add": {"c0": "1", "u0": "2"}}, {"most": 1}),
        (NOWHERE, {"add": {"c0": "1/7", "u0": "2/7"}}, {"most": 1}),  # any multiple contradicts as well
    ],
)
def test_true_claims_are_proven(claim: dict[str, Any], proof: Any, more: dict[str, Any]) -> None:
    assert checked(stated(claim, proof, **more)).startswith("PROVEN")


@pytest.mark.parametrize(
    ("claim", "proof", "more"),
    [
        # nothing costs less than 3? two of x do
        (costs(3), {**SPLIT, "low": {"add": {"c0": "3", "a0": "6"}}}, {}),
        (costs(3), {"sum": "s0", "most": 2, "low": AT_MOST_ONE, "high": {"add": {"a0": "1"}}}, {}),
        (costs(3), {"add": {"k0": "2"}}, {"rounded": [{"c0": "1/2"}]}),
        (costs(3), {"add": {"c0": "1"}}, {}),
        (costs(3), {"add": {"c0": "1/2", "a0": "1"}}, {}),
        # a case left out, taken twice, or one that another case assumes
        (costs(2), {"sum": "s0", "most": 1, "low": AT_MOST_ONE}, {}),
        (costs(2), {"sum": "s0", "most": 1, "low": SPLIT["high"], "high": SPLIT["high"]}, {}),
        (costs(3), {"sum": "s0", "most": 1, "low": {"add": {"c0": "9", "a1": "1"}}, "high": SPLIT["high"]}, {}),
        (costs(3), {"sum": "s0", "most": 2, "low": {"add": {"c0": "3", "a0": "6"}}, "high": SPLIT["high"]}, {}),
        # what may be split is neither split by cases nor rounded: half a share alone is enough of HALF
        (costs(2), {**SPLIT, "sum": "s1"}, {}),
        (costs(1), {"sum": "s1", "most": 0, "low": {"add": {"c0": "1/2", "a0": "1"}},
                    "high": {"add": {"c1": "1", "a0": "2"}}}, {"rows": HALF}),
        (costs(1), {"add": {"k0": "1", "c1": "1/2"}}, {"rounded": [{"c0": "1/2"}], "rows": HALF}),
        # a plan that breaks a rule, or that costs something else
        ({"status": "optimal", "cost": 1, "plan": {"0": 1}}, {"add": {"c0": "1/3"}}, {}),
        ({"status": "optimal", "cost": 1, "plan": {"0": 2}}, {"add": {"c0": "1/3"}}, {}),
        ({"status": "optimal", "cost": 2, "plan": {"0": 2}}, {"add": {"c0": "1/2"}}, {"most": 1}),
        # two of x stand where nothing is said of a most
        (NOWHERE, {"add": {"c0": "1", "u0": "2"}}, {}),
        (NOWHERE, {"add": {"c0": "1", "u0": "2"}}, {"most": 2}),
        (NOWHERE, {"add": {"c0": "1", "u0": "1"}}, {"most": 1}),
        (NOWHERE, {"add": {}}, {}),
        (NOWHERE, {"add": {"u1": "1"}}, {}),
    ],
)
def test_false_claims_and_proofs_with_a_hole_are_refused(
    claim: dict[str, Any], proof: Any, more: dict[str, Any]
) -> None:
    with pytest.raises(RefusedError):
        checked(stated(claim, proof, **more))
