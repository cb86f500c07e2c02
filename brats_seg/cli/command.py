"""What every command does the same way: compose, refuse what cannot work in one line, run, answer with an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.resources import files
from unittest.mock import patch

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from brats_seg.cli.explain import explain, flat

Task = Callable[[DictConfig], int | None]
INTERRUPTED = 130


def command(name: str) -> Callable[[Task], Callable[..., None]]:
    """Make a Hydra main of a task: ``conf/<name>.yaml`` is its root.

    What the user can mend becomes one line and an exit code: 1 for a :class:`brats_seg.errors.UserError`, 2 for a key or value
    that cannot be used. ``HYDRA_FULL_ERROR=1`` shows the traceback instead.
    """

    def decorate(task: Task) -> Callable[..., None]:
        @wraps(task)
        def main(arguments: Sequence[str] | None = None) -> None:
            whole, codes = sys.argv, [0]

            @wraps(task)
            def guarded(config: DictConfig) -> None:
                sys.argv = whole  # Lightning starts its children from it: the command must be in it
                try:
                    _require(config)
                    codes.append(task(config) or 0)
                except Exception as error:
                    codes.append(_report(name, error))  # and in a multirun the next job follows

            if arguments is not None:
                sys.argv = [whole[0], *arguments]
            if {"-h", "--help"} & set(sys.argv[1:]):
                print((files("brats_seg.conf") / f"{name}.yaml").read_text(encoding="utf-8"))
            try:
                # Hydra would print its errors itself, over many lines.
                with patch("hydra._internal.utils.run_and_report", lambda function: function()):
                    hydra.main(version_base="1.3", config_path="pkg://brats_seg.conf", config_name=name)(guarded)()
            except KeyboardInterrupt:
                _say(name, "interrupted")
                codes.append(INTERRUPTED)
            except Exception as error:
                codes.append(_report(name, error))
            finally:
                sys.argv = whole
            if max(codes):
                sys.exit(max(codes))

        return main

    return decorate


def _require(config: DictConfig) -> None:
    """Name every missing key at once, before any work, and every interpolation that leads nowhere."""
    keys = flat(OmegaConf.to_container(config, resolve=False))
    if missing := sorted(key for key, value in keys.items() if value == "???"):
        raise HydraException(f"missing {' '.join(f'{key}=...' for key in missing)}")
    OmegaConf.to_container(config, resolve=True)  # its errors name the key, those of resolve() do not always
    OmegaConf.resolve(config)


def _report(name: str, error: Exception) -> int:
    """Say it on standard error and give the exit code; what nobody foresaw is raised again."""
    said = explain(error)
    if said is None or os.environ.get("HYDRA_FULL_ERROR") == "1":
        raise error
    code, message = said
    _say(name, message)
    return code


def _say(name: str, message: str) -> None:
    for line in message.splitlines():
        print(f"brats-seg {name}: error: {line}", file=sys.stderr)
