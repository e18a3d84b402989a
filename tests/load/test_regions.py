"""Countries and cities in a problem are the regions of all providers there; nothing is left out silently."""

from __future__ import annotations

import pytest

from optimizer.errors import InputError
from optimizer.load import Catalog, LoadedProblem, load_problem
from optimizer.load.inputs import at_places
from optimizer.load.places import read_regions
from optimizer.load.regions import folded, regions_of

TOKYO = {"ap-northeast-1", "asia-northeast1", "japaneast", "on-prem-jp"}
ELSEWHERE = {"japan", "ishikari", "japanwest"}


def placed(catalog: Catalog, *overrides: str) -> LoadedProblem:
    return at_places(load_problem("helpdesk-llama3-8b", overrides), catalog)


@pytest.mark.parametrize("name", ["tokyo", "Tokyo", "東京", "ＴＯＫＹＯ"])
def test_a_city_takes_every_provider_and_own_rooms_in_its_country(shipped: Catalog, name: str) -> None:
    loaded = placed(shipped, f"limits.regions=[{name}]")
    assert set(loaded.problem.limits.regions.allow) == TOKYO
    taken, left = loaded.places
    assert "aws ap-northeast-1" in taken
    assert all(code in left for code in ("gmo japan", "highreso japan", "sakura ishikari", "azure japanwest"))


@pytest.mark.parametrize("name", ["JP", "japan", "日本", "Japan"])
def test_a_country_takes_all_of_its_regions(shipped: Catalog, name: str) -> None:
    loaded = placed(shipped, f"limits.country={name}")
    assert set(loaded.problem.limits.regions.allow) == TOKYO | ELSEWHERE
    assert len(loaded.places) == 1  # nothing of the country is left out


def test_countries_may_be_several_and_narrow_regions(shipped: Catalog) -> None:
    both = placed(shipped, "limits.country=[JP, SG]")
    assert {"japaneast", "southeastasia", "asia-southeast1"} <= set(both.problem.limits.regions.allow)
    narrowed = placed(shipped, "limits.country=JP", "limits.regions=[ap-northeast-1, us-east-1]")
    assert narrowed.problem.limits.regions.allow == ("ap-northeast-1",)
    with pytest.raises(InputError, match=r"limits\.country"):
        placed(shipped, "limits.country=JP", "limits.regions=[us-east-1]")


def test_codes_alone_change_nothing(shipped: Catalog) -> None:
    loaded = placed(shipped, "limits.regions={allow: [ap-northeast-1, japaneast], forbid: [on-prem-jp]}")
    assert loaded.problem.limits.regions.allow == ("ap-northeast-1", "japaneast")
    assert loaded.places == ()


def test_a_place_may_be_forbidden(shipped: Catalog) -> None:
    loaded = placed(shipped, "limits.regions={forbid: [US]}")
    assert {"us-east-1", "eastus", "on-prem-us"} <= set(loaded.problem.limits.regions.forbid)
    assert not loaded.problem.limits.regions.allow


def test_an_unknown_place_is_told_with_the_nearest(shipped: Catalog) -> None:
    with pytest.raises(InputError, match=r"limits\.regions: found 'tokio'; allowed: tokyo"):
        placed(shipped, "limits.regions=[tokio]")


def test_every_region_of_the_catalog_has_a_place_or_is_everywhere(shipped: Catalog) -> None:
    known = {(one.provider, one.region) for one in read_regions()}
    offered = {(offer.provider, offer.region) for offer in shipped.offers.values()}
    assert {region for provider, region in offered if (provider, region) not in known} <= {
        "global", "north-america", "europe"}
    assert not known - offered


def test_no_code_lies_in_two_countries(shipped: Catalog) -> None:
    found = regions_of(shipped)
    assert not {region for region, countries in found.countries.items() if len(countries) > 1}
    assert folded("New York") == "newyork"
