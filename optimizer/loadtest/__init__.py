"""Step 6: put a proposal under load, read what other tools measured, and bring the figures back into the catalog."""
