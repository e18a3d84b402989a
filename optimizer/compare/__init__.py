"""Rent, own, or both: the proven cheapest plan of each, side by side, and when owning pays back."""

from optimizer.compare.breakeven import break_even_hours, break_even_month, break_even_utilisation
from optimizer.compare.comparison import Comparison, compare
from optimizer.compare.sensitivity import Change
from optimizer.compare.variant import Variant

__all__ = [
    "Change",
    "Comparison",
    "Variant",
    "break_even_hours",
    "break_even_month",
    "break_even_utilisation",
    "compare",
]
