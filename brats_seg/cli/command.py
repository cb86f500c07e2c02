"""What every command does the same way: compose, refuse what cannot work, run, answer with an exit code."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from brats_seg.cli import help
from brats_seg.cli.jobs import Job, composing_overrides, done, task_overrides
from brats_seg.cli.one_line_errors import explain
from brats_seg.cli.places import check_places
from brats_seg.cli.quoting import quoted
from brats_seg.cli.unknown_keys import flat
from brats_seg.cli.values import at_home, check_values
from brats_seg.errors import printable
from brats_seg.runtime.hydra_main import kept_results, keys_before_options, within_hydra
from brats_seg.runtime.isolated_jobs import usual_start_method
from brats_seg.runtime.launchers import (
    job_of_sweep,
    kept_launches,
    own_launchers,
    patient_launchers,
    preempted_once,
)

Task = Callable[[DictConfig], Any]
Summary = Callable[[Sequence[Job]], None]
INTERRUPTED = 130
LONG_WORD = re.compile(r"[^\s/]{300,}")
"""No path has such a name; a number may have thousands of digits, and hide what is said of it."""
GO_ON = ("train", "predict", "prepare", "phantom", "demo", "reproduce", "segment", "align", "convert")
"""Commands that skip what they have finished when they are given again."""


def command(name: str, summary: Summary | None = None) -> Callable[[Task], Callable[..., None]]:
    """Make a Hydra main of a task: ``conf/<name>.yaml`` is its root.

    What the user can mend becomes one line and an exit code: 1 for a :class:`brats_seg.errors.UserError`, 2
    for a key or value that cannot be used. ``~`` is the home folder in every path. ``HYDRA_FULL_ERROR=1``
    shows the traceback instead. An integer that the task returns is its exit code.

    Args:
        name: Of the command.
        summary: Told at the end of a multirun how each of its jobs ended.
    """

    def decorate(task: Task) -> Callable[..., None]:
        @wraps(task)
        def main(arguments: Sequence[str] | None = None) -> None:
            given = sys.argv[1:] if arguments is None else arguments
            if help.is_asked(given):
                print(help.show(name, given))
                return
            try:
                code = _run_jobs(name, task, [at_home(argument) for argument in given], summary)
            except KeyboardInterrupt:
                _say(name, f"interrupted{'; the same command goes on from here' if name in GO_ON else ''}")
                code = INTERRUPTED
            except Exception as error:
                code = _report(name, error)[0]
            if code:
                sys.exit(code)

        return main

    return decorate


def _run_jobs(name: str, task: Task, typed: Sequence[str], summary: Summary | None) -> int:
    """Let Hydra run the command's jobs, one or several; the worst of their exit codes."""
    whole = sys.argv

    @wraps(task)
    def guarded(config: DictConfig) -> Job:
        sys.argv = whole  # Lightning starts its children from it: the command must be in it
        usual_start_method()
        preempted_once()
        return _attempt(name, task, config)

    own_launchers()
    main = hydra.main(version_base="1.3", config_path="pkg://brats_seg.conf", config_name=name)
    try:
        sys.argv = [whole[0], *quoted(name, keys_before_options(typed))]
        with kept_results() as results, kept_launches() as launched, patient_launchers(Job.failed):
            main(guarded)()
        jobs, several = done(results, launched)
        if several and summary is not None:
            with within_hydra(results):
                summary(jobs)
    finally:
        sys.argv = whole
    return max((job.code for job in jobs), default=0)


def _attempt(name: str, task: Task, config: DictConfig) -> Job:
    """Run one job.

    In a multirun the next one follows whatever happens; its errors are told at once, and again at the end.
    """
    overrides = tuple(composing_overrides())
    if header := job_of_sweep(task_overrides()):
        print(header, flush=True)
    try:
        _require(config)
        check_values(config)
        check_places(config, name)
        result = task(config)
    except Exception as error:
        try:
            code, message = _report(name, error)
        except Exception:
            if HydraConfig.get().mode != RunMode.MULTIRUN:
                raise
            traceback.print_exc()
            code, message = 1, f"{type(error).__name__}: {error}"
        return Job(overrides, code, message)
    return Job(overrides, result if isinstance(result, int) else 0, result=result)


def _require(config: DictConfig) -> None:
    """Name every missing key at once, before any work, and every interpolation that leads nowhere."""
    keys = flat(OmegaConf.to_container(config, resolve=False))
    if missing := sorted(key for key, value in keys.items() if value == "???"):
        raise HydraException(f"missing {' '.join(f'{key}=...' for key in missing)}")
    OmegaConf.to_container(config, resolve=True)  # its errors name the key, those of resolve() do not always
    OmegaConf.resolve(config)
    _keep_literal(config)


def _keep_literal(node: Any) -> None:
    """Escape again what resolving has unescaped: ``${x}`` in quotes is a name, no interpolation."""
    plain = OmegaConf.to_container(node, resolve=False)
    places = plain.items() if isinstance(plain, dict) else enumerate(plain or ())
    for key, value in places:
        if isinstance(value, str) and "${" in value:
            node[key] = value.replace("${", "\\${")
        elif isinstance(value, dict | list):
            _keep_literal(node[key])


def _report(name: str, error: Exception) -> tuple[int, str]:
    """Say it on standard error and give exit code and message; what nobody foresaw is raised again."""
    said = explain(error, name)
    if said is None or os.environ.get("HYDRA_FULL_ERROR") == "1":
        raise error
    _say(name, said[1])
    return said


def _say(name: str, message: str) -> None:
    for line in message.splitlines():
        said = LONG_WORD.sub(lambda word: f"{word[0][:40]}... ({len(word[0])} characters)", printable(line))
        print(f"brats-seg {name.replace('_', '-')}: error: {said}", file=sys.stderr)
