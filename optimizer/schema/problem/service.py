"""One LLM service: its model, promise, requests and demand."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from optimizer.schema.base import Frozen, Id, Name
from optimizer.schema.problem.demand import Deadline, Demand
from optimizer.schema.problem.slo import Slo
from optimizer.schema.problem.workload import RequestClass, Tokens


class Service(Frozen):
    """One LLM service with its promise, its requests and its demand."""

    service_id: Id
    """Name of the service."""
    model: Name
    """Catalog id of the model, or path to a Hugging Face config.json."""
    precisions: Annotated[tuple[Id, ...], Field(min_length=1)] | None = None
    """Precisions that may be served; absent: the model's own."""
    engines: Annotated[tuple[Id, ...], Field(min_length=1)] | None = None
    """Engines that may serve it; absent: all that fit."""
    kind: Literal["sync", "async"] = "sync"
    """`sync` answers users who wait; `async` works off a batch before a deadline."""
    slo: Slo = Slo()
    """What every user is promised."""
    workload: Annotated[tuple[RequestClass, ...], Field(min_length=1, max_length=64)]
    """Request classes, usually one."""
    routing: Literal["mixed", "by_class"] = Field(default="mixed", exclude_if=lambda value: value == "mixed")
    """`mixed` sends every class to every node; `by_class` may send each class to other nodes, by its length."""
    context_tokens: Tokens | None = None
    """Longest context one request may use; default: the longest ISL + OSL of the workload."""
    demand: Demand | None = None
    """Requests at the peak (sync)."""
    deadline: Deadline | None = None
    """Work and window (async)."""
    headroom_fraction: Annotated[float, Field(ge=0, le=10)] = 0.2
    """Reserve added to the demand; printed as a choice."""
    priority: Annotated[int, Field(ge=1, le=1000)] = 1
    """Who is served first where not all can be (`gpumix solve --shed`): 1 before 2."""

    @property
    def full_context_tokens(self) -> int:
        """Tokens that one full-length request holds."""
        longest = max(request.isl_tokens + request.osl_tokens for request in self.workload)
        return self.context_tokens or longest

    @property
    def routes_classes(self) -> bool:
        """Whether request classes may go to different nodes: asked for, and there are several."""
        return self.routing == "by_class" and len(self.workload) > 1

    def class_context_tokens(self, index: int) -> int:
        """Return the tokens that one full-length request of a class holds when classes are routed apart.

        A class is as long as it says; the longest one holds what the context allows.
        """
        request = self.workload[index]
        tokens = request.isl_tokens + request.osl_tokens
        longest = max(other.isl_tokens + other.osl_tokens for other in self.workload)
        return self.full_context_tokens if tokens == longest else tokens

    @model_validator(mode="after")
    def _parts_belong_together(self) -> Self:
        faults = []
        if self.kind == "sync" and self.demand is None:
            faults.append("demand: found nothing; allowed: a demand for a sync service")
        if self.kind == "sync" and self.deadline is not None:
            faults.append("deadline: found one on a sync service; allowed: only with kind: async")
        if self.kind == "async" and self.deadline is None:
            faults.append("deadline: found nothing; allowed: a deadline for an async service")
        if self.kind == "async" and self.demand is not None:
            faults.append("demand: found one on an async service; allowed: only with kind: sync")
        if self.kind == "sync" and self.slo.target_tokens_per_s == 0 and self.slo.e2e_ms is None:
            faults.append("slo: found no speed; allowed: grade, tokens_per_s_per_user, or e2e_ms for whole responses")
        total = sum(request.share_fraction for request in self.workload)
        if abs(total - 1) > 1e-6:
            faults.append(f"workload: found shares that add up to {total:g}; allowed: a sum of 1")
        lengths = [(request.isl_tokens, request.osl_tokens) for request in self.workload]
        if self.routes_classes and len(set(lengths)) < len(lengths):
            faults.append("workload: found classes of the same lengths with routing: by_class; allowed: one of each")
        longest = max(request.isl_tokens + request.osl_tokens for request in self.workload)
        if self.context_tokens is not None and self.context_tokens < longest:
            faults.append(f"context_tokens: found {self.context_tokens}; allowed: at least ISL + OSL = {longest}")
        if faults:
            raise ValueError("\n".join(faults))
        return self
