"""Check a placement of replicas again from the instance, without the solver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from gpumix_referee.inferno.options import ServerNeed
from gpumix_referee.inferno.system import System


@dataclass(frozen=True)
class Placed:
    """Replicas of a server on one accelerator."""

    server: str
    accelerator: str
    replicas: int


def faults_of_placement(
    needs: Sequence[ServerNeed], system: System, placed: Sequence[Placed], dropped: Sequence[str], single: bool,
    usd_per_hour: float | None,
) -> list[str]:
    """List what a placement breaks; empty for one that stands."""
    options = {(need.server, option.accelerator): option for need in needs for option in need.options}
    unknown = [f"{one.server}: {one.accelerator} is no option" for one in placed
               if (one.server, one.accelerator) not in options]
    if unknown:
        return unknown
    faults, cards, cost = [], Counter[str](), Fraction(0)
    for one in placed:
        option = options[one.server, one.accelerator]
        cards[option.type] += option.cards * one.replicas
        cost += option.usd_per_hour * one.replicas
    for need in needs:
        mine = [one for one in placed if one.server == need.server]
        if need.server in dropped:
            faults += [f"{need.server}: dropped, yet placed"] if mine else []
            continue
        carried = sum(options[one.server, one.accelerator].nano_rps * one.replicas for one in mine)
        if carried < need.nano_rps or sum(one.replicas for one in mine) < need.min_replicas:
            faults.append(f"{need.server}: {carried} of {need.nano_rps} nano-requests/s are carried")
        if single and len(mine) > 1:
            faults.append(f"{need.server}: on {len(mine)} accelerators")
    for name, used in cards.items():
        stock = None if system.capacity is None else system.capacity.get(name, 0)
        if stock is not None and used > stock:
            faults.append(f"{name}: {used} cards of {stock}")
    if usd_per_hour is None or abs(cost - Fraction(usd_per_hour)) > Fraction(1, 10**6):
        faults.append(f"cost: {usd_per_hour} for replicas of {float(cost)}")
    return faults
