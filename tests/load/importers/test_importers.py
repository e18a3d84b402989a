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
    assert reasons["the price of GPUs without their host: no node"] == ("1 x A100 in us-central1-a",)
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


GOOD = "good,L4,1,8,32,r1,,0.7,z,\n"


@pytest.mark.parametrize(("row", "example", "reason"), [
    ("x,L4,1,8,32,r1,,cheap,z,\n", "line 2 (x)", "Price 'cheap' is no number from 0"),
    ("x,L4,1,8,32,r1,,-1,z,\n", "line 2 (x)", "Price '-1' is no number from 0"),
    ("x,L4,1,8,32,r1,inf,1,z,\n", "line 2 (x)", "SpotPrice 'inf' is no number from 0"),
    ("x,L4,many,8,32,r1,,1,z,\n", "line 2 (x)", "AcceleratorCount 'many' is no number from 0"),
    ("x,L4,5000,8,32,r1,,1,z,\n", "line 2", "gpu_count: found 5000"),
    ("x,L4,1,8,32,,,1,z,\n", "line 2", "region: found ''"),
    ("x,L4\n", "line 2", "2 cells where the header has 10"),
    ('x,"L4,1,8,32,r1,,1,z,\n', "line 2", "quotes that do not close"),
])
def test_a_broken_row_is_left_out_with_its_line_and_refuses_no_other(
    names: GpuNames, row: str, example: str, reason: str
) -> None:
    found = sky(names, row + GOOD)
    assert [offer.instance_type for offer in found.offers] == ["good"]
    (left,) = found.left_out
    assert left.examples == (example,)
    assert left.reason.startswith(reason)
    assert found.rows == 2


def test_cells_beyond_the_header_belong_to_its_last_column(names: GpuNames) -> None:
    """SkyPilot's Azure file writes V1,V2 without quotes."""
    header = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,Generation\n"
    rows = "Standard_NC4as_T4_v3,T4,1,4,28,T4,0.71,0.2,japaneast,V1,V2\nStandard_B2s,,,2,4,,0.05,,japaneast,V1,V2\n"
    found = read_skypilot(header + rows, Origin("vms.csv", "azure", "2026-11-01", "u", False), names)
    assert [(offer.region, offer.price) for offer in found.offers] == [("japaneast", 0.71), ("japaneast", 0.2)]
    assert [one.reason for one in found.left_out] == ["no GPU"]


@pytest.mark.parametrize(("name", "gpu"), [
    ("H100_PCIE_BAREMETAL", "h100-pcie-80gb"), ("H100_SXM5", "h100-sxm-80gb"), ("H100_NVL", "h100-nvl-94gb"),
    ("A100-80G-PCIe-NVLink", "a100-pcie-80gb"), ("H100-80G-SXM5", "h100-sxm-80gb"), ("L40S_PCIE", "l40s-48gb"),
    ("RTX5090_PCIE_BAREMETAL", "rtx-5090-32gb"), ("A100-80GB-320GB", "a100-sxm-80gb"), ("VR200", ""),
    ("RTX3090Ti", ""), ("A2", ""), ("H200-NVL", ""),
])
def test_suffixes_of_a_name_are_understood_and_other_gpus_are_not_guessed(
    names: GpuNames, name: str, gpu: str
) -> None:
    assert names.find(name, "x", "y", None)[0] == gpu


@pytest.mark.parametrize(("info", "gpu"), [
    ("\"{'Gpus': [{'MemoryInfo': {'SizeInMiB': 81920}}]}\"", "h100-sxm-80gb"),
    ("\"{'Gpus': [{'MemoryInfo': {'SizeInMiB': 655360}}]}\"", "h100-sxm-80gb"),  # of all eight
    ("\"{'Gpus': [{'MemoryInfo': {'SizeInMiB': 80}}]}\"", "h100-sxm-80gb"),  # GiB, as the broker Shadeform writes
    ("\"{\"\"Gpus\"\": [{\"\"MemoryInfo\"\": {\"\"SizeInMiB\"\": 24576}}]}\"", ""),  # no H100 has 24 GiB
])
def test_the_memory_that_a_file_states_must_be_that_of_the_gpu(names: GpuNames, info: str, gpu: str) -> None:
    found = sky(names, f"x,H100,8,8,32,r1,,20,z,{info}\n")
    assert [offer.gpu_id for offer in found.offers] == ([gpu] if gpu else [])
    assert gpu or found.left_out[0].reason.startswith("H100 with 24 GB")


def test_hosts_and_gpus_priced_apart_are_put_together(names: GpuNames) -> None:
    """Google Cloud's file prices the host and its GPUs in rows of their own."""
    rows = (
        "g2-standard-24,,,24,96,r1,0.3,0.9,r1-a,\n"
        ",L4,2.0,,,r1,0.5,1.1,r1-a,\n"
        "g2-standard-24,,,24,96,r2,0.3,0.9,r2-a,\n"  # no GPUs in its zone
        ",L4,4.0,,,r1,1.0,2.2,r1-a,\n")  # no host beside it
    found = sky(names, rows, "gcp")
    assert [(offer.kind, offer.gpu_count, offer.price) for offer in found.offers] == [
        ("on_demand", 2, 2.0), ("spot", 2, 0.8)]
    assert {one.reason: one.examples for one in found.left_out} == {
        "no price of its GPUs (2 x L4) there": ("g2-standard-24 in r2-a",),
        "the price of GPUs without their host: no node": ("4 x L4 in r1-a",)}


def test_another_table_is_refused(names: GpuNames) -> None:
    with pytest.raises(InputError, match="no column AcceleratorName"):
        read_skypilot("InstanceType,AcceleratorCount,Region,Price\n", Origin("x", "aws", "2026", "u", False), names)
    found = hunt(names, "p4d,us-east-1,21.9,96,1152,8,A100,40.0,perhaps,,nvidia,\n")
    assert [one.reason for one in found.left_out] == ["spot 'perhaps' is neither True nor False"]


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
