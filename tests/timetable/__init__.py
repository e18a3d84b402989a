"""Demand over time."""
