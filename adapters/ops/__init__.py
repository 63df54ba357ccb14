"""The families of operations, one file each; importing the package registers them all."""

from __future__ import annotations

import importlib
import pkgutil

FAMILIES = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))

for _family in FAMILIES:
    importlib.import_module(f"{__name__}.{_family}")
