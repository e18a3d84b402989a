"""What templates write is read as it was meant, or refused with its place; dates and notes are told from inputs."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.documents.document import Box, Bullets, Heading, Paragraph, Span, Table, Verbatim
from optimizer.documents.templates import printable, written
from optimizer.documents.terminal import pieces, width_of, wrapped
from optimizer.errors import InputError
from optimizer.reports.specification.markup import read_document
from optimizer.reports.specification.validity import validity_of


def read(inside: str) -> tuple[object, ...]:
    """Read the blocks of one section."""
    return read_document(f'<document><section id="s" title="T">{inside}</section></document>', "t").sections[0].blocks


def test_blanks_count_once_and_styles_add_up() -> None:
    (line,) = read("<p>\n  a <b>bold <code>both</code></b>  <a href='https://x'>c</a><note n='2'/> </p>")
    assert line == Paragraph((
        Span("a "), Span("bold ", bold=True), Span("both", bold=True, code=True), Span(" "),
        Span("c", href="https://x"), Span("", note=2),
    ))


def test_every_block_is_read() -> None:
    found = read(
        '<h>H</h><ul><li>a</li><li>b</li></ul><pre>\n x\n  y\n</pre><box tone="warn"><p>in</p></box>'
        '<table caption="C" widths="2,1" align="lr"><tr head="1"><td>n</td><td>v</td></tr>'
        '<tr><td>a</td><td>1</td></tr></table><p> </p><ul></ul><table caption="none"></table>'
    )
    heading, bullets, verbatim, box, table = found
    assert heading == Heading("H")
    assert bullets == Bullets(((Span("a"),), (Span("b"),)))
    assert verbatim == Verbatim(" x\n  y")
    assert box == Box("warn", (Paragraph((Span("in"),)),))
    assert isinstance(table, Table)
    assert (table.align, table.widths, table.number) == ("lr", (2, 1), 1)
    assert table.rows == (((Span("a"),), (Span("1"),)),)


@pytest.mark.parametrize(("inside", "said"), [
    ("<p>a", "does not close what it opens"),
    ("<p><p>a</p></p>", "inside <p>: found <p>"),
    ("<table caption='C'><tr><td>a</td></tr><tr><td>a</td><td>b</td></tr></table>", "rows of [1, 2] cells"),
    ("<div/>", "inside <section>: found <div>"),
    ("<p>a<note n='x'/></p>", "n: found 'x'"),
    ("<table widths='a'><tr><td>a</td></tr></table>", "widths: found 'a'"),
    ("<table widths='1,2'><tr><td>a</td></tr></table>", "widths: found 2 for 1 columns"),
    (f"{'<b>' * 5000}{'</b>' * 5000}", "more than 40 levels of elements"),
], ids=["open", "paragraph in paragraph", "ragged table", "unknown", "note", "width", "widths", "deep"])
def test_what_is_no_document_is_refused(inside: str, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("[", r"\[").replace("]", r"\]")):
        read(inside)


@given(st.text())
def test_any_text_comes_through_a_template_unharmed(text: str) -> None:
    template = "<document><section id='s' title='{{ x }}'><pre>{{ x }}</pre></section></document>"
    section = read_document(written({"t": template}, "t", {"x": text}, {}), "t").sections[0]
    (block,) = section.blocks
    assert isinstance(block, Verbatim)
    shown = printable(text).replace("\r\n", "\n").replace("\r", "\n")  # as XML reads line ends
    assert block.text == shown.strip("\n")


@given(st.text(alphabet="ab 構成、。（）ー-×"))
def test_lines_hold_all_text_and_stay_within_the_terminal(text: str) -> None:
    assert "".join(pieces(text.lstrip())) == text.lstrip()
    lines = wrapped(text, "", "")
    assert "".join("".join(lines).split()) == "".join(text.split())
    longest = max((width_of(piece.rstrip()) for piece in pieces(text)), default=0)
    assert max(width_of(line) for line in lines) <= max(80, longest)


def test_no_line_begins_with_a_full_stop_or_ends_with_an_opening_bracket() -> None:
    lines = wrapped("構成案（費用）。" * 30, "", "")
    assert len(lines) > 3
    assert not [line for line in lines if line[0] in "。）" or line[-1] in "（"]


@pytest.mark.parametrize(("dates", "prices", "expected"), [
    # the oldest price is of some day in 2025, so it holds three months past the year's end
    (["2026-08-21"], ["2025", "2026-07"], ("2026-08-21", "2025", date(2026, 3, 31), True)),
    # a year among newer dates is not newer than a day of it
    (["2026", "2026-02-01"], ["2026-01-15"], ("2026-02-01", "2026-01-15", date(2026, 4, 15), False)),
    ([], ["2026-11-30"], ("2026-11-30", "2026-11-30", date(2027, 2, 28), False)),
])
def test_prices_hold_three_months(
    dates: list[str], prices: list[str], expected: tuple[str, str, date, bool]
) -> None:
    found = validity_of(dates, prices)
    assert found is not None
    assert (found.as_of, found.oldest, date.fromisoformat(found.until), found.lapsed) == expected


def test_without_a_price_nothing_lapses() -> None:
    assert validity_of(["2026-01-01"], []) is None
