"""How well the figures hold: predicted against measured."""
