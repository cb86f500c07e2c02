"""What every command does the same way: compose, refuse what cannot work in one line, run, answer with an exit code."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from brats_seg.errors import UserError

Task = Callable[[DictConfig], int | None]
WRONG_USE = 2
INTERRUPTED = 130


def command(name: str) -> Callable[[Task], Callable[[], None]]:
    """Make a Hydra main of a task: ``conf/<name>.yaml`` is its root.

    A :class:`UserError` becomes one line and exit code 1, a wrong key or a missing value one line and exit code 2.
    """

    def decorate(task: Task) -> Callable[[], None]:
        @wraps(task)
        def guarded(config: DictConfig) -> None:
            try:
                if missing := sorted(map(str, OmegaConf.missing_keys(config))):
                    fail(name, f"missing {', '.join(f'{key}=...' for key in missing)}", WRONG_USE)
                OmegaConf.resolve(config)
                code = task(config)
            except UserError as error:
                fail(name, str(error), 1)
            except KeyboardInterrupt:
                fail(name, "interrupted; the same command continues", INTERRUPTED)
            if code:
                sys.exit(code)

        entry: Callable[[], None] = hydra.main(version_base="1.3", config_path="pkg://brats_seg.conf", config_name=name)(guarded)

        @wraps(task)
        def main() -> None:
            # Hydra prints its own errors over many lines unless it may raise them.
            asked = os.environ.get("HYDRA_FULL_ERROR") == "1"
            os.environ["HYDRA_FULL_ERROR"] = "1"
            try:
                entry()
            except (HydraException, OmegaConfBaseException) as error:
                if asked:
                    raise
                fail(name, explain(error), WRONG_USE)
            finally:
                if not asked:
                    os.environ.pop("HYDRA_FULL_ERROR", None)

        return main

    return decorate


def fail(name: str, message: str, code: int) -> NoReturn:
    """Say it on standard error, without a traceback, and leave."""
    for line in message.splitlines():
        print(f"brats-seg {name}: error: {line}", file=sys.stderr)
    sys.exit(code)


def explain(error: BaseException) -> str:
    """Hydra's or OmegaConf's error as one line that names the fix."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    text = " ".join(" ".join(str(e).split()) for e in chain)
    if match := re.search(r"Key '([^']+)' is not in struct(?: full_key: (\S+))?", text):
        return _unknown_key(match[2] or match[1], chain)
    if "LexerNoViableAltException" in text or "mismatched input" in text or "no viable alternative" in text or "token recognition" in text:
        return f"{_first(error)}; quote values that hold = , : or brackets, as in 'input=\"a=b\"'"
    return _first(error)


def _first(error: BaseException) -> str:
    return next(line.strip() for line in [*str(error).splitlines(), type(error).__name__] if line.strip())


def _unknown_key(key: str, chain: list[BaseException]) -> str:
    keys: list[str] = []
    for error in chain:
        node: Any = getattr(error, "parent_node", None)
        if node is not None:
            keys += list(_keys(node._get_root()))
    close = difflib.get_close_matches(key, keys, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close else "see --cfg job for the keys there are"
    return f"unknown key {key}: {hint}"


def _keys(node: Any, prefix: str = "") -> list[str]:
    names: list[str] = []
    if isinstance(node, DictConfig) and not node._is_none() and not node._is_missing():
        for key in node:
            full = f"{prefix}.{key}" if prefix else str(key)
            if full != "hydra":
                names += [full, *_keys(node._get_node(key), full)]
    return names
