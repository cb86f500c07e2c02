"""``brats-seg COMMAND [hydra overrides]``."""

from __future__ import annotations

import difflib
import importlib
import sys

from brats_seg import __version__

COMMANDS = {
    "doctor": "what this machine has, and what is missing for which feature",
    "phantom": "write a synthetic cohort in BraTS layout",
    "check": "read a folder of cases and list every problem",
    "prepare": "fill the cache that training reads from",
    "train": "train one fold of one experiment, or continue it",
    "predict": "segment cases with the bundles of pipelines A and B",
    "merge": "merge the label maps of two prediction folders",
    "evaluate": "score predictions against references",
    "demo": "everything above on a synthetic cohort, in minutes",
}
"""Every command and its line in the help; here, because importing the commands takes seconds."""


def main() -> None:
    """Dispatch to ``brats_seg.cli.<command>``."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return
    if arguments[0] == "--version":
        print(f"brats-seg {__version__}")
        return
    name = arguments[0]
    if name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {close[0]}?" if close else "see brats-seg --help"
        print(f"brats-seg: error: unknown command {name!r}: {hint}", file=sys.stderr)
        sys.exit(2)
    module = f"brats_seg.cli.{name.replace('-', '_')}"
    # Children that Lightning starts for more devices run sys.argv again: it must name the command's own module.
    sys.argv = [importlib.import_module(module).__file__ or module, *arguments[1:]]
    importlib.import_module(module).main()


def usage() -> str:
    """The help text."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {line}" for name, line in COMMANDS.items()]
    return "\n".join(
        [
            "usage: brats-seg COMMAND [key=value ...]",
            "",
            "Brain tumour segmentation in MRI. For research; not a medical device.",
            "",
            *lines,
            "",
            "brats-seg COMMAND --help shows a command's keys and their defaults; brats-seg --version the version.",
        ]
    )
