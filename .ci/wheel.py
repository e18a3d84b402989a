"""Builds the wheel: one package `gpumix`, with `optimizer` inside it, so that nothing else lies in site-packages.

In a checkout `optimizer` stands at the top and is imported by that name. In the wheel it is `gpumix.optimizer`: every
import, and every text that names a module, is rewritten to that name.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

IMPORTED = re.compile(r"""((?:^|\n)[ \t]*(?:>>> |\.\.\. )?(?:from|import) |["'])optimizer(?=[. ])(?! [^i])""")
"""`from optimizer.x import`, `from optimizer import`, and texts that begin with a module's name."""

INSIDE = {"optimizer": "gpumix/optimizer", "gpumix": "gpumix", "catalogs": "gpumix/optimizer/catalogs",
          "problems": "gpumix/optimizer/problems"}
"""Folder of the checkout -> its place in the wheel."""


def moved(code: str) -> str:
    """Return Python code that imports `gpumix.optimizer` where it imported `optimizer`.

    >>> moved("from optimizer.load import Catalog")
    'from gpumix.optimizer.load import Catalog'
    """
    return IMPORTED.sub(r"\1gpumix.optimizer", code)


class WheelHook(BuildHookInterface):  # type: ignore[type-arg]
    """Lays the folders of a wheel out in a temporary place, modules rewritten."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Collect the files of the wheel; an editable install keeps the checkout's own names."""
        if version == "editable":
            return
        self.place = Path(tempfile.mkdtemp(prefix="gpumix-wheel-"))
        for folder, target in INSIDE.items():
            shutil.copytree(Path(self.root) / folder, self.place / target, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        for module in self.place.rglob("*.py"):
            module.write_text(moved(module.read_text(encoding="utf-8")), encoding="utf-8")
        build_data["force_include"][str(self.place / "gpumix")] = "gpumix"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary place."""
        if version != "editable":
            shutil.rmtree(self.place, ignore_errors=True)
