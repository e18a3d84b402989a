"""The catalog as people look at it: tables, one fact sheet, the findings of a check, a fitted calibration."""

from __future__ import annotations

from collections.abc import Iterable

from optimizer.reports.catalog_findings import findings_document
from optimizer.reports.catalog_sheet import sheet_document
from optimizer.reports.catalog_tables import listing_document
from optimizer.schema.calibration import Calibration, KinWeights

CALIBRATION_HEADER = (
    "# Fitted by `gpumix catalog calibrate` on the measured rows of throughput/; do not edit by hand.\n"
)


def calibration_yaml(calibration: Calibration) -> str:
    """Render a calibration as calibration.yaml has it."""
    import yaml

    return CALIBRATION_HEADER + yaml.safe_dump(calibration.model_dump(mode="json"), sort_keys=False)


def kin_weights_csv(weights: Iterable[KinWeights]) -> str:
    """Render what measured rows weigh as kin_weights.csv has it."""
    rows = [tuple(KinWeights.model_fields), *(tuple(one.model_dump().values()) for one in weights)]
    return "".join(f"{','.join(row)}\n" for row in rows)


__all__ = ["calibration_yaml", "findings_document", "kin_weights_csv", "listing_document", "sheet_document"]
