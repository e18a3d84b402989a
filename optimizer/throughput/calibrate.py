"""Everything that `gpumix catalog calibrate` finds: the fit, and its errors on rows left out."""

from __future__ import annotations

from dataclasses import replace

from optimizer.load import Catalog
from optimizer.schema.calibration import Calibration
from optimizer.throughput.errors import errors_of, version_error
from optimizer.throughput.fit import fit
from optimizer.throughput.samples import dates_in, samples


def constants_of(catalog: Catalog) -> Calibration:
    """Fit the constants, and find the dates, on the rows of a whole catalog; errors are left empty."""
    catalog = replace(catalog, calibration=None)  # its dates are found anew
    rows = samples(catalog)
    fitted, _ = fit(rows)
    releases, deployed = dates_in(catalog)
    return fitted.model_copy(update={
        "releases": releases, "deployed": deployed, "version_error_per_root_year": version_error(rows)})


def calibrate(catalog: Catalog) -> Calibration:
    """Fit everything on the rows of a whole catalog, and leave them out in turn to see how wrong it is."""
    fitted = constants_of(catalog)
    tpot_errors, ttft_errors = errors_of(replace(catalog, calibration=None))
    return fitted.model_copy(update={"tpot_errors": tpot_errors, "ttft_errors": ttft_errors})
