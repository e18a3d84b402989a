"""`gpumix loadtest plan`: the tests that would tell whether a plan holds."""

from __future__ import annotations

from optimizer.errors import Fault, InputError
from optimizer.schema.problem import Problem, RequestClass


def request_of(problem: Problem, service_id: str | None, number: int) -> RequestClass:
    """Return one request class of a problem.

    Raises:
        InputError: there is no such service or class.
    """
    services = {service.service_id: service for service in problem.services}
    if service_id is not None and service_id not in services:
        raise InputError([Fault("options", "--service", repr(service_id), f"one of {', '.join(services)}")])
    if service_id is None and len(services) > 1:
        raise InputError([Fault("options", "--service", "nothing", f"one of {', '.join(services)}")])
    service = services[service_id] if service_id is not None else problem.services[0]
    if number > len(service.workload):
        raise InputError([Fault("options", "--request-class", str(number), f"1 to {len(service.workload)}")])
    return service.workload[number - 1]
