"""Faults put into the rules on purpose: those that tests once let pass, and those that a program thinks of."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutant:
    """One module with one fault, and the tests that must fail of it."""

    name: str
    module: str
    source: str
    tests: tuple[str, ...]


def source_of(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_text("utf-8")


CHECK, PROOF = "optimizer.proof.check", ("tests/proof/test_check_by_hand.py",)

NAMED = {
    "region loss grouped by provider": (
        "optimizer.verify.rules", "_check_group_loss(subject, lambda offer: offer.place)",
        "_check_group_loss(subject, lambda offer: offer.provider)", ("tests/verify/test_named_rules.py",)),
    "stock by offer instead of machine": (
        "optimizer.verify.rules", "counts[name] += count", "counts[offer.offer_id] += count",
        ("tests/verify/test_named_rules.py",)),
    "a signed contract forgotten": (
        "optimizer.verify.rules", "if not (used or contract.signed):", "if not used:",
        ("tests/verify/test_named_rules.py",)),
    "own rows not first": (
        "optimizer.throughput.measured", "point.source_id in sources] or found", "point.source_id in ()] or found",
        ("tests/throughput/test_measured.py",)),
    "unknown versions merged": (
        "optimizer.throughput.measured", "if rows[0].engine_version and key[1] != source", "if key[1] != source",
        ("tests/throughput/test_measured.py",)),
    "spread ignored": (
        "optimizer.throughput.measured", "spread_fraction=spread_fraction(rows),", "spread_fraction=0.0,",
        ("tests/throughput/test_measured.py",)),
    "amounts of contracts rounded down": (
        "optimizer.costs.contracts", "return math.ceil(exact(usd_per_month) * MICRO / HOURS_PER_MONTH)",
        "return math.floor(exact(usd_per_month) * MICRO / HOURS_PER_MONTH)", ("tests/costs/test_rounding.py",)),
    "bills after discounts rounded down": (
        "optimizer.costs.contracts", "math.ceil(self.after_tiers(spend))", "math.floor(self.after_tiers(spend))",
        ("tests/costs/test_rounding.py",)),
    "prices of own nodes rounded down": (
        "optimizer.costs.owned", "micro_usd_up(round(usd / HOURS_PER_MONTH, 12))",
        "int(round(usd / HOURS_PER_MONTH, 12) * 10**6)", ("tests/costs/test_rounding.py",)),
    "an unservable held node forgotten": (
        "optimizer.formulation.constraints", "cp.add_bool_or([])  # no such node", "pass  # no such node",
        ("tests/formulation/test_constraints.py",)),
    "no more nodes than the too few": (
        "optimizer.formulation.constraints", "cp.add(variable >= count + 1)", "cp.add(variable >= count)",
        ("tests/formulation/test_constraints.py",)),
    "a column of a sum may weigh more than it costs": (
        CHECK, "weight > self.target[column] * unit for", "weight > self.target[column] * unit * 2 for", PROOF),
    "sums that fall short are enough": (CHECK, "if -(-least // unit) < self.bound:", "if False:", PROOF),
    "a gap between two cases": (
        CHECK, "dict.fromkeys(columns, 1), most + 1)", "dict.fromkeys(columns, 1), most + 2)", PROOF),
    "a low case of less": (CHECK, "dict.fromkeys(columns, -1), -most)", "dict.fromkeys(columns, -1), 1 - most)", PROOF),
    "shares are rounded": (CHECK, "if any(weight and self.splits[column] for", "if any(False for", PROOF),
    "shares are split by cases": (CHECK, "or any(self.splits[column] for column in columns):", "or False:", PROOF),
    "plans that break a row": (
        CHECK, "for column, weight in terms.items()) < least:", "for column, weight in terms.items()) < 0:", PROOF),
    "plans beyond the most": (CHECK, "most is not None and n > most", "most is not None and n > most + 1", PROOF),
    "plans of another cost": (
        CHECK, "zip(self.costs, counts, strict=True)) != cost:", "zip(self.costs, counts, strict=True)) < 0:", PROOF),
    "a most that is none": (
        CHECK, "number < len(self.most) and self.most[number] is not None:", "number < len(self.most):", PROOF),
    "idle nodes that need not be held": (
        "optimizer.verify.figures", "if not 0 <= node.idle <= subject.problem.limits.at_least.get(node.offer_id, 0):",
        "if False:", ("tests/solve/test_held_idle.py",)),
    "idle nodes of one engine": (
        "optimizer.formulation.constraints", "if not row.is_idle:", "if True:", ("tests/solve/test_held_idle.py",)),
    "stock that the ways of one offer contest": (
        "optimizer.formulation.reduction", "if row.classes:\n            kept", "if False:\n            kept",
        ("tests/solve/test_routed_classes.py",)),
    "a second engine that says nothing": (
        "optimizer.solve.second", "if own != cost:", "if False:", ("tests/solve/test_second_engine.py",)),
}
"""What is wrong -> (module, text, its wrong form, tests that must fail): each passed all tests of version 0.1, or takes
away what certificates and the second engine rest on."""


def named() -> Iterator[Mutant]:
    for name, (module, right, wrong, tests) in NAMED.items():
        source = source_of(module)
        assert source.count(right) == 1, f"{name}: {right} stands {source.count(right)} times in {module}"
        yield Mutant(name, module, source.replace(right, wrong), tests)


OTHER = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
"""A comparison -> its nearest other one."""

RULES = {
    "optimizer.verify.rules": ("check_", ("tests/test_verify.py", "tests/verify", "tests/test_verify_classes.py")),
    "optimizer.formulation.constraints": ("", ("tests/formulation",)),
}
"""Module of rules -> (how its rules' names begin, tests that must notice a fault in one)."""


def thought_of() -> Iterator[Mutant]:
    """Yield each rule with nothing in it, and with each of its comparisons the nearest other one."""
    for module, (prefix, tests) in RULES.items():
        tree = ast.parse(source_of(module))
        for rule in [node for node in tree.body if isinstance(node, ast.FunctionDef)]:
            if not rule.name.startswith(prefix or rule.name[:1].strip("_") or "-"):
                continue
            for what, changed in _changes(tree, rule):
                yield Mutant(f"{rule.name}: {what}", module, changed, tests)


def _changes(tree: ast.Module, rule: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    yield "forgotten", _with(tree, rule, ast.parse(_nothing(rule)).body)
    comparisons = [node for node in ast.walk(rule) if isinstance(node, ast.Compare) and type(node.ops[0]) in OTHER]
    for node in comparisons:
        before = node.ops[0]
        node.ops[0] = OTHER[type(before)]()
        yield f"{ast.unparse(node)} in line {node.lineno}", ast.unparse(tree)
        node.ops[0] = before


def _nothing(rule: ast.FunctionDef) -> str:
    checks = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(rule))
    return "yield from ()" if checks else "return None"


def _with(tree: ast.Module, rule: ast.FunctionDef, body: list[ast.stmt]) -> str:
    before, rule.body = rule.body, body
    found = ast.unparse(tree)
    rule.body = before
    return found
