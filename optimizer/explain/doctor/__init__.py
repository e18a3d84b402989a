"""The doctor: why an infeasible problem has no plan, and what is the least that must give."""

from optimizer.explain.doctor.diagnosis import Diagnosis, Relaxation, diagnose

__all__ = ["Diagnosis", "Relaxation", "diagnose"]
