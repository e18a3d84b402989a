"""Places as people say them: countries and cities in a problem become the regions of providers that lie there."""

from __future__ import annotations

import difflib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from optimizer.errors import Fault, InputError
from optimizer.load.catalog import Catalog
from optimizer.load.places import read_place_names, read_regions
from optimizer.messages import Message
from optimizer.schema.problem import Problem
from optimizer.schema.problem.limits import Selection


def folded(name: str) -> str:
    """Write a name as it is compared: without case, width, blanks and dashes.

    >>> folded("New York"), folded("ＴＯＫＹＯ"), folded("São Paulo")
    ('newyork', 'tokyo', 'saopaulo')
    """
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


@dataclass(frozen=True)
class Regions:
    """Where the regions of a catalog lie."""

    codes: dict[str, frozenset[str]]
    """Folded name of a country or city -> regions that lie there."""
    countries: dict[str, frozenset[str]]
    """Region -> countries in which it lies, of any provider."""
    providers: dict[str, tuple[str, ...]]
    """Region -> providers that have one of that code."""

    def named(self, name: str) -> frozenset[str]:
        """Return the regions that a name stands for: a code, a city or a country; none where nothing bears it."""
        own = {name} if name in self.providers else set()
        return frozenset(own | self.codes.get(folded(name), frozenset()))


@lru_cache(maxsize=1)
def _tables() -> tuple[dict[tuple[str, str], tuple[str, str]], dict[str, str]]:
    """Return (provider, region) -> (country, city), and folded name -> place."""
    where = {(one.provider, one.region): (one.country, one.metro) for one in read_regions()}
    names = {folded(name): one.place for one in read_place_names() for name in (one.place, *one.names.split(";"))}
    return where, names


def regions_of(catalog: Catalog) -> Regions:
    """Look up where the regions of a catalog lie; own rooms lie in the country of their site."""
    where, names = _tables()
    found: dict[str, set[str]] = defaultdict(set)
    countries: dict[str, set[str]] = defaultdict(set)
    providers: dict[str, set[str]] = defaultdict(set)
    places = {(offer.provider, offer.region) for offer in catalog.offers.values()}
    for provider, region in places:
        country, metro = where.get((provider, region), ("", ""))
        providers[region].add(provider)
        for place in filter(None, (country, metro)):
            found[folded(place)].add(region)
        if country:
            countries[region].add(country)
    for site_id, site in catalog.sites.items():
        providers[site_id].add("owned")
        countries[site_id].add(site.country)
        found[folded(site.country)].add(site_id)
    for name, place in names.items():
        found[name] |= found.get(folded(place), set())
    return Regions({name: frozenset(codes) for name, codes in found.items()},
                   {region: frozenset(one) for region, one in countries.items()},
                   {region: tuple(sorted(one)) for region, one in providers.items()})


def with_regions(problem: Problem, catalog: Catalog, label: str) -> tuple[Problem, tuple[Message, ...]]:
    """Return a problem whose places are regions, and what a reader must know of what they stand for.

    A city also takes own rooms in its country, whose place the owner chooses.

    Args:
        problem: may name countries and cities in `limits.country` and `limits.regions`.
        catalog: whose regions are meant.
        label: how faults name the file.

    Raises:
        InputError: nothing of the catalog lies at a place, or bears a name.
    """
    limits = problem.limits
    asked = (*limits.country, *limits.regions.allow, *limits.regions.forbid)
    if not asked:
        return problem, ()
    regions = regions_of(catalog)
    if not limits.country and all(name in regions.providers and regions.named(name) == {name} for name in asked):
        return problem, ()
    allow = _resolved(limits.regions.allow, regions, label, "limits.regions", rooms=True)
    forbid = _resolved(limits.regions.forbid, regions, label, "limits.regions", rooms=False)
    if limits.country:
        inside = _resolved(limits.country, regions, label, "limits.country", rooms=False)
        allow = allow & inside if limits.regions.allow else inside
        if not allow:
            raise InputError([Fault(label, "limits.country", ", ".join(limits.country),
                                    "a country in which one of limits.regions lies")])
    chosen = Selection(allow=tuple(sorted(allow)), forbid=tuple(sorted(forbid)))
    resolved = limits.model_copy(update={"regions": chosen})
    return problem.model_copy(update={"limits": resolved}), tuple(_told(allow, regions))


def _resolved(names: Iterable[str], regions: Regions, label: str, key: str, rooms: bool) -> set[str]:
    found: set[str] = set()
    faults = []
    for name in names:
        codes = regions.named(name)
        if not codes:
            close = difflib.get_close_matches(folded(name), list(regions.codes), n=3)
            hint = f"{' or '.join(close)}, " if close else ""
            known = ", ".join(sorted(regions.providers))
            allowed = f"{hint}a country such as JP, a city such as tokyo, or one of {known}"
            faults.append(Fault(label, key, repr(name), allowed))
        found |= codes
        if rooms and folded(name) in regions.codes:
            there = set().union(*(regions.countries.get(code, frozenset()) for code in codes))
            found |= {code for code, who in regions.providers.items()
                      if "owned" in who and regions.countries.get(code, frozenset()) & there}
    if faults:
        raise InputError(faults)
    return found


def _told(allow: set[str], regions: Regions) -> Iterable[Message]:
    """Say which regions are taken, and which of the same countries are not."""
    if not allow:
        return
    yield Message("places.taken", regions=_shown(allow, regions))
    there = set().union(*(regions.countries.get(code, frozenset()) for code in allow))
    left = {code for code, countries in regions.countries.items() if countries & there} - allow
    if left:
        yield Message("places.left", regions=_shown(left, regions), countries=tuple(sorted(there)))


def _shown(codes: Iterable[str], regions: Regions) -> tuple[str, ...]:
    return tuple(f"{provider} {code}" for code in sorted(codes) for provider in regions.providers[code])
