"""Certificates: a program, the claim about it and the proof, as JSON that a program of 200 lines checks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from optimizer.proof.linear import Linear
from optimizer.proof.search import Bound, Multipliers, Split, Tree

FORMAT = "gpumix-certificate-1"

UNIT = "micro-US-dollars an hour"


@dataclass(frozen=True)
class Claim:
    """What a certificate is about."""

    problem: str
    made_from: Mapping[str, str]
    """Digests and versions of what the program was made from."""
    counts: tuple[int | Fraction, ...] | None
    """The cheapest plan, by column, fractions of what may be split; None: there is none."""


def certificate_of(program: Linear, claim: Claim, bound: Bound) -> dict[str, Any]:
    """Return a certificate as plain data: whole numbers, and fractions written `3/7`."""
    if bound.tree is None:
        raise ValueError("a certificate needs a proof")
    forms: dict[tuple[int, ...], str] = {}
    proof = _proof(bound.tree, forms)
    told: dict[str, Any] = {"status": "infeasible"}
    if claim.counts is not None:
        plan = {str(column): count if isinstance(count, int) else str(count)
                for column, count in enumerate(claim.counts) if count}
        cost = sum(price * count for price, count in zip(program.costs, claim.counts, strict=True) if price)
        told = {"status": "optimal", "cost": int(cost), "plan": plan}
    return {
        "format": FORMAT, "problem": claim.problem, "made_from": dict(claim.made_from), "unit": UNIT,
        **program_as_json(program), "claim": told,
        "sums": {name: list(columns) for columns, name in forms.items()},
        "rounded": [_multipliers(one.multipliers) for one in bound.rounded],
        "proof": proof,
    }


def program_as_json(program: Linear) -> dict[str, Any]:
    """Return the program as plain data: what a certificate states, and what is compared with a problem's own."""
    return {
        "columns": [
            {"name": name, "cost": cost, "most": most} | ({} if whole else {"whole": False})
            for name, cost, most, whole in zip(
                program.names, program.costs, program.most, program.whole, strict=True)],
        "rows": [
            {"name": row.name, "least": row.least, "terms": {
                str(c): weight if isinstance(weight, int) else str(weight) for c, weight in row.terms.items()}}
            for row in program.rows],
    }


def _proof(tree: Tree, forms: dict[tuple[int, ...], str]) -> dict[str, Any]:
    if isinstance(tree, Split):
        name = forms.setdefault(tree.columns, f"s{len(forms)}")
        return {"sum": name, "most": tree.most, "low": _proof(tree.low, forms), "high": _proof(tree.high, forms)}
    return {"add": _multipliers(tree.multipliers)}


def _multipliers(found: Multipliers) -> dict[str, str]:
    return {source: str(weight) for source, weight in found.items()}


def as_text(certificate: dict[str, Any]) -> str:
    """Write a certificate, one column, inequality and step a line where that is short."""
    parts = []
    for key, value in certificate.items():
        if isinstance(value, list) and value:
            lines = ",\n  ".join(json.dumps(one, separators=(", ", ": "), ensure_ascii=False) for one in value)
            parts.append(f'{json.dumps(key)}: [\n  {lines}]')
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'), ensure_ascii=False)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
