"""Many problems at once: variants, a ledger, workers, and one table of results."""

from optimizer.batch.run import Finished, run_batch
from optimizer.batch.solver import Facts
from optimizer.batch.variants import Sources, Variant, Variants, expanded_sources, variants_of

__all__ = [
    "Facts", "Finished", "Sources", "Variant", "Variants", "expanded_sources", "run_batch", "variants_of",
]
