"""Whether there is an account of Weights & Biases to record to. Imports nothing of it."""

from __future__ import annotations

import netrc
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

SERVER = "https://api.wandb.ai"


def wandb_mode(environment: Mapping[str, str]) -> str:
    """``WANDB_MODE`` where it is set; else online for an account, and offline without.

    >>> wandb_mode({"WANDB_MODE": "disabled", "WANDB_API_KEY": "x"})
    'disabled'
    """
    return environment.get("WANDB_MODE") or ("online" if is_logged_in(environment) else "offline")


def is_logged_in(environment: Mapping[str, str]) -> bool:
    """Whether ``WANDB_API_KEY`` is set, or ``wandb login`` has left a key in the netrc file.

    Args:
        environment: Variables of the process.

    Returns:
        Whether a key for the server was found; its worth is not tried.
    """
    if environment.get("WANDB_API_KEY"):
        return True
    host = urlsplit(environment.get("WANDB_BASE_URL") or SERVER).hostname or ""
    named = environment.get("NETRC")
    home = Path(environment.get("HOME", "~")).expanduser()
    files = [Path(named).expanduser()] if named else [home / ".netrc", home / "_netrc"]
    return any(_has_key(file, host) for file in files)


def _has_key(file: Path, host: str) -> bool:
    try:
        found = netrc.netrc(str(file)).authenticators(host)
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        return False
    return bool(found and found[2])
