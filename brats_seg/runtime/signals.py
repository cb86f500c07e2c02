"""Signals end a process in which Lightning trains as they end any other."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import pytorch_lightning as pl

HANDLED = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def plain_signals(trainer: pl.Trainer, before_end: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Inside, signals act as without Lightning.

    SIGTERM ends this process and its children, or runs the handler installed before (submitit's).
    Lightning would finish the step and exit with code 0. Files are whole at any moment, so nothing is lost.

    Args:
        trainer: Works inside.
        before_end: Called before SIGTERM ends this process.

    Raises:
        KeyboardInterrupt: After Ctrl-C, in place of Lightning's exit with code 1.
    """
    trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]
    in_main_thread = threading.current_thread() is threading.main_thread()  # no other may set a handler
    before = {number: signal.getsignal(number) for number in HANDLED}
    if in_main_thread and before[signal.SIGTERM] == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end_with_children(trainer, before_end))
    try:
        yield
    except SystemExit as stopped:
        if isinstance(stopped.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        if in_main_thread:  # after Ctrl-C Lightning ignores further ones, and does not restore the handler
            for number, handler in before.items():
                signal.signal(number, handler)


def _end_with_children(trainer: pl.Trainer, before_end: Callable[[], None]) -> signal._HANDLER:
    owner = os.getpid()

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        try:
            if os.getpid() == owner:  # a forked process has the handler, too
                before_end()
                if trainer.strategy.launcher is not None:
                    trainer.strategy.launcher.kill(signal.Signals(number))
        finally:
            os.kill(os.getpid(), number)

    return end
