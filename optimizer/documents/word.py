"""A document for Word and LibreOffice: real headings, tables, captions and links; the same bytes each time."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import docx
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from optimizer.documents.document import (
    Block,
    Box,
    Bullets,
    Document,
    Figure,
    Heading,
    Line,
    Paragraph,
    Span,
    Table,
    Verbatim,
    spans,
    with_details,
)
from optimizer.documents.pictures import Pictures

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands for the time of writing, which no document depends on."""

ZIP_TIME = (1980, 1, 1, 0, 0, 0)

TEXT_WIDTH_MM = 174

UNBROKEN_ROWS = 12
"""Tables of up to so many rows stay on one page."""

MAIN, PALE, LINE = "0B4F7D", "EEF3F7", "C9CED6"
TONES = {"plain": "EEF3F7", "good": "E8F3EC", "warn": "FDF4E3", "bad": "FBE9E7"}

LATIN, JAPANESE = "Calibri", "Yu Gothic"
"""Fonts of the reader's machine; where one is missing the word processor takes another."""


class _Layout:
    """Lays one document out."""

    def __init__(self, document: Document, pictures: Pictures) -> None:
        self.document, self.pictures = document, pictures
        self.file = docx.Document()
        self.bookmarks = 0
        self._styles()

    def _styles(self) -> None:
        """Set page, fonts and headings."""
        page = self.file.sections[0]
        page.page_width, page.page_height = Mm(210), Mm(297)
        page.left_margin = page.right_margin = Mm(18)
        page.top_margin = page.bottom_margin = Mm(18)
        for name, size in (("Normal", 10), ("Title", 22), ("Heading 1", 14), ("Heading 2", 11), ("Caption", 9),
                           ("List Bullet", 10)):
            style: Any = self.file.styles[name]
            style.font.name, style.font.size = LATIN, Pt(size)
            fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
            for kind in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
                fonts.attrib.pop(qn(f"w:{kind}"), None)
            fonts.set(qn("w:eastAsia"), JAPANESE)
            if name != "Normal":
                style.font.color.rgb = RGBColor.from_string("1A1A1A" if name in ("Caption", "List Bullet") else MAIN)
        self.file.styles["Normal"].paragraph_format.space_after = Pt(4)
        language = OxmlElement("w:lang")
        language.set(qn("w:val"), "en-US")  # of what is written in Latin letters, so that names break where they may
        language.set(qn("w:eastAsia"), "ja-JP")
        self.file.styles["Normal"].element.get_or_add_rPr().append(language)

    def whole(self) -> bytes:
        """Lay out everything."""
        doc = self.document
        if self.pictures.logo:
            logo = self.file.add_paragraph()
            logo.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            logo.add_run().add_picture(io.BytesIO(self.pictures.logo[1]), height=Mm(13))
        self.file.add_paragraph(doc.title, style="Title")
        if doc.subtitle:
            self.file.add_paragraph(doc.subtitle)
        if doc.facts:
            self._grid(tuple((_text(name), _text(value)) for name, value in doc.facts), (), (3, 8), "ll", False, False)
        for section in doc.sections:
            if section.title:
                number = f"{section.number}. " if section.number else ""
                heading = self.file.add_heading(f"{number}{section.title}", level=1)
                heading.paragraph_format.page_break_before = section.new_page
            for block in section.blocks:
                self.block(block, section.ident == "sources")
        self._page_numbers()
        core = self.file.core_properties
        core.title = f"{doc.title}: {doc.subtitle}" if doc.subtitle else doc.title
        core.author = core.last_modified_by = "gpumix"
        core.created = core.modified = core.last_printed = BEGINNING
        core.comments, core.revision, core.language = "", 1, doc.language
        stream = io.BytesIO()
        self.file.save(stream)
        return timeless(stream.getvalue())

    def block(self, block: Block, notes: bool) -> None:
        """Lay out one block."""
        if isinstance(block, Heading):
            self.file.add_heading(block.text, level=2)
        elif isinstance(block, Paragraph):
            self._line(self.file.add_paragraph(), block.line, {"lead": 13, "small": 8.5}.get(block.style))
        elif isinstance(block, Bullets):
            for item in block.items:
                self._line(self.file.add_paragraph(style="List Bullet"), item)
        elif isinstance(block, Table):
            if block.caption:
                self._caption(self.document.labels.table, block.number, block.caption, keep=True)
            block = with_details(block)
            self._grid(block.rows, block.header, block.widths, block.align, block.tall, notes)
            self.file.add_paragraph().paragraph_format.space_after = Pt(2)
        elif isinstance(block, Figure):
            self.file.add_picture(io.BytesIO(self.pictures.figures[block.name].png), width=Mm(TEXT_WIDTH_MM))
            self.file.paragraphs[-1].paragraph_format.keep_with_next = True
            self._caption(self.document.labels.figure, block.number, block.caption, keep=False)
        elif isinstance(block, Verbatim):
            self._verbatim(block)
        elif isinstance(block, Box):
            self._box(block)

    def _caption(self, word: str, number: int, caption: str, keep: bool) -> None:
        """Write a caption whose number the word processor counts itself."""
        english = self.document.language != "ja"
        paragraph = self.file.add_paragraph(style="Caption")
        paragraph.paragraph_format.keep_with_next = keep
        if number:
            paragraph.add_run(f"{word}{' ' if english else ''}")
            self._field(paragraph, f"SEQ {word} \\* ARABIC", str(number))
        paragraph.add_run(f"{('. ' if english else '　') if number else ''}{caption}")

    def _field(self, paragraph: Any, instruction: str, shown: str) -> None:
        """Add a field that the word processor fills in, with what it shows before."""
        field = OxmlElement("w:fldSimple")
        field.set(qn("w:instr"), instruction)
        run = paragraph.add_run(shown)
        field.append(run._r)
        paragraph._p.append(field)

    def _line(
        self, paragraph: Any, line: Line, size: float | None = None, colour: str = "", bold: bool = False
    ) -> None:
        """Write the runs of a line into a paragraph."""
        for span in spans(line):
            parent = paragraph
            if span.href or span.note:
                parent = self._link(paragraph, span)
            run = paragraph.add_run(f"[{span.note}]" if span.note else span.text)
            run.bold = True if span.bold or bold else None
            run.font.size = Pt(size) if size else None
            if span.note:
                run.font.superscript = True
            if span.code:
                run.font.name = "Consolas"
            if colour:
                run.font.color.rgb = RGBColor.from_string(colour)
            elif span.href or span.note:
                run.font.color.rgb = RGBColor.from_string(MAIN)
            if parent is not paragraph:
                parent.append(run._r)

    def _link(self, paragraph: Any, span: Span) -> Any:
        """Add a link to an address, or to the row of a note."""
        link = OxmlElement("w:hyperlink")
        if span.note:
            link.set(qn("w:anchor"), f"note_{span.note}")
        else:
            kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink"
            link.set(qn("r:id"), self.file.part.relate_to(span.href, kind, is_external=True))
        paragraph._p.append(link)
        return link

    def _grid(self, rows: tuple[tuple[Line, ...], ...], header: tuple[Line, ...], widths: tuple[int, ...], align: str,
              tall: bool, notes: bool) -> None:
        """Add a table; its header stands on every page."""
        listed = [*([header] if header else []), *rows]
        table = self.file.add_table(rows=len(listed), cols=len(widths), style="Table Grid")
        table.alignment, table.autofit = WD_TABLE_ALIGNMENT.CENTER, False
        self._borders(table)
        columns = [Mm(TEXT_WIDTH_MM * width / sum(widths)) for width in widths]
        for column, width in zip(table.columns, columns, strict=True):
            column.width = width
        for index, (row, cells) in enumerate(zip(table.rows, listed, strict=True)):
            head = bool(header) and index == 0
            properties = row._tr.get_or_add_trPr()
            properties.append(OxmlElement("w:cantSplit"))
            if head:
                properties.append(OxmlElement("w:tblHeader"))
            if tall and not head:
                row.height = Mm(13)
            for place, (cell, line) in enumerate(zip(row.cells, cells, strict=True)):
                cell.width = columns[place]
                self._cell(cell, line, head, align[place] == "r", not header and place == 0)
                together = len(listed) <= UNBROKEN_ROWS and index < len(listed) - 1
                cell.paragraphs[0].paragraph_format.keep_with_next = True if together else None
            if notes and not head:
                self._bookmark(row.cells[0].paragraphs[0], f"note_{index}")

    def _cell(self, cell: Any, line: Line, head: bool, right: bool, name: bool) -> None:
        """Fill one cell."""
        paragraph = cell.paragraphs[0]
        paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(1.5)
        if right:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        self._line(paragraph, line, 8.5, "FFFFFF" if head else "", bold=head or name)
        if head or name:
            self._shade(cell, MAIN if head else PALE)

    def _borders(self, table: Any) -> None:
        """Draw the lines of a table pale."""
        borders = OxmlElement("w:tblBorders")
        for side in ("top", "left", "bottom", "right", "insideH", "insideV"):
            edge = OxmlElement(f"w:{side}")
            for name, value in (("val", "single"), ("sz", "4"), ("space", "0"), ("color", LINE)):
                edge.set(qn(f"w:{name}"), value)
            borders.append(edge)
        table._tbl.tblPr.append(borders)

    def _shade(self, cell: Any, colour: str) -> None:
        """Colour the ground of a cell."""
        shade = OxmlElement("w:shd")
        for name, value in (("val", "clear"), ("color", "auto"), ("fill", colour)):
            shade.set(qn(f"w:{name}"), value)
        cell._tc.get_or_add_tcPr().append(shade)

    def _bookmark(self, paragraph: Any, name: str) -> None:
        """Mark a place that notes lead to."""
        self.bookmarks += 1
        for tag in ("w:bookmarkStart", "w:bookmarkEnd"):
            mark = OxmlElement(tag)
            mark.set(qn("w:id"), str(self.bookmarks))
            if tag == "w:bookmarkStart":
                mark.set(qn("w:name"), name)
            paragraph._p.append(mark)

    def _verbatim(self, block: Verbatim) -> None:
        """Write text line by line, in one shaded cell."""
        cell = self._frame("F5F6F8")
        paragraph = cell.paragraphs[0]
        for number, text in enumerate(block.text.split("\n")):
            run = paragraph.add_run(text)
            run.font.size, run.font.name = Pt(7.5), "Consolas"
            run._r.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), JAPANESE)
            if number < block.text.count("\n"):
                run.add_break()
        self.file.add_paragraph()

    def _box(self, box: Box) -> None:
        """Write paragraphs in one shaded cell; boxes hold nothing else."""
        cell = self._frame(TONES[box.tone])
        for number, inner in enumerate(box.blocks):
            if isinstance(inner, Paragraph):
                paragraph = cell.paragraphs[0] if number == 0 else cell.add_paragraph()
                self._line(paragraph, inner.line, {"lead": 13, "small": 8.5}.get(inner.style))
        self.file.add_paragraph().paragraph_format.space_after = Pt(0)

    def _frame(self, colour: str) -> Any:
        """Add a table of one shaded cell."""
        table = self.file.add_table(rows=1, cols=1)
        table.alignment = WD_TABLE_ALIGNMENT.CENTER
        cell = table.rows[0].cells[0]
        cell.width = Mm(TEXT_WIDTH_MM)
        self._shade(cell, colour)
        return cell

    def _page_numbers(self) -> None:
        """Number the pages at the foot."""
        paragraph = self.file.sections[0].footer.paragraphs[0]
        paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        before, _, after = self.document.labels.page.partition("{page}")
        between, _, end = after.partition("{pages}")
        paragraph.add_run(before)
        self._field(paragraph, "PAGE", "1")
        paragraph.add_run(between)
        self._field(paragraph, "NUMPAGES", "1")
        paragraph.add_run(end)


def _text(text: str) -> Line:
    return (Span(text),)


def timeless(data: bytes) -> bytes:
    """Return a zip archive without the time at which it was made."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name, ZIP_TIME)
            info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, 0o600 << 16, 3
            new.writestr(info, old.read(name))
    return stream.getvalue()


def render(document: Document, pictures: Pictures, own: Mapping[str, str]) -> bytes:
    """Lay a document out for a word processor; own templates have no say in the layout."""
    return _Layout(document, pictures).whole()
