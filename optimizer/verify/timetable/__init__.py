"""Check a plan hour by hour; every rule of `optimizer/timetable` has its twin here."""

from __future__ import annotations

from optimizer.verify.classes import check_class_figures
from optimizer.verify.figures import (
    check_answered_once,
    check_known_names,
    check_policy,
    check_shown_speeds,
)
from optimizer.verify.replicas import check_engines_run, check_memory, check_node_capacity, check_replica_promise
from optimizer.verify.rules import check_cap_power, check_choose_engines, check_limit_gpu_types, check_node_count
from optimizer.verify.subject import Check
from optimizer.verify.timetable import figures, hours, money, rules

TIMETABLE_CHECKS: tuple[Check, ...] = (
    check_known_names, hours.check_hours, money.check_known_offers, check_answered_once, check_policy,
    figures.check_deployments, check_engines_run, check_replica_promise, check_memory, check_node_capacity,
    hours.check_use_nodes_there, rules.check_slot_demand, rules.check_meet_demand,
    rules.check_finish_work, rules.check_respect_stock, money.check_keep_budget,
    rules.check_limit_nodes, rules.check_hold_nodes, check_limit_gpu_types, check_choose_engines,
    rules.check_survive_node_loss, rules.check_survive_provider_loss, rules.check_survive_region_loss,
    rules.check_cap_spot_share, check_class_figures, check_cap_power, money.check_total_cost,
    check_node_count, check_shown_speeds, figures.check_load, figures.check_shares_by_slot,
    figures.check_plan_speed, figures.check_service_figures, money.check_local_cost,
)
"""All of them; the first two guard the others."""
