"""Foreign price lists as offers: which GPU a name means, what is left out and why, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.errors import InputError
from optimizer.load import Catalog
from optimizer.load.importers import Import, Origin, read_gpuhunt, read_skypilot
from optimizer.load.importers.gpu_names import GpuNames, read_gpu_names

SKY = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Region,SpotPrice,Price,AvailabilityZone,GpuInfo\n"
HUNT = (
    "instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,disk_size,gpu_vendor,flags\n")


@pytest.fixture(scope="module")
def names(shipped: Catalog) -> GpuNames:
    return read_gpu_names(shipped.gpus)


def sky(names: GpuNames, rows: str, provider: str = "aws", marketplace: bool = False) -> Import:
    return read_skypilot(SKY + rows, Origin("vms.csv", provider, "2026-11-01", "https://x.example", marketplace), names)


def hunt(names: GpuNames, rows: str) -> Import:
    return read_gpuhunt(HUNT + rows, Origin("aws.csv", "aws", "2026-11-01", "https://x.example", False), names)


def test_a_row_is_an_offer_on_demand_and_one_on_spot(names: GpuNames) -> None:
    found = sky(names, "g6.48xlarge,L4,8.0,192,768,us-east-1,5.5,13.35,us-east-1a,\"{'Gpus': [{'Name': 'L4'}]}\"\n")
    demand, spot = found.offers
    assert (demand.offer_id, demand.kind, demand.price) == ("aws-g6.48xlarge-us-east-1-on-demand", "on_demand", 13.35)
    assert (demand.gpu_id, demand.gpu_count, demand.region, demand.as_of) == ("l4-24gb", 8, "us-east-1", "2026-11-01")
    assert (spot.kind, spot.price, found.left_out) == ("spot", 5.5, ())


def test_of_several_zones_the_cheapest_is_kept_and_said(names: GpuNames) -> None:
    rows = "".join(f"x,L4,1,4,16,r1,{spot},0.8,r1{zone},\n" for zone, spot in (("a", 0.3), ("b", 0.2), ("c", "")))
    demand, spot = sky(names, rows).offers
    assert (spot.price, spot.notes) == (0.2, "imported; GPU named L4; cheapest of 2 listings")
    assert "cheapest of 3 listings" in demand.notes


def test_what_is_no_offer_is_left_out_with_its_reason(names: GpuNames) -> None:
    rows = (
        "m5.large,,,2,8,r1,,0.1,r1a,\n"  # no GPU
        ",A100,1.0,,,us-central1,1.1,2.9,us-central1-a,\n"  # GPUs without a host, as for GCP
        "g4ad,Radeon Pro V520,1,4,16,r1,,0.4,r1a,\n"  # unknown
        "p2,K80,1,4,61,r1,,0.9,r1a,\n"  # known, and none of ours
        "small,L4,0.25,1,4,r1,,0.2,r1a,\n"  # a quarter of a GPU
        "free,L4,1,1,4,r1,,0,r1a,\n"  # no price
        "good,L4,1,1,4,r1,,0.7,r1a,\n")
    found = sky(names, rows)
    assert [offer.instance_type for offer in found.offers] == ["good"]
    reasons = {one.reason: one.examples for one in found.left_out}
    assert reasons["no GPU"] == ("m5.large",)
    assert reasons["the price of GPUs without their host: no node"] == ("A100",)
    assert reasons["no GPU of the catalog is called Radeon Pro V520"] == ("g4ad in r1",)
    assert reasons["a fraction of a GPU"] == ("small in r1",)
    assert reasons["no on-demand price"] == ("free in r1",)
    assert any("older than" in reason for reason in reasons)
    assert found.rows == 7


@pytest.mark.parametrize(("provider", "instance", "name", "gpu"), [
    ("aws", "p4d.24xlarge", "A100", "a100-sxm-40gb"),
    ("azure", "Standard_NC24ads_A100_v4", "A100-80GB", "a100-pcie-80gb"),
    ("azure", "Standard_ND96amsr_A100_v4", "A100-80GB", "a100-sxm-80gb"),
    ("runpod", "1x_A100-80GB_SECURE", "A100-80GB", "a100-pcie-80gb"),
    ("runpod", "1x_A100-80GB-SXM_SECURE", "A100-80GB-SXM", "a100-sxm-80gb"),
    ("lambda", "gpu_1x_h100_pcie", "H100", "h100-pcie-80gb"),
    ("lambda", "gpu_8x_h100_sxm5", "H100", "h100-sxm-80gb"),
    ("runpod", "1x_RTX6000-Ada_SECURE", "RTX6000-Ada", "rtx-6000-ada-48gb"),
])
def test_one_name_means_different_gpus_in_different_places(
    names: GpuNames, provider: str, instance: str, name: str, gpu: str
) -> None:
    found = sky(names, f"{instance},{name},1,8,80,r1,,2.5,z,\n", provider)
    assert [offer.gpu_id for offer in found.offers] == [gpu]


def test_gpuhunt_states_memory_and_whether_a_row_is_spot(names: GpuNames) -> None:
    found = hunt(names, (
        "p4d,us-east-1,21.9,96,1152,8,A100,40.0,False,,nvidia,\n"
        "p4de,us-east-1,27.4,96,1152,8,A100,80.0,True,,nvidia,\n"
        "x,us-east-1,3.0,8,64,1,A100,160.0,False,,nvidia,\n"
        "cpu,us-east-1,0.1,8,64,0,,,False,,,\n"))
    assert [(offer.gpu_id, offer.kind) for offer in found.offers] == [
        ("a100-sxm-40gb", "on_demand"), ("a100-sxm-80gb", "spot")]
    assert [one.reason for one in found.left_out] == ["A100 with 160 GB: a100-sxm-40gb has 40", "no GPU"]


def test_hosts_of_a_marketplace_are_asked_for_as_such(names: GpuNames) -> None:
    found = sky(names, "x,RTX4090,1,8,32,r1,0.2,0.4,z,\n", "vast", marketplace=True)
    assert [offer.kind for offer in found.offers] == ["marketplace", "spot"]


@pytest.mark.parametrize(("rows", "place"), [
    ("x,L4,1,8,32,r1,,cheap,z,\n", "line 2, Price"),
    ("x,L4,1,8,32,r1,,-1,z,\n", "line 2, Price"),
    ("x,L4,1,8,32,r1,nan,1,z,\n", "line 2, SpotPrice"),
    ("x,L4,many,8,32,r1,,1,z,\n", "line 2, AcceleratorCount"),
    ("x,L4,5000,8,32,r1,,1,z,\n", "line 2.gpu_count"),
    ("x,L4,1,8,32,,,1,z,\n", "line 2.region"),
    ("x,L4\n", "line 2"),
])
def test_a_broken_row_is_refused_with_its_line(names: GpuNames, rows: str, place: str) -> None:
    with pytest.raises(InputError) as raised:
        sky(names, rows)
    assert [fault.key for fault in raised.value.faults] == [place]


def test_another_table_is_refused(names: GpuNames) -> None:
    with pytest.raises(InputError, match="no column AcceleratorName"):
        read_skypilot("InstanceType,AcceleratorCount,Region,Price\n", Origin("x", "aws", "2026", "u", False), names)
    with pytest.raises(InputError, match=r"line 2, spot"):
        hunt(names, "p4d,us-east-1,21.9,96,1152,8,A100,40.0,perhaps,,nvidia,\n")


def test_own_names_take_the_place_of_shipped_ones(shipped: Catalog, tmp_path: Path) -> None:
    own = tmp_path / "names.csv"
    own.write_text(
        "name,gpu_id,source_url,as_of\nL4,l40s-48gb,https://x.example,2026\nAbacus,t4-16gb,https://x.example,2026\n",
        encoding="utf-8")
    found = read_gpu_names(shipped.gpus, own)
    assert found.find("L4", "aws", "x", None) == ("l40s-48gb", "")
    assert found.find("abacus", "aws", "x", None) == ("t4-16gb", "")
    own.write_text("name,gpu_id\nL4,l4-24gb\n", encoding="utf-8")
    with pytest.raises(InputError, match="as_of"):
        read_gpu_names(shipped.gpus, own)


def test_every_shipped_name_means_a_gpu_of_the_catalog_or_says_why_not(names: GpuNames) -> None:
    for row in names.rows:
        assert row.gpu_id in names.gpus or (not row.gpu_id and row.notes), row


def test_a_name_without_a_row_is_looked_up_among_ids_and_aliases(names: GpuNames) -> None:
    assert names.find("NVIDIA RTX A6000 48GB", "x", "y", None) == ("rtx-a6000-48gb", "")
    assert names.find("rtx-pro-6000-ws-96gb", "x", "y", None) == ("rtx-pro-6000-ws-96gb", "")
    assert names.find("NVIDIA RTX A6000 48GB", "x", "y", 24.0)[0] == ""
