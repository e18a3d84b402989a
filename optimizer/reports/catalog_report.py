"""The catalog as people look at it: tables, one fact sheet, the findings of a check, a fitted calibration."""

from __future__ import annotations

from optimizer.reports.catalog_findings import findings
from optimizer.reports.catalog_sheet import details
from optimizer.reports.catalog_tables import listing
from optimizer.schema.calibration import Calibration

CALIBRATION_HEADER = (
    "# Fitted by `gpumix catalog calibrate` on the measured rows of throughput/; do not edit by hand.\n"
)


def calibration_yaml(calibration: Calibration) -> str:
    """Render a calibration as calibration.yaml has it."""
    import yaml

    return CALIBRATION_HEADER + yaml.safe_dump(calibration.model_dump(mode="json"), sort_keys=False)


__all__ = ["calibration_yaml", "details", "findings", "listing"]
