"""Certificates of other tools' instances: proven, accepted by the stand-alone check, small."""

from __future__ import annotations

import csv
import json
import os
import time
from itertools import groupby
from pathlib import Path

import pytest

from gpumix_referee import llmpilot, melange
from gpumix_referee.certify import certificate
from gpumix_referee.cheapest import cheapest_routing
from optimizer.errors import LimitError
from optimizer.proof.certificate import as_text
from optimizer.proof.check import checked
from tests.referee.test_melange import config, written

ROWS = list(csv.DictReader(
    (Path(__file__).parent.parent / "data" / "llmpilot_instances.csv").read_text(encoding="utf-8").splitlines()))
FOLDER = os.environ.get("GPUMIX_MELANGE_INSTANCES", "")


def test_a_split_of_traffic_is_proven_in_whole_nodes_and_shares(tmp_path: Path) -> None:
    path, folder = written(tmp_path, config()), tmp_path / "proofs"
    verdict = melange.judge(path, sliced=False, certificates=folder)
    (file,) = folder.glob("*.json")
    found = json.loads(file.read_text())
    assert checked(file.read_text()).startswith("PROVEN")
    unit, _, _ = found["unit"].partition(" ")
    top, _, bottom = unit.partition("/")
    assert found["claim"]["cost"] * int(top) / int(bottom or 1) == pytest.approx(verdict.usd_per_hour)
    assert any(not column.get("whole", True) for column in found["columns"])
    sliced = melange.traffic_of(config(), True)
    with pytest.raises(LimitError):
        certificate("sliced", sliced, cheapest_routing(sliced))


@pytest.mark.parametrize("name", [name for name, _ in groupby(ROWS, key=lambda row: row["instance"])][:4])
def test_llmpilot_instances_have_certificates(tmp_path: Path, name: str) -> None:
    mine = [row for row in ROWS if row["instance"] == name]
    options = {row["option"]: {"users": int(row["users"]), "cost": float(row["cost_usd_per_hour"])} for row in mine}
    file = tmp_path / f"{name}.json"
    file.write_text(json.dumps({
        "model": mine[0]["model"], "min_user_tps_p50": float(mine[0]["min_user_tps_p50"]),
        "concurrent_users": int(mine[0]["concurrent_users"]), "options": options}))
    llmpilot.judge(file, certificates=tmp_path / "proofs")
    (written_file,) = (tmp_path / "proofs").glob("*.json")
    assert checked(written_file.read_text()).startswith("PROVEN")


@pytest.mark.skipif(not FOLDER, reason="GPUMIX_MELANGE_INSTANCES names no folder of instances with stated optima")
def test_every_instance_of_the_folder_has_a_certificate_of_a_second_and_a_megabyte_at_most() -> None:
    for path in sorted(Path(FOLDER).glob("*.json")):
        name, found, _ = melange.read_config(path, False)
        traffic = melange.traffic_of(found, False)
        routing, start = cheapest_routing(traffic), time.process_time()
        text = as_text(certificate(name, traffic, routing))
        assert time.process_time() - start < 1.0, name
        assert len(text.encode()) <= 1_000_000, name
        assert checked(text).startswith("PROVEN"), name
