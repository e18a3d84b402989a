"""Price catalogs of other projects, read into offers of our own."""

from optimizer.load.importers.gpuhunt import read_gpuhunt
from optimizer.load.importers.offers import Import, LeftOut, Origin
from optimizer.load.importers.skypilot import read_skypilot

__all__ = ["Import", "LeftOut", "Origin", "read_gpuhunt", "read_skypilot"]
