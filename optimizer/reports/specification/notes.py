"""Where each figure comes from: notes numbered as a template refers to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from optimizer.load import Catalog
from optimizer.messages import Voice
from optimizer.reports.wording import sources_of
from optimizer.schema.plan import Deployment, Node, Plan
from optimizer.schema.problem import Problem
from optimizer.schema.sourced import Sourced

Origin = Literal["measured", "interpolated", "estimated", "vendor", "quoted", "assumed", "stated", "computed"]
"""How far a figure is to be trusted: `vendor` is a published list or data sheet, `stated` comes from the problem."""

PRICE_ORIGIN: dict[str, Origin] = {"quoted": "quoted", "list": "vendor", "assumed": "assumed"}


@dataclass(frozen=True)
class Note:
    """One note."""

    origin: Origin
    subject: str
    """Key of the wording: `price`, `speed`, ..."""
    what: str
    """What the figure belongs to."""
    error_fraction: float | None = None
    as_of: str = ""
    sources: tuple[str, ...] = ()


@dataclass
class Notes:
    """Collects the notes of one document."""

    plan: Plan
    problem: Problem
    catalog: Catalog
    writer: Voice
    found: list[Note] = field(default_factory=list)

    def number(self, note: Note) -> int:
        """Return the number of a note, a new one for one not seen before."""
        if note not in self.found:
            self.found.append(note)
        return self.found.index(note) + 1

    def price(self, node: Node) -> int:
        """Cite the price of a node."""
        origin = PRICE_ORIGIN[node.price_evidence]
        sources = tuple(sources_of(node.source_url))
        return self.number(Note(origin, "price", node.offer_id, None, node.price_as_of, sources))

    def speed(self, one: Deployment) -> int:
        """Cite the speed of a deployment: the rows it rests on, or the calibrated estimate."""
        sources = tuple(sources_of(one.source_url))
        dates = {
            point.as_of for point in self.catalog.points
            if sources and point.gpu_id == self._gpu(one) and set(sources_of(point.source_url)) & set(sources)
        }
        what = f"{one.service_id}, {one.offer_id}, {one.engine_id} {one.precision}"
        return self.number(Note(one.evidence, "speed", what, one.error_fraction, max(dates, default=""), sources))

    def _gpu(self, one: Deployment) -> str:
        return next((node.gpu_id for node in self.plan.nodes if node.offer_id == one.offer_id), "")

    def gpu(self, gpu_id: str) -> int:
        """Cite the data sheet of a GPU."""
        return self._sourced("gpu", gpu_id, self.catalog.gpus[gpu_id])

    def engine(self, engine_id: str) -> int:
        """Cite what an engine runs and takes of the memory; a stated capacity has none."""
        engine = self.catalog.engines.get(engine_id)
        return self.number(Note("stated", "demand", engine_id)) if engine is None \
            else self._sourced("engine", f"{engine.name} {engine.version}", engine)

    def model(self, name: str) -> int:
        """Cite the shape of a model: the catalog's, or the user's own configuration."""
        known = self.catalog.models.get(name) or self.catalog.models.get(self.catalog.model_names.get(name.lower(), ""))
        return self.number(Note("stated", "model", name)) if known is None else self._sourced("model", name, known)

    def fx(self, currency: str) -> int:
        """Cite an exchange rate: the problem's own first."""
        if self.problem.fx is not None and self.problem.currency == currency:
            return self.number(Note("stated", "fx", currency, None, self.problem.fx.as_of.isoformat()))
        return self._sourced("fx", currency, self.catalog.fx[currency])

    def stated(self) -> int:
        """Cite the problem file."""
        return self.number(Note("stated", "demand", self.problem.name))

    def computed(self) -> int:
        """Cite the proof: what was computed from the others."""
        inputs = self.plan.inputs
        versions = f"gpumix {inputs.gpumix_version}, OR-Tools {inputs.ortools_version}"
        return self.number(Note("computed", "proof", versions))

    def known_services(self) -> int:
        """Cite the speeds of services that everybody knows."""
        return self.number(Note("assumed", "known_services", ""))

    def assumption(self, name: str) -> int:
        """Cite one figure behind the cost of owned nodes: the problem's own first."""
        stated = getattr(self.problem.assumptions, name, None) is not None
        found = self.catalog.owned_assumptions
        if stated or found is None:
            return self.number(Note("stated", "assumption", name))
        figure = getattr(found, name)
        sources = tuple(sources_of(figure.source_url))
        return self.number(Note(PRICE_ORIGIN[figure.evidence], "assumption", name, None, figure.as_of, sources))

    def _sourced(self, subject: str, what: str, row: Sourced) -> int:
        return self.number(Note("vendor", subject, what, None, row.as_of, tuple(sources_of(row.source_url))))
