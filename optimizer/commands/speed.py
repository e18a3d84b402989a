"""The command that looks at one speed."""

from __future__ import annotations

from typing import Annotated

import typer

from optimizer.commands.options import (
    CatalogOption,
    FormatOption,
    LanguageOption,
    OutputOption,
    OverlayOption,
    overlays_of,
)
from optimizer.commands.publishing import Out

app = typer.Typer()


@app.command()
def speed(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model id, alias or Hugging Face name.")],
    gpu: Annotated[str, typer.Option("--gpu", metavar="ID", help="GPU type.")],
    engine: Annotated[str, typer.Option("--engine", metavar="E", help="Inference engine.")] = "vllm",
    tp: Annotated[int, typer.Option("--tp", min=1, max=64, help="Tensor-parallel size.")] = 1,
    layout: Annotated[str | None, typer.Option(
        "--layout", metavar="WORD", help="Instead of --tp: how the replica spreads, such as tp4-pp2 or tp1-dp8-ep8.",
    )] = None,
    precision: Annotated[str | None, typer.Option("--precision", metavar="P", help="Default: the model's own.")] = None,
    isl: Annotated[int, typer.Option("--isl", min=1, max=10_000_000, help="Input tokens.")] = 1024,
    osl: Annotated[int, typer.Option("--osl", min=1, max=10_000_000, help="Output tokens.")] = 256,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, max=1_000_000, help="Requests in flight.")] = 1,
    confidence: Annotated[float, typer.Option("--confidence", min=0.01, max=0.99, help="Of the interval.")] = 0.9,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    form: FormatOption = None,
    output: OutputOption = None,
    language: LanguageOption = None,
) -> None:
    """Show how fast a replica is: each term of the estimate, the rows it rests on, and its error bar."""
    from optimizer.load import load_catalog
    from optimizer.reports import speed_report

    out = Out.of(form, output, language)

    facts = load_catalog(catalog, overlays_of(overlay))
    asked = speed_report.asked_of(facts, model, gpu, engine, precision, tp, isl, osl, layout)
    out.write(speed_report.speed_document(speed_report.speed_of(facts, asked, concurrency, confidence)))
