"""How every command writes its result: one format and one language, refused before anything is solved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from optimizer.commands.options import Format, emit, language_of
from optimizer.errors import Fault, InputError
from optimizer.messages import Voice, voice_of
from optimizer.messages.catalog import languages

if TYPE_CHECKING:
    from optimizer.documents.document import Document
    from optimizer.documents.pictures import Pictures
    from optimizer.schema.problem import Problem


@dataclass(frozen=True)
class Out:
    """Where a result goes, in which format, and who words it."""

    form: str
    output: Path | None
    voice: Voice

    @classmethod
    def of(cls, form: Format | None, output: Path | None, language: str | None = None, default: str = "text",
           more: tuple[str, ...] = ()) -> Out:
        """Choose the format: the one asked for, else that of the file's ending, else the default.

        Raises:
            InputError: with every reason why nothing can be written so.
        """
        from optimizer.documents.publish import BINARY, SUFFIXES, check_libraries

        by_name = None if output is None else SUFFIXES.get(output.suffix.lower())
        chosen = (form and form.value) or by_name or default
        faults = []
        if output is None and chosen in BINARY:
            faults.append(Fault("options", "--format", f"{chosen} without --output", "--output FILE beside it"))
        if by_name is not None and by_name != chosen:
            faults.append(Fault("--output", str(output), f"the ending of {by_name}", f"an ending for {chosen}"))
        if language is not None and language not in languages():
            faults.append(Fault("options", "--lang", repr(language), " or ".join(map(repr, languages()))))
        if faults:
            raise InputError(faults)
        check_libraries(chosen, "--output" if form is None and by_name else "--format", more)
        return cls(chosen, output, voice_of(language_of(language)))

    def for_problem(self, problem: Problem, asked: str | None) -> Out:
        """Return the same in the problem's own language, where none was asked for."""
        return replace(self, voice=voice_of(language_of(asked, problem)))

    def write(self, document: Document, pictures: Pictures | None = None) -> None:
        """Print a document, or write it to its file."""
        from optimizer.documents.publish import published

        self.put(published(document, self.form, self.voice, pictures))

    def put(self, made: str | bytes) -> None:
        """Print what was written, or write it to its file."""
        if isinstance(made, str) and self.form in ("text", "markdown", "csv", "json"):
            emit(made, self.output)
        elif self.output is None:
            typer.echo(made, nl=False)
        else:
            from optimizer.documents.output import write_atomically

            write_atomically(self.output, made)
