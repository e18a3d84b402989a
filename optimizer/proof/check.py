"""Check a certificate that nothing cheaper exists. This file needs nothing but Python: `python check.py FILE`.

A certificate states a program: columns x (nodes of one kind, or choices) of a cost each, from 0 up to their most, whole
unless said otherwise; and rows, each asking that a weighted sum of columns is at least so much. It claims that a plan
keeps all rows and costs so much and that none costs less, or that none keeps them. The proof is a tree:

* `add`: rows, each times a number above 0, added up. Where no column weighs more in the total than it costs, every plan
  costs at least the total's least, rounded up as costs are whole. For an infeasible program nothing costs anything, and
  a least above 0 is a contradiction. c0 is row 0, k0 the rounded row 0, a0 the first assumption on the way here, u0
  says that column 0 is at most its most.
* `sum`, `most`, `low`, `high`: a sum of whole columns is at most so much, or at least one more; both cases are proven.
* `rounded`: rows added up, every weight and the least rounded up. It holds for whole columns, as they are not negative.

What this proves is about the program as stated. Whether the program is the problem's own is a comparison:
`gpumix check-certificate FILE --problem PROBLEM` makes it again from the problem and the catalog.
"""

import json
import math
import re
import sys
from fractions import Fraction
from typing import Any

FORMAT, DEEPEST = "gpumix-certificate-1", 400
LARGEST = 64 * 2**20  # characters of a file that are read
Row = tuple[dict[int, Any], Any]
"""(weight of each column, the least that the sum must be)."""


class RefusedError(Exception):
    """The certificate does not prove what it claims."""


def whole(value: Any, what: str) -> int:
    """Return a whole number."""
    if type(value) is not int:
        raise RefusedError(f"{what}: {str(value)[:60]!r} is no whole number")
    return value


def fraction(text: Any, what: str) -> Fraction:
    """Return a fraction above 0, written 3 or 3/7."""
    if not isinstance(text, str) or not re.fullmatch("[1-9][0-9]{0,200}(/[1-9][0-9]{0,200})?", text, re.ASCII):
        raise RefusedError(f"{what}: {str(text)[:60]!r} is no fraction above 0")
    return Fraction(text)


def weight_of(value: Any, what: str) -> int | Fraction:
    """Return a weight: whole, or a fraction that may be below 0."""
    if not isinstance(value, str):
        return whole(value, what)
    return -fraction(value[1:], what) if value.startswith("-") else fraction(value, what)


class Certificate:
    """A certificate that is being checked."""

    def __init__(self, data: Any) -> None:
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise RefusedError(f"format: {FORMAT} is expected")
        for key, kind in (("columns", list), ("rows", list), ("rounded", list), ("claim", dict), ("sums", dict)):
            if not isinstance(data.get(key), kind):
                raise RefusedError(f"{key}: a {kind.__name__} is expected")
        self.costs: list[int] = []
        self.most: list[int | None] = []
        self.splits: list[bool] = []
        for number, column in enumerate(data["columns"]):
            self.add_column(column, f"columns.{number}")
        self.rows = [self.row(one, f"rows.{number}") for number, one in enumerate(data["rows"])]
        self.claim, self.sums, self.proof = data["claim"], data["sums"], data.get("proof")
        self.target, self.bound = self.claimed()
        self.rounded: list[Row] = []
        for number, one in enumerate(data["rounded"]):
            terms, least, unit = self.added(one, [], f"rounded.{number}")
            if any(weight and self.splits[column] for column, weight in terms.items()):
                raise RefusedError(f"rounded.{number}: a column that may be split is rounded")
            self.rounded.append(({column: -(-weight // unit) for column, weight in terms.items()}, -(-least // unit)))

    def add_column(self, column: Any, what: str) -> None:
        """Read a column."""
        is_whole, most = column.get("whole", True), column.get("most")
        self.costs.append(whole(column.get("cost"), f"{what}.cost"))
        self.most.append(None if most is None else whole(most, f"{what}.most"))
        self.splits.append(is_whole is False)
        if type(is_whole) is not bool or min(self.costs[-1], self.most[-1] or 0) < 0 or (
                self.splits[-1] and self.costs[-1]):
            raise RefusedError(f"{what}: below 0, or a cost of what may be split")

    def column(self, text: str, what: str) -> int:
        """Return the number of a column."""
        if not re.fullmatch("0|[1-9][0-9]{0,9}", text, re.ASCII) or int(text) >= len(self.costs):
            raise RefusedError(f"{what}: {str(text)[:60]!r} is no column")
        return int(text)

    def row(self, one: Any, what: str) -> Row:
        """Read a row."""
        terms = one["terms"].items()
        return {self.column(name, what): weight_of(weight, what) for name, weight in terms}, whole(one["least"], what)

    def claimed(self) -> tuple[list[int], int]:
        """Return the costs that count and the bound that is claimed; an optimal plan is checked here."""
        if self.claim == {"status": "infeasible"}:
            return [0] * len(self.costs), 1
        if set(self.claim) != {"status", "cost", "plan"} or self.claim["status"] != "optimal":
            raise RefusedError("claim: optimal with its cost and plan, or infeasible, is expected")
        cost, counts = whole(self.claim["cost"], "claim.cost"), [Fraction(0)] * len(self.costs)
        for name, count in self.claim["plan"].items():
            column = self.column(name, "claim.plan")
            split = self.splits[column] and isinstance(count, str)
            counts[column] = fraction(count, "claim.plan") if split else Fraction(whole(count, "claim.plan"))
        for number, (terms, least) in enumerate(self.rows):
            if sum(weight * counts[column] for column, weight in terms.items()) < least:
                raise RefusedError(f"claim.plan: breaks rows.{number}")
        if any(n < 0 or (most is not None and n > most) for n, most in zip(counts, self.most, strict=True)):
            raise RefusedError("claim.plan: a count below 0 or beyond its most")
        if sum(price * count for price, count in zip(self.costs, counts, strict=True)) != cost:
            raise RefusedError("claim.cost: the plan costs something else")
        return self.costs, cost

    def known(self, source: str, assumed: list[Row], what: str) -> Row:
        """Return the row that a source names."""
        if not re.fullmatch("[ckau](0|[1-9][0-9]{0,9})", source, re.ASCII):
            raise RefusedError(f"{what}: {str(source)[:60]!r} is no inequality")
        number = int(source[1:])
        if source[0] == "u" and number < len(self.most) and self.most[number] is not None:
            return {number: -1}, -(self.most[number] or 0)
        found = {"c": self.rows, "k": self.rounded, "a": assumed}.get(source[0], [])
        if number >= len(found):
            raise RefusedError(f"{what}: {source} is not known here")
        return found[number]

    def added(self, multipliers: dict[str, Any], assumed: list[Row], what: str) -> tuple[dict[int, Any], Any, int]:
        """Add rows up; return (terms, least, unit), both times the unit."""
        weights = [(self.known(one, assumed, what), fraction(text, what)) for one, text in multipliers.items()]
        unit = math.lcm(*(weight.denominator for _, weight in weights))
        total: dict[int, Any] = {}
        least: Any = 0
        for (terms, asked), weight in weights:
            factor = weight.numerator * (unit // weight.denominator)
            least += factor * asked
            for column, each in terms.items():
                total[column] = total.get(column, 0) + factor * each
        return total, least, unit

    def check(self, node: Any, assumed: list[Row], what: str = "proof") -> int:
        """Refuse a proof in which some case is left open; return how many cases it closes."""
        if not isinstance(node, dict) or len(assumed) > DEEPEST:
            raise RefusedError(f"{what}: no step")
        if set(node) == {"add"}:
            terms, least, unit = self.added(node["add"], assumed, what)
            if any(weight > self.target[column] * unit for column, weight in terms.items()):
                raise RefusedError(f"{what}: a column weighs more than it costs")
            if -(-least // unit) < self.bound:
                raise RefusedError(f"{what}: adds up to {-(-least // unit)}, {self.bound} is claimed")
            return 1
        if set(node) != {"sum", "most", "low", "high"} or not isinstance(self.sums.get(node["sum"]), list):
            raise RefusedError(f"{what}: no step")
        columns, most = [self.column(str(one), what) for one in self.sums[node["sum"]]], whole(node["most"], what)
        if len(set(columns)) < len(columns) or any(self.splits[column] for column in columns):
            raise RefusedError(f"{what}: the sum has a column twice, or one that may be split")
        low, high = (dict.fromkeys(columns, -1), -most), (dict.fromkeys(columns, 1), most + 1)
        return self.check(node["low"], [*assumed, low], f"{what}.low") + self.check(
            node["high"], [*assumed, high], f"{what}.high")


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON whose keys stand once."""
    if len({key for key, _ in pairs}) < len(pairs):
        raise RefusedError("a key stands twice")
    return dict(pairs)


def checked(text: str) -> str:
    """Check a certificate's text; return what it proves in words, raise RefusedError when it proves nothing."""
    try:
        certificate = Certificate(json.loads(text, object_pairs_hook=once))
        cases = certificate.check(certificate.proof, [])
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise RefusedError(f"not readable: {str(error)[:200]}") from None
    if certificate.claim["status"] == "infeasible":
        return f"PROVEN in {cases} cases: no plan keeps every row of the program"
    return f"PROVEN in {cases} cases: the plan stated costs {certificate.bound}, and no plan of the program costs less"


def main(arguments: list[str]) -> int:
    """Check the files named; 0 when all are proven."""
    failed = not arguments
    for name in arguments:
        with open(name, encoding="utf-8") as stream:
            try:
                told = checked(stream.read(LARGEST))
            except RefusedError as error:
                failed, told = True, f"REFUSED: {error}"
        sys.stdout.write(f"{name}: {told}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
