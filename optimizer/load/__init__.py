"""The only reader of files: every fault of a file is collected and named with its place."""

from optimizer.load.catalog import Catalog, load_catalog
from optimizer.load.layers import shipped_catalog_dir
from optimizer.load.problem import LoadedProblem, load_problem, problem_text, shipped_problem_names
from optimizer.load.text import read_bytes

__all__ = [
    "Catalog",
    "LoadedProblem",
    "load_catalog",
    "load_problem",
    "problem_text",
    "read_bytes",
    "shipped_catalog_dir",
    "shipped_problem_names",
]
