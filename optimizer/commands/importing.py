"""Commands that bring price catalogs of other projects into an overlay."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optimizer.commands.options import CatalogOption, FormatOption, LanguageOption, OutputOption
from optimizer.commands.publishing import Out
from optimizer.errors import Fault, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from optimizer.load.importers import ApiImport, Import, ModelNames, Origin
    from optimizer.load.importers.gpu_names import GpuNames

app = typer.Typer(
    help="Turn price lists of other projects into offers and API prices of an overlay.", no_args_is_help=True,
    rich_markup_mode=None)

IntoOption = Annotated[Path, typer.Option("--into", metavar="DIR", help="Overlay that the offers are written to.")]
ProviderOption = Annotated[
    str | None, typer.Option("--provider", metavar="NAME", help="Whose prices; default: from the file's name.")
]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Date of the prices; default: when the file was written.")
]
SourceOption = Annotated[
    str | None, typer.Option("--source-url", metavar="URL", help="Where the file is from; default: the project.")
]
NamesOption = Annotated[
    Path | None, typer.Option("--names", metavar="CSV", help="Own GPU names, in the columns of catalogs/gpu_names.csv.")
]
MarketOption = Annotated[bool, typer.Option("--marketplace", help="On-demand prices are those of single hosts.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace offers imported before.")]

SKYPILOT_URL = "https://github.com/skypilot-org/skypilot-catalog"
GPUHUNT_URL = "https://github.com/dstackai/gpuhunt"
GENAI_PRICES_URL = "https://github.com/pydantic/genai-prices"
LITELLM_URL = "https://github.com/BerriAI/litellm"


@app.command("skypilot")
def import_skypilot(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A <cloud>/vms.csv of SkyPilot's catalog.")],
    into: IntoOption, provider: ProviderOption = None, as_of: AsOfOption = None, source_url: SourceOption = None,
    names: NamesOption = None, marketplace: MarketOption = False, force: ForceOption = False,
    catalog: CatalogOption = None, form: FormatOption = None, output: OutputOption = None,
    language: LanguageOption = None,
) -> None:
    """Write SkyPilot's prices as offers, for --overlay."""
    from optimizer.load.importers import read_skypilot

    named = file.resolve().parent.name if file.stem == "vms" else file.stem
    _import(file, "skypilot", provider or named, read_skypilot, into, as_of, source_url or SKYPILOT_URL, names,
            marketplace, force,
        catalog, Out.of(form, output, language))


@app.command("gpuhunt")
def import_gpuhunt(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A <provider>.csv of gpuhunt's catalog.")],
    into: IntoOption, provider: ProviderOption = None, as_of: AsOfOption = None, source_url: SourceOption = None,
    names: NamesOption = None, marketplace: MarketOption = False, force: ForceOption = False,
    catalog: CatalogOption = None, form: FormatOption = None, output: OutputOption = None,
    language: LanguageOption = None,
) -> None:
    """Write gpuhunt's prices as offers, for --overlay."""
    from optimizer.load.importers import read_gpuhunt

    _import(file, "gpuhunt", provider or file.stem, read_gpuhunt, into, as_of, source_url or GPUHUNT_URL, names,
            marketplace, force,
        catalog, Out.of(form, output, language))


@app.command("genai-prices")
def import_genai_prices(
    into: IntoOption,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A prices/data.json; default: the installed package.")
    ] = None,
    as_of: AsOfOption = None, source_url: SourceOption = None, force: ForceOption = False,
    catalog: CatalogOption = None, form: FormatOption = None, output: OutputOption = None,
    language: LanguageOption = None,
) -> None:
    """Write the API prices of pydantic/genai-prices, for --overlay."""
    from optimizer.load.importers import read_genai_prices, read_package

    source = source_url or GENAI_PRICES_URL
    if file is not None:
        _import_apis(file, "genai-prices", read_genai_prices, into, as_of, source, force,
        catalog, Out.of(form, output, language))
        return
    try:
        package = import_module("genai_prices.data")
    except ImportError:
        fault = Fault("FILE", "", "none, and the package genai-prices is not installed", "a prices/data.json")
        raise InputError([fault]) from None
    if as_of is None:
        raise InputError([Fault("options", "--as-of", "nothing", "the date of the package, which does not state it")])
    _import_apis(
        Path("genai_prices"), "genai-prices", lambda _, origin, names: read_package(package, origin, names), into,
        as_of, source, force,
        catalog, Out.of(form, output, language))


@app.command("litellm")
def import_litellm(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A model_prices_and_context_window.json.")],
    into: IntoOption, as_of: AsOfOption = None, source_url: SourceOption = None, force: ForceOption = False,
    catalog: CatalogOption = None, form: FormatOption = None, output: OutputOption = None,
    language: LanguageOption = None,
) -> None:
    """Write the API prices of LiteLLM, for --overlay."""
    from optimizer.load.importers import read_litellm

    _import_apis(file, "litellm", read_litellm, into, as_of, source_url or LITELLM_URL, force,
        catalog, Out.of(form, output, language))


def _import_apis(
    file: Path, tool: str, read: Callable[[str, Origin, ModelNames], ApiImport], into: Path, as_of: str | None,
    source_url: str, force: bool, catalog: Path | None, out: Out,
) -> None:
    """Read a list of API prices, write those of models that the catalog has, and say what was left out."""
    from optimizer.load import load_catalog, read_bytes
    from optimizer.load.importers import ModelNames, Origin
    from optimizer.load.text import decode
    from optimizer.reports.import_report import api_import_document, apis_csv

    text = decode(read_bytes(file), str(file)) if file.suffix else ""
    place = into / "apis" / f"{tool}.csv"
    _check_options(tool, as_of, place, force)
    date = as_of or datetime.fromtimestamp(file.stat().st_mtime, UTC).date().isoformat()
    models = load_catalog(catalog).models
    found = read(text, Origin(str(file), tool, date, source_url, marketplace=False), ModelNames(models))
    if not found.prices:
        raise InputError([Fault(str(file), "", "no price of a model that the catalog has", "prices of such models")])
    _write(place, apis_csv(found))
    out.write(api_import_document(found, str(place)))


def _import(
    file: Path, tool: str, provider: str, read: Callable[[str, Origin, GpuNames], Import], into: Path,
    as_of: str | None, source_url: str, names: Path | None, marketplace: bool, force: bool, catalog: Path | None,
    out: Out,
) -> None:
    """Read a file, write its offers whole or not at all, and say what was left out and what is hard to believe."""
    from optimizer.costs.plausible import Market
    from optimizer.load import load_catalog, read_bytes
    from optimizer.load.importers import Origin
    from optimizer.load.importers.gpu_names import read_gpu_names
    from optimizer.load.text import decode
    from optimizer.reports.import_report import import_document, offers_csv

    text = decode(read_bytes(file), str(file))
    provider = provider.lower()
    place = into / "offers" / f"{tool}-{provider}.csv"
    _check_options(provider, as_of, place, force)
    date = as_of or datetime.fromtimestamp(file.stat().st_mtime, UTC).date().isoformat()
    origin = Origin(str(file), provider, date, source_url, marketplace)
    facts = load_catalog(catalog, (), ())
    found = read(text, origin, read_gpu_names(facts.gpus, names))
    if not found.offers:
        reasons = "; ".join(f"{one.rows} rows: {one.reason}" for one in found.left_out[:5])
        raise InputError([Fault(str(file), "", f"no row that becomes an offer ({reasons})", "rows with a known GPU")])
    _write(place, offers_csv(found))
    gpus = {offer.gpu_id for offer in found.offers}
    doubts = tuple(Market(facts, gpus).doubts(found.offers))
    out.write(import_document(found, str(place), doubts))


def _check_options(provider: str, as_of: str | None, place: Path, force: bool) -> None:
    """Refuse options that make no offers, and an import over an older one."""
    faults = []
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", provider):
        faults.append(Fault("options", "--provider", repr(provider), "lower-case letters, digits, '.', '_' and '-'"))
    if as_of is not None and not re.fullmatch(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?", as_of):
        faults.append(Fault("options", "--as-of", repr(as_of), "a date as 2026-08-21, 2026-08 or 2026"))
    if place.exists() and not force:
        faults.append(Fault("--into", str(place), "offers imported before", "a place without them, or --force"))
    if faults:
        raise InputError(faults)


def _write(place: Path, text: str) -> None:
    from optimizer.documents.output import write_atomically

    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"a place that cannot be written ({error.strerror or error})"
        raise InputError([Fault("--into", str(place.parent), why, "a folder")]) from None
    write_atomically(place, text, "--into")
