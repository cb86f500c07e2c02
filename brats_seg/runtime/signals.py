"""Signals end a process that Lightning works in as they end any other."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytorch_lightning as pl


@contextlib.contextmanager
def plain_signals(trainer: pl.Trainer) -> Iterator[None]:
    """Undo what this trainer makes of signals inside.

    SIGTERM ends the process at once, and the others that it started, or does what a handler says that was there before, as
    submitit's: Lightning would leave at the end of a step, with exit code 0. Files are whole at any moment, so nothing is lost.

    Raises:
        KeyboardInterrupt: After Ctrl-C, in place of Lightning's exit with code 1.
    """
    trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]
    main = threading.current_thread() is threading.main_thread()  # no other may set a handler
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if main and trainer.strategy.launcher is not None and before[signal.SIGTERM] == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _ended_together(trainer))
    try:
        yield
    except SystemExit as stopped:
        if isinstance(stopped.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        for number, answer in (
            before.items() if main else ()
        ):  # after Ctrl-C Lightning ignores the next, and leaves it so
            signal.signal(number, answer)


def _ended_together(trainer: pl.Trainer) -> signal._HANDLER:
    def end(number: int, frame: FrameType | None) -> None:
        trainer.strategy.launcher.kill(signal.Signals(number))  # type: ignore[union-attr]
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    return end
