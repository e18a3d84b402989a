"""Why nothing cheaper exists, for people: every node kind, and the sums that rule cheaper plans out, in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from optimizer.proof.linear import Inequality, Linear, Terms, groups_of
from optimizer.proof.search import Bound, End, Multipliers, Rounded, Split, Tree
from optimizer.units import HOURS_PER_MONTH, MICRO

MOST_CASES = 40
"""Cases that a page spells out; the others stand in the JSON certificate alone."""

MOST_SHOWN = 12
"""Kinds that a table of one case shows: those nearest to their price."""

WORDS = {
    "en": {
        "title": "Why nothing cheaper exists: {name}",
        "plan": "The plan", "costs": "It costs {cost} an hour, {month} a month.",
        "none": "No plan keeps every rule. The sums below contradict themselves.",
        "asked": "What every plan must keep", "rule": "rule", "asks": "the sum is",
        "at_least": "at least {amount}", "at_most": "at most {amount}",
        "row": "sum over {kinds} kinds: {terms}",
        "kinds": "Every node kind",
        "kinds_told": "A kind that costs no less than another, and helps no rule more, cannot make a plan cheaper. It "
        "stands under the other one.",
        "kind": "kind", "price": "USD an hour", "carries": "adds to `{row}`", "per_unit": "USD an hour for one of it",
        "under": "stands under", "first": "stands for",
        "rounded": "Rounded sums", "rounded_told": "Nodes are whole, so a rule that is divided may be rounded up.",
        "proof": "The proof",
        "unit": "Sums are in micro-dollars an hour: 1,000,000 are one dollar.",
        "case": "Case {number}", "whole": "One sum is enough.",
        "cases": "{count} cases together hold every plan. In each one a sum shows what plans of it cost at least.",
        "low": "at most {most} of {sum}", "high": "at least {least} of {sum}", "or": " or ",
        "add": "Add up: {parts}.", "times": "{weight} x `{row}` (asks {least})",
        "gives": "Together they ask for at least {least}. No kind adds more to this sum than it costs, as the table "
        "shows. So every plan of this case costs at least {cost} an hour.",
        "against": "Together they ask for at least {least}, but nothing can add to this sum. "
        "So no plan is in this case.",
        "column": "kind", "in_sum": "adds to the sum", "its_price": "its price", "left": "left over",
        "more": "{count} more cases stand in the JSON certificate.",
        "check": "A program of 200 lines checks the certificate: `gpumix check-certificate`. It shares no code with "
        "what found the proof.",
        "most": "most of {kind}", "assumed": "what this case assumes", "nearest": "The {count} nearest kinds:",
    },
    "ja": {
        "title": "これより安い構成が存在しない理由: {name}",
        "plan": "構成案", "costs": "費用は1時間 {cost}、月額 {month} です。",
        "none": "すべての条件を満たす構成は存在しません。下の式が互いに矛盾します。",
        "asked": "すべての構成が満たす条件", "rule": "条件", "asks": "合計",
        "at_least": "{amount} 以上", "at_most": "{amount} 以下",
        "row": "{kinds}種類の合計: {terms}",
        "kinds": "すべてのノード種別",
        "kinds_told": "他の種別より安くなく、どの条件でも他より役立たない種別は、構成を安くできません。"
        "そのような種別は他の種別の下に示します。",
        "kind": "種別", "price": "1時間あたりUSD", "carries": "`{row}` への寄与", "per_unit": "寄与1あたりのUSD/時",
        "under": "代表する種別", "first": "代表",
        "rounded": "切り上げた条件", "rounded_told": "ノード数は整数なので、条件を割ったものは切り上げられます。",
        "proof": "証明",
        "unit": "式の単位は1時間あたりマイクロドルです。1,000,000が1ドルです。",
        "case": "場合 {number}", "whole": "一つの式で足ります。",
        "cases": "{count}通りの場合がすべての構成を尽くします。それぞれの場合で、費用の下限を式が示します。",
        "low": "{sum} が {most} 以下", "high": "{sum} が {least} 以上", "or": " または ",
        "add": "次を足し合わせます: {parts}。", "times": "{weight} × `{row}` (必要量 {least})",
        "gives": "合計の必要量は {least} 以上です。表のとおり、どの種別もこの式への寄与は価格を超えません。"
        "したがって、この場合の構成は1時間 {cost} 以上かかります。",
        "against": "合計の必要量は {least} 以上ですが、この式に寄与できるものがありません。"
        "この場合の構成は存在しません。",
        "column": "種別", "in_sum": "式への寄与", "its_price": "価格", "left": "差",
        "more": "残りの{count}通りはJSONの証明書にあります。",
        "check": "証明書は200行のプログラムで検査できます: `gpumix check-certificate`。"
        "証明を見つけたコードとは別のものです。",
        "most": "{kind} の上限", "assumed": "この場合の仮定", "nearest": "価格に近い{count}種別:",
    },
}

RULES = {
    "meet_demand": ("demand", "需要"), "respect_stock": ("stock", "在庫"), "keep_budget": ("budget", "予算"),
    "limit_nodes": ("number of nodes", "ノード数"), "hold_nodes": ("nodes held", "保有ノード"),
    "limit_gpu_types": ("GPU types", "GPU種別数"), "choose_engines": ("one engine", "エンジンの統一"),
    "survive_node_loss": ("a node lost", "ノード障害"), "survive_provider_loss": ("a provider lost", "事業者障害"),
    "survive_region_loss": ("a region lost", "リージョン障害"),
    "cap_spot_share": ("nodes that are not spot", "スポット以外"),
    "cap_power": ("power", "電力"), "pay_contracts": ("contracts", "契約"),
}
"""Rule -> what it is called in English and Japanese."""


class Page:
    """A page about one proof."""

    def __init__(
        self, name: str, program: Linear, counts: Sequence[int | Fraction] | None, bound: Bound, language: str
    ) -> None:
        self.name, self.program, self.counts, self.bound = name, program, counts, bound
        self.words, self.language = WORDS[language], language
        self.groups = groups_of(program)
        self.infeasible = counts is None

    def lines(self) -> Iterator[str]:
        """Yield the page, Markdown."""
        words = self.words
        yield f"# {words['title'].format(name=self.name)}\n"
        yield from self._plan()
        yield f"\n## {words['asked']}\n"
        yield from _table((words["rule"], words["asks"]), [
            (f"`{self._row(number)}`", self._asked(row)) for number, row in enumerate(self.program.rows)
            if number not in self.program.links])
        yield f"\n## {words['kinds']}\n\n{words['kinds_told']}\n"
        yield from self._kinds()
        if self.bound.rounded:
            yield f"\n## {words['rounded']}\n\n{words['rounded_told']}\n"
            yield from (f"- `k{number}`: {self._parts(one.multipliers, [])} -> {self._sum(one)}"
                        for number, one in enumerate(self.bound.rounded))
        yield f"\n## {words['proof']}\n"
        yield from self._proof()
        yield f"\n{words['check']}"

    def _plan(self) -> Iterator[str]:
        if self.counts is None:
            yield self.words["none"]
            return
        cost = self.program.cost_of([int(count) for count in self.counts])
        yield f"## {self.words['plan']}\n"
        yield from (f"- {count} x {self.program.names[column]}: {_usd(self.program.costs[column] * int(count))}"
                    for column, count in enumerate(self.counts) if count and self.program.costs[column])
        month = f"${cost * HOURS_PER_MONTH / MICRO:,.2f}"
        yield "\n" + self.words["costs"].format(cost=_usd(cost), month=month)

    def _asked(self, row: Inequality) -> str:
        """Say how much a rule asks for; one that only takes away is a cap."""
        caps = row.least <= 0 and all(weight < 0 for weight in row.terms.values())
        return self.words["at_most" if caps else "at_least"].format(amount=f"{-row.least if caps else row.least:,}")

    def _kinds(self) -> Iterator[str]:
        words, row = self.words, self.program.rows[0]
        rows = []
        for group in self.groups:
            for column in group:
                if column in self.program.choices or not self.program.whole[column]:
                    continue
                adds, cost = row.terms.get(column, 0), self.program.costs[column]
                place = f"{words['first']} {len(group)}" if column == group[0] else self.program.names[group[0]]
                rows.append((self.program.names[column], f"{cost / MICRO:.4f}", f"{float(adds):,g}",
                             f"{cost / MICRO / adds:.6g}" if adds else "-", place))
        yield from _table((words["kind"], words["price"], words["carries"].format(row=self._row(0)),
                           words["per_unit"], words["under"]), rows)

    def _proof(self) -> Iterator[str]:
        tree, words = self.bound.tree, self.words
        if tree is None:
            return
        cases = list(_cases(tree, ()))
        yield words["unit"] + "\n"
        yield words["whole"] if len(cases) == 1 else words["cases"].format(count=len(cases))
        for number, (assumed, end) in enumerate(cases[:MOST_CASES], 1):
            if len(cases) > 1:
                yield f"\n### {words['case'].format(number=number)}\n"
                yield from (f"- {self._assumption(one)}" for one in assumed)
            yield "\n" + words["add"].format(parts=self._parts(end.multipliers, assumed)) + "\n"
            yield from self._total(end, assumed)
        if len(cases) > MOST_CASES:
            yield "\n" + words["more"].format(count=f"{len(cases) - MOST_CASES:,}")

    def _total(self, end: End, assumed: Sequence[tuple[tuple[int, ...], int, bool]]) -> Iterator[str]:
        sums: dict[int, Fraction] = {}
        least = Fraction(0)
        for source, weight in end.multipliers.items():
            terms, asked = self._inequality(source, assumed)
            least += weight * asked
            for column, each in terms.items():
                sums[column] = sums.get(column, Fraction(0)) + weight * each
        shown = f"{float(least):,.2f}"
        if self.infeasible:
            yield self.words["against"].format(least=shown)
            return
        near = sorted((column for column in sums if sums[column]),
                      key=lambda column: self.program.costs[column] - sums[column])[:MOST_SHOWN]
        yield self.words["gives"].format(least=shown, cost=_usd(-(-least.numerator // least.denominator))) + "\n"
        yield self.words["nearest"].format(count=len(near)) + "\n"
        yield from _table((self.words["column"], self.words["in_sum"], self.words["its_price"], self.words["left"]), [
            (self.program.names[column], f"{float(sums[column]):,.2f}", f"{self.program.costs[column]:,}",
             f"{float(self.program.costs[column] - sums[column]):,.2f}") for column in near])

    def _inequality(
        self, source: str, assumed: Sequence[tuple[tuple[int, ...], int, bool]]
    ) -> tuple[Terms, int]:
        number = int(source[1:])
        if source[0] == "c":
            return self.program.rows[number].terms, self.program.rows[number].least
        if source[0] == "k":
            return self.bound.rounded[number].terms, self.bound.rounded[number].least
        if source[0] == "u":
            return {number: -1}, -(self.program.most[number] or 0)
        columns, most, is_low = assumed[number]
        return (dict.fromkeys(columns, -1), -most) if is_low else (dict.fromkeys(columns, 1), most + 1)

    def _parts(self, multipliers: Multipliers, assumed: Sequence[tuple[tuple[int, ...], int, bool]]) -> str:
        parts = []
        for source, weight in multipliers.items():
            row = self._source(source, assumed)
            least = self._inequality(source, assumed)[1]
            parts.append(self.words["times"].format(weight=_short(weight), row=row, least=f"{least:,}"))
        return "; ".join(parts)

    def _source(self, source: str, assumed: Sequence[tuple[tuple[int, ...], int, bool]]) -> str:
        number = int(source[1:])
        if source[0] == "c":
            return self._row(number)
        if source[0] == "u":
            return self.words["most"].format(kind=self.program.names[number])
        return source if source[0] == "k" else self._assumption(assumed[number])

    def _assumption(self, one: tuple[tuple[int, ...], int, bool]) -> str:
        columns, most, is_low = one
        named = self.program.names[columns[0]]
        named += f" (+{len(columns) - 1})" if len(columns) > 1 else ""
        return self.words["low" if is_low else "high"].format(most=most, least=most + 1, sum=named)

    def _row(self, number: int) -> str:
        rule = self.program.rows[number].name
        words = RULES.get(rule, (rule, rule))
        same = [i for i, row in enumerate(self.program.rows) if row.name == rule and i not in self.program.links]
        told = words[self.language == "ja"]
        return told if len(same) < 2 else f"{told} {same.index(number) + 1 if number in same else number}"

    def _sum(self, one: Rounded) -> str:
        terms = [f"{weight} x {self.program.names[group[0]]}" for group in self.groups
                 if (weight := one.terms.get(group[0]))]
        dots = " + ..." if len(terms) > MOST_SHOWN else ""
        return f"{' + '.join(terms[:MOST_SHOWN])}{dots} >= {one.least}"


def _cases(
    tree: Tree, assumed: tuple[tuple[tuple[int, ...], int, bool], ...]
) -> Iterator[tuple[tuple[tuple[tuple[int, ...], int, bool], ...], End]]:
    """Yield each closed case with what it assumes: (columns, most, whether at most)."""
    if isinstance(tree, Split):
        yield from _cases(tree.low, (*assumed, (tree.columns, tree.most, True)))
        yield from _cases(tree.high, (*assumed, (tree.columns, tree.most, False)))
    else:
        yield assumed, tree


def _short(weight: Fraction) -> str:
    return str(weight) if weight.denominator < 10**5 else f"{float(weight):.6g}"


def _usd(micro: int) -> str:
    return f"${micro / MICRO:,.4f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(header) + " |"
    yield "|" + " --- |" * len(header)
    yield from ("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows)


def certificate_page(
    name: str, program: Linear, counts: Sequence[int | Fraction] | None, bound: Bound, language: str = "en"
) -> str:
    """Write the page.

    Args:
        name: of the problem.
        program: what was proven about.
        counts: the cheapest plan by column; None where there is no plan.
        bound: the proof.
        language: en or ja.
    """
    return "\n".join(Page(name, program, counts, bound, language).lines()) + "\n"
