"""Servers on accelerators of limited number: every server its replicas, whole, at least cost, proven."""
