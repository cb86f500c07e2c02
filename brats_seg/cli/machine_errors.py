"""What the machine refuses, as one line: files, the disk, memory. Covered by tests/cli/test_command.py."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool

from brats_seg.errors import one_line

REMEDIES = {
    errno.ENOSPC: "free the disk, or choose another",
    errno.EDQUOT: "free the disk, or choose another",
    errno.EFBIG: "raise the limit of a file's size (ulimit -f)",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.EROFS: "choose another folder",
    errno.ENOENT: "it was there a moment ago, or a folder above it is missing; the same command goes on",
}
OTHERWISE = "mend its permissions, or choose another file or folder"
MEMORY = "memory does not suffice: use fewer workers or a smaller batch, or free some"


def explain_machine(chain: Sequence[BaseException]) -> str | None:
    """What to tell the user where the machine is to blame.

    Args:
        chain: The error and its causes.

    Returns:
        One line; None where it is something else.
    """
    for error in chain:
        if isinstance(error, OSError):
            return _of_file(error)
        if isinstance(error, BrokenProcessPool) or str(error).startswith("DataLoader worker"):
            return "a process died, probably for lack of memory; use fewer workers"
        if _lacks_memory(error):
            return MEMORY
    return None


def _of_file(error: OSError) -> str:
    reason = one_line(error.strerror or error)
    where = "" if error.filename is None else f"{error.filename}: "
    return f"{where}{reason}; {REMEDIES.get(error.errno or 0, OTHERWISE)}"


def _lacks_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    if "torch" not in sys.modules:  # its import takes seconds
        return False
    from brats_seg.runtime.memory import is_out_of_memory

    return is_out_of_memory(error)
