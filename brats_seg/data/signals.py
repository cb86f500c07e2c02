"""Signals end a process that Lightning works in as they end any other."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

import pytorch_lightning as pl


@contextlib.contextmanager
def plain_signals(trainer: pl.Trainer) -> Iterator[None]:
    """Undo what this trainer makes of signals inside.

    SIGTERM ends the process at once, or does what a handler of ours or submitit's says: Lightning would leave at the end of a
    step, with exit code 0. Files are whole at any moment, so nothing is lost.

    Raises:
        KeyboardInterrupt: After Ctrl-C, in place of Lightning's exit with code 1.
    """
    trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]
    main = threading.current_thread() is threading.main_thread()
    answer = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as stopped:
        if isinstance(stopped.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        if main:  # Lightning ignores a second Ctrl-C, and leaves it so
            signal.signal(signal.SIGINT, answer)
