"""Check a certificate that nothing cheaper exists. This file needs nothing but Python: `python check.py FILE`.

A certificate states a program: columns x (nodes of one kind, or choices) of a cost each, from 0 up to their most, whole
unless said otherwise; and rows, each asking that a weighted sum of columns is at least so much. It claims that a plan
keeps all rows and costs so much and that none costs less, or that none keeps them. The proof is a tree:

* `add`: rows, each times a number that is not negative, added up. Where no column weighs more in the total than it
  costs, every plan costs at least the total's least; as costs are whole, that is rounded up. For an infeasible program
  all columns count as costing nothing, and a least above 0 is a contradiction. c0 is row 0, k0 the rounded row 0, a0 the
  first assumption on the way here, u0 says that column 0 is at most its most.
* `sum`, `most`, `low`, `high`: a sum of whole columns is at most so much, or at least one more; both cases are proven.
* `rounded`: rows added up, every weight and the least rounded up. It holds for whole columns, as they are not negative.

What this proves is about the program as stated. Whether the program is the problem's own is a comparison:
`gpumix check-certificate FILE --problem PROBLEM` makes it again from the problem and the catalog.
"""

import json
import math
import sys
from fractions import Fraction

FORMAT = "gpumix-certificate-1"
LARGEST = 64 * 2**20
"""Characters of a file that are read."""
DEEPEST = 400


class Refused(Exception):
    """The certificate does not prove what it claims."""


def whole(value, what):
    """Return a whole number."""
    if type(value) is not int:
        raise Refused(f"{what}: {str(value)[:60]!r} is no whole number")
    return value


def fraction(text, what):
    """Return a fraction above 0, written 3 or 3/7."""
    parts = text.split("/") if isinstance(text, str) else []
    if not 1 <= len(parts) <= 2 or not all(part.isascii() and part.isdigit() for part in parts) or len(text) > 400:
        raise Refused(f"{what}: {str(text)[:60]!r} is no fraction above 0")
    if int(parts[-1]) == 0 or int(parts[0]) == 0:
        raise Refused(f"{what}: {text!r} is no fraction above 0")
    return Fraction(int(parts[0]), int(parts[-1]) if len(parts) == 2 else 1)


def weight_of(weight, what):
    """Return a weight: whole, or a fraction that may be below 0."""
    if not isinstance(weight, str):
        return whole(weight, what)
    return -fraction(weight[1:], what) if weight.startswith("-") else fraction(weight, what)


class Certificate:
    """A certificate that is being checked."""

    def __init__(self, data):
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise Refused(f"format: {FORMAT} is expected")
        self.costs, self.most, self.splits = [], [], []
        for number, column in enumerate(self.listed(data, "columns")):
            what = f"columns.{number}"
            if not isinstance(column, dict) or type(column.get("whole", True)) is not bool:
                raise Refused(f"{what}: no column")
            self.costs.append(whole(column.get("cost"), f"{what}.cost"))
            most = column.get("most")
            self.most.append(None if most is None else whole(most, f"{what}.most"))
            self.splits.append(not column.get("whole", True))
            if self.costs[-1] < 0 or (self.most[-1] or 0) < 0 or (self.splits[-1] and self.costs[-1]):
                raise Refused(f"{what}: a cost or most below 0, or a cost of what may be split")
        self.rows = [self.row(one, f"rows.{number}") for number, one in enumerate(self.listed(data, "rows"))]
        self.claim = data.get("claim") if isinstance(data.get("claim"), dict) else {}
        self.sums = data.get("sums") if isinstance(data.get("sums"), dict) else {}
        self.target, self.bound = self.claimed()
        self.rounded = []
        for number, one in enumerate(self.listed(data, "rounded")):
            terms, least, unit = self.added(one, [], f"rounded.{number}")
            if any(weight and self.splits[column] for column, weight in terms.items()):
                raise Refused(f"rounded.{number}: a column that may be split is rounded")
            self.rounded.append(({column: -(-weight // unit) for column, weight in terms.items()}, -(-least // unit)))
        self.proof = data.get("proof")

    @staticmethod
    def listed(data, key):
        """Return the list under a key."""
        if not isinstance(data.get(key), list):
            raise Refused(f"{key}: a list is expected")
        return data[key]

    def column(self, text, what):
        """Return the number of a column."""
        if not isinstance(text, str) or not text.isascii() or not text.isdigit() or int(text) >= len(self.costs):
            raise Refused(f"{what}: {str(text)[:60]!r} is no column")
        return int(text)

    def row(self, one, what):
        """Read a row as (terms, least)."""
        if not isinstance(one, dict) or not isinstance(one.get("terms"), dict):
            raise Refused(f"{what}: no row")
        terms = {self.column(name, what): weight_of(weight, what) for name, weight in one["terms"].items()}
        return terms, whole(one.get("least"), f"{what}.least")

    def claimed(self):
        """Return the costs that count and the bound that is claimed; an optimal plan is checked here."""
        if self.claim == {"status": "infeasible"}:
            return [0] * len(self.costs), 1
        if set(self.claim) != {"status", "cost", "plan"} or self.claim["status"] != "optimal":
            raise Refused("claim: optimal with its cost and plan, or infeasible, is expected")
        plan, cost = self.claim["plan"], whole(self.claim["cost"], "claim.cost")
        self.check_plan(plan, cost)
        return self.costs, cost

    def check_plan(self, plan, cost):
        """Refuse a plan that breaks a row or costs something else."""
        if not isinstance(plan, dict):
            raise Refused("claim.plan: counts by column are expected")
        counts = [0] * len(self.costs)
        for name, count in plan.items():
            column = self.column(name, "claim.plan")
            split = self.splits[column] and isinstance(count, str)
            counts[column] = fraction(count, "claim.plan") if split else whole(count, "claim.plan")
        for number, (terms, least) in enumerate(self.rows):
            if sum(weight * counts[column] for column, weight in terms.items()) < least:
                raise Refused(f"claim.plan: breaks rows.{number}")
        if any(count < 0 or (most is not None and count > most) for count, most in zip(counts, self.most)):
            raise Refused("claim.plan: a count below 0 or beyond its most")
        if sum(price * count for price, count in zip(self.costs, counts)) != cost:
            raise Refused("claim.cost: the plan costs something else")

    def known(self, source, assumed, what):
        """Return the (terms, least) that a source names."""
        if not isinstance(source, str) or not source[1:].isascii() or not source[1:].isdigit():
            raise Refused(f"{what}: {str(source)[:60]!r} is no inequality")
        number = int(source[1:])
        if source[0] == "u" and number < len(self.most) and self.most[number] is not None:
            return {number: -1}, -self.most[number]
        found = {"c": self.rows, "k": getattr(self, "rounded", []), "a": assumed}.get(source[0], [])
        if number >= len(found):
            raise Refused(f"{what}: {source} is not known here")
        return found[number]

    def added(self, multipliers, assumed, what):
        """Add inequalities up; return (terms, least, unit), all times the unit so that they are whole."""
        if not isinstance(multipliers, dict):
            raise Refused(f"{what}: multipliers by inequality are expected")
        weights = [(self.known(one, assumed, what), fraction(text, what)) for one, text in multipliers.items()]
        unit = math.lcm(*(weight.denominator for _, weight in weights))
        total, least = {}, 0
        for (terms, asked), weight in weights:
            factor = weight.numerator * (unit // weight.denominator)
            least += factor * asked
            for column, each in terms.items():
                total[column] = total.get(column, 0) + factor * each
        return total, least, unit

    def check(self, node, assumed, what="proof"):
        """Refuse a proof in which some case is left open; return how many cases it closes."""
        if not isinstance(node, dict) or len(assumed) > DEEPEST:
            raise Refused(f"{what}: no step")
        if set(node) == {"add"}:
            terms, least, unit = self.added(node["add"], assumed, what)
            if any(weight > self.target[column] * unit for column, weight in terms.items()):
                raise Refused(f"{what}: a column weighs more than it costs")
            if -(-least // unit) < self.bound:
                raise Refused(f"{what}: adds up to {-(-least // unit)}, {self.bound} is claimed")
            return 1
        if set(node) != {"sum", "most", "low", "high"} or not isinstance(self.sums.get(node["sum"]), list):
            raise Refused(f"{what}: no step")
        columns, most = [self.column(str(one), what) for one in self.sums[node["sum"]]], whole(node["most"], what)
        if len(set(columns)) < len(columns) or any(self.splits[column] for column in columns):
            raise Refused(f"{what}: the sum has a column twice, or one that may be split")
        low, high = (dict.fromkeys(columns, -1), -most), (dict.fromkeys(columns, 1), most + 1)
        return (self.check(node["low"], [*assumed, low], f"{what}.low")
                + self.check(node["high"], [*assumed, high], f"{what}.high"))


def checked(text):
    """Check a certificate's text; return what it proves in words, raise Refused when it proves nothing."""
    def once(pairs):
        if len({key for key, _ in pairs}) < len(pairs):
            raise Refused("a key stands twice")
        return dict(pairs)

    try:
        certificate = Certificate(json.loads(text, object_pairs_hook=once))
        cases = certificate.check(certificate.proof, [])
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise Refused(f"not readable: {str(error)[:200]}") from None
    if certificate.claim["status"] == "infeasible":
        return f"PROVEN in {cases} cases: no plan keeps every row of the program"
    return (f"PROVEN in {cases} cases: no plan of the program costs less than {certificate.bound}, and the plan stated "
            "keeps every row and costs just that")


def main(arguments):
    """Check the files named; 0 when all are proven."""
    failed = not arguments
    for name in arguments:
        with open(name, encoding="utf-8") as stream:
            try:
                print(f"{name}: {checked(stream.read(LARGEST))}")
            except Refused as error:
                failed = True
                print(f"{name}: REFUSED: {error}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
