"""`brats-seg`, imported once and forked for every call, with smaller sizes than the pages ask for.

The pages have dozens of commands, and importing torch takes longer than a command does with a phantom.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import signal
import socket
import sys
import traceback

TRAINING = {
    "scale": "smoke",
    "model.width": "2",
    "data.patch": "[24,24,24]",
    "data.folds": "3",
    "data.workers": "0",
    "schedule.constant_epochs": "0",
    "schedule.cosine_epochs": "1",
    "swa.cycles": "0",
}
SMALLER = {
    "train": TRAINING,
    "prepare": {"data.workers": "0"},
    "phantom": {"shape": "[40,48,40]", "workers": "1"},
    "check": {"workers": "1"},
    "predict": {"tta": "none"},
    "evaluate": {"workers": "1"},
    "report": {"workers": "1", "viewer": "false"},
}
"""Overrides that every call of a command gets, in place of the page's own."""


def smaller(arguments: list[str]) -> list[str]:
    """The arguments of a call with those of ``SMALLER`` in them."""
    command = arguments[0] if arguments else ""
    given = dict(argument.partition("=")[::2] for argument in arguments)
    overrides = SMALLER.get(command, {})
    if command == "train" and "name" not in given:
        overrides = overrides | {"name": _name(given)}
    kept = [argument for argument in arguments if argument.partition("=")[0] not in overrides]
    return [*kept, *(f"{key}={value}" for key, value in overrides.items())]


def _name(given: dict[str, str]) -> str:
    """The name that the run has where a reader types this: these overrides would add themselves to it."""
    from brats_seg.artifacts.run_names import run_name
    from brats_seg.training.config import canonical

    experiment = given.get("experiment", "pipeline_a")
    experiment = "pipeline_${pipeline}" if "," in experiment else experiment
    typed = {key: value for key, value in given.items() if value and not key.startswith("-")}
    several = [key for key, value in typed.items() if re.fullmatch(r"[\w.-]+(,[\w.-]+)+", value)]
    one = [f"{key}={value}" for key, value in typed.items() if key not in several]
    named = [f"${{{key}}}" for key in several if key not in {"experiment", "fold"}]
    return "-".join([run_name(experiment, canonical(one)), *named])


def answer(connection: socket.socket) -> int:
    """Run one command as its caller: in that folder, with that environment and those streams."""
    asked, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    call = json.loads(asked)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    # The old objects remember whether the streams of this process can seek.
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115 (open until the end)
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["environment"])
    sys.path[:0] = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(":") if entry]
    sys.argv = ["brats-seg", *smaller(call["arguments"])]
    try:
        importlib.import_module("brats_seg.cli.main").main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def serve(address: str) -> None:
    """Import everything, then listen until the tests end."""
    package = importlib.import_module("brats_seg")
    for module in pkgutil.walk_packages(package.__path__, "brats_seg."):
        importlib.import_module(module.name)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                code = answer(connection)
                sys.stdout.flush()
                sys.stderr.flush()
                connection.sendall(f"{code}\n".encode())
                os._exit(0)
            connection.close()


if __name__ == "__main__":
    serve(sys.argv[1])
