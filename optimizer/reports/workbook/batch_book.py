"""A batch as a workbook that recomputes: its results, and the least of a figure by keys, worked out from them."""

from __future__ import annotations

from collections.abc import Iterable

from optimizer.batch.pivot import Label, Pivot
from optimizer.batch.results import Record, number_in
from optimizer.errors import Fault, InputError
from optimizer.reports.workbook.book import Book, Formula, Sheet, words_of

MOST_ROWS = 100_000
"""Variants that a workbook holds: formulas over more make spreadsheets stand still. CSV and Parquet hold all."""

FAR = 10_000_000_000
"""Above every figure: the least of some is this less the greatest distance from it, without an array formula. Doubles
near it are told apart to two millionths."""


def batch_workbook(
    pivot: Pivot, columns: list[str], records: Iterable[Record], language: str = "en"
) -> bytes:
    """Write a batch as a workbook.

    Args:
        pivot: the table across its results.
        columns: of the results, in their order.
        records: the results.
        language: of the sheets.

    Raises:
        InputError: there are more variants than a workbook holds.
    """
    if pivot.done > MOST_ROWS:
        raise InputError([Fault("options", "--output", f"a workbook of {pivot.done:,} variants",
                                f"at most {MOST_ROWS:,}; results.csv holds all")])
    words = words_of(language)
    book = Book(pivot.values, "USD")
    keys = len(pivot.row_keys)
    first = book.sheet(words["pivot"], (*(24.0 for _ in range(keys)), *(18.0 for _ in range(2 * len(pivot.columns)))),
                       None)
    results = book.sheet(words["results"], tuple(20.0 for _ in columns))
    last = _results(results, pivot, columns, records)
    _table(first, words, pivot, columns, results, last)
    return book.done()


def _results(sheet: Sheet, pivot: Pivot, columns: list[str], records: Iterable[Record]) -> int:
    """Write a row for each variant; return the last row. Keys are text, so that they compare as the pivot compares."""
    sheet.header(0, columns)
    keys, row = {*pivot.row_keys, *pivot.column_keys}, 0
    for row, record in enumerate(records, 1):
        for column, name in enumerate(columns):
            number = None if name in keys else number_in(record[name])
            if number is not None:
                sheet.put(row, column, number, "usd", given=name == pivot.values)
            elif name == pivot.values and name not in keys:
                sheet.put(row, column, None)
            else:
                sheet.put(row, column, str("" if record[name] is None else record[name]))
    return max(row, 1)


def _table(
    first: Sheet, words: dict[str, str], pivot: Pivot, columns: list[str], results: Sheet, last: int
) -> None:
    """Write the least of each row and column, and how many variants have the figure."""
    first.put(0, 0, f"{words['least']}: {pivot.values}", "title")
    first.put(1, 0, f"{pivot.done:,} / {pivot.total:,}")
    keys, top = len(pivot.row_keys), 3
    for column, key in enumerate(pivot.row_keys):
        first.put(top + len(pivot.column_keys), column, key, "header")
    for place, label in enumerate(pivot.columns):
        for down, (key, part) in enumerate(zip(pivot.column_keys, label, strict=True)):
            first.put(top + down, keys - 1, key, "bold")
            first.put(top + down, keys + 2 * place, part, "header")
        for beside, word in enumerate((words["least"], words["variants"])):
            first.put(top + len(pivot.column_keys), keys + 2 * place + beside, word, "header")
    figures = results.span(1, last, columns.index(pivot.values))
    spans = {key: results.span(1, last, columns.index(key)) for key in (*pivot.row_keys, *pivot.column_keys)}
    start = top + len(pivot.column_keys) + 1
    for row, label in enumerate(pivot.rows, start):
        for column, part in enumerate(label):
            first.put(row, column, part, "bold")
        for place, across in enumerate(pivot.columns):
            at = [(key, first.at(row, column)) for column, key in enumerate(pivot.row_keys)]
            at += [(key, first.at(top + down, keys + 2 * place)) for down, key in enumerate(pivot.column_keys)]
            _cell(first, (row, keys + 2 * place), pivot, (label, across),
                  "*".join(f"EXACT({spans[key]},{where})" for key, where in at), figures)


def _cell(
    sheet: Sheet, where: tuple[int, int], pivot: Pivot, key: tuple[Label, Label], chosen: str, figures: str
) -> None:
    found = pivot.cells.get(key)
    row, column = where
    known = f"{chosen}*ISNUMBER({figures})"
    least = f"{FAR}-SUMPRODUCT(MAX({known}*({FAR}-{figures})))"
    stands = "-" if found is None or found.least is None else found.least
    sheet.put(row, column, Formula(f'IF(SUMPRODUCT({known})=0,"-",{least})', stands), "usd")
    sheet.put(row, column + 1, Formula(f"SUMPRODUCT({known})", 0 if found is None else found.with_figure), "count")
