"""The third-party packages of this room, imported when they are needed: they are an optional extra."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from brats_seg.errors import UserError

INSTALL = "pip install 'brats-seg[scans]'"


def load(module: str) -> Any:
    """Import a module of the extra ``scans``.

    Raises:
        UserError: It is not installed; the line names the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(f"this needs {module.partition('.')[0]}: {INSTALL}") from error


def folder_of(package: str) -> Path:
    """Where a package is installed, without importing it: some take seconds, or write into the home folder.

    Raises:
        UserError: It is not installed.
    """
    found = importlib.util.find_spec(package)
    places = list(found.submodule_search_locations or []) if found else []
    if not places:
        raise UserError(f"this needs {package}: {INSTALL}")
    return Path(places[0])
