"""From what a search found to one plan: who runs where in each period, money, speeds, evidence."""
