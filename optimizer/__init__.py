"""gpumix: the proven cheapest GPU node mix for serving an LLM at a promised speed."""

__version__ = "0.1.0"
