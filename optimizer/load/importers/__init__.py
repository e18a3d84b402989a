"""Price catalogs of other projects, read into offers and API prices of our own."""

from optimizer.load.importers.apis import ApiImport
from optimizer.load.importers.genai_prices import read_genai_prices, read_package
from optimizer.load.importers.gpuhunt import read_gpuhunt
from optimizer.load.importers.litellm import read_litellm
from optimizer.load.importers.model_names import ModelNames
from optimizer.load.importers.offers import Import, LeftOut, Origin
from optimizer.load.importers.skypilot import read_skypilot

__all__ = [
    "ApiImport", "Import", "LeftOut", "ModelNames", "Origin", "read_genai_prices", "read_gpuhunt", "read_litellm",
    "read_package", "read_skypilot",
]
