"""Why this plan: what it depends on, what stands beside it, what would change it, and why there is none."""
