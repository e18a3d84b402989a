"""What a Hugging Face config.json says a model is: its layers one by one, with every matrix and what they keep."""

from optimizer.load.architecture.parts import Architecture, Block, Cache, Layer, Part, Weight
from optimizer.load.architecture.read import read_architecture
from optimizer.load.architecture.sections import Sections, sections_of

__all__ = ["Architecture", "Block", "Cache", "Layer", "Part", "Sections", "Weight", "read_architecture", "sections_of"]
