"""Everything that `gpumix catalog calibrate` finds: the fit, and its errors on rows left out."""

from __future__ import annotations

from optimizer.load import Catalog
from optimizer.schema.calibration import Calibration
from optimizer.throughput.errors import errors_of
from optimizer.throughput.fit import fit
from optimizer.throughput.samples import samples


def calibrate(catalog: Catalog) -> Calibration:
    """Fit everything on the rows of a whole catalog, and leave them out in turn to see how wrong it is."""
    fitted, _ = fit(samples(catalog))
    tpot_errors, ttft_errors = errors_of(catalog)
    return fitted.model_copy(update={"tpot_errors": tpot_errors, "ttft_errors": ttft_errors})
