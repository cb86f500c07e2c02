"""``brats-seg COMMAND [hydra overrides]``."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Sequence

from brats_seg import __version__
from brats_seg.cli import help
from brats_seg.runtime import cores
from brats_seg.runtime.streams import keep_streams
from brats_seg.surroundings import draw_as_delivered, share_cores

COMMANDS = {
    "doctor": "what this machine has, and what is missing for which feature",
    "phantom": "write a synthetic cohort in BraTS layout",
    "convert": "find the four sequences in DICOM files and write them as NIfTI",
    "align": "raw sequences, with their skull, to the space of BraTS",
    "dicom": "a label map as DICOM SEG and RTSTRUCT on its series",
    "segment": "from a DICOM export to label maps: convert, align, predict, in one command",
    "check": "read a folder of cases and list every problem",
    "prepare": "fill the cache that training reads from",
    "train": "train one fold of one experiment, or continue it",
    "average": "make a bundle of the mean of a training's snapshots",
    "flag-cases": "list the training cases whose loss stays high, to review and to leave out",
    "cv-summary": "tables of a cross-validation, differences between experiments, and the ensemble",
    "predict": "segment cases with the bundles of pipelines A and B",
    "merge": "merge the label maps of two prediction folders",
    "evaluate": "score predictions against references",
    "report": "static pages of a cohort, with a 3-D viewer for each case",
    "enhancing-threshold": "choose predict's threshold of small enhancing tumour on out-of-fold predictions",
    "bundle": "show what a bundle says of itself, verify its weights, pack an ensemble into one file",
    "export": "write a bundle's network as ONNX or torch.export, compared with the bundle",
    "demo": "the whole way on a synthetic cohort, in minutes",
    "reproduce": "the whole paper, from labelled cases to its tables beside ours; resumable",
}
"""Every command and its line in the help; here, because importing the commands takes seconds."""


def main() -> None:
    """Dispatch to ``brats_seg.cli.commands.<command>``."""
    keep_streams()
    draw_as_delivered()
    share_cores(cores())
    first, *rest = sys.argv[1:] or ["--help"]
    if first == "help" and rest:
        first, *rest = [*rest, "--help"]
    if first in ("-h", "--help", "help"):
        print(usage())
    elif first == "--version":
        print(f"brats-seg {__version__}")
    elif first in ("-sc", "--shell-completion"):
        complete(rest)
    elif first in COMMANDS and help.is_asked(rest):
        print(help.show(first.replace("-", "_"), rest))
    elif first in COMMANDS:
        run(first, rest)
    else:
        close = difflib.get_close_matches(first, COMMANDS, n=1)
        hint = f"did you mean {close[0]}?" if close else "see brats-seg --help"
        print(f"brats-seg: error: unknown command {first!r}: {hint}", file=sys.stderr)
        sys.exit(2)


def run(name: str, arguments: Sequence[str]) -> None:
    """Run one command; ``sys.argv`` stays whole, because Lightning starts its children from it.

    Args:
        name: Of the command.
        arguments: Hydra overrides and options.
    """
    importlib.import_module(f"brats_seg.cli.commands.{name.replace('-', '_')}").main(arguments)


def complete(arguments: Sequence[str]) -> None:
    """Complete the command here, then its keys: Hydra's completion knows one command per program."""
    program, *words = os.environ.get("COMP_LINE", "brats-seg").split(" ")
    if len(words) == 1:
        print("\n".join(name for name in COMMANDS if name.startswith(words[0])))
    elif not words or words[0] in COMMANDS:
        os.environ["COMP_LINE"] = " ".join([program, *words[1:]])
        run(words[0] if words else "doctor", ["-sc", *arguments])


def usage() -> str:
    """The help text."""
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:<{width}}  {line}" for name, line in COMMANDS.items())
    return f"""usage: brats-seg COMMAND [key=value ...]

Brain tumour segmentation in MRI. For research; not a medical device.

{lines}

brats-seg COMMAND --help shows a command's keys, their defaults and examples; brats-seg --version the version.
Tab completion: eval "$(brats-seg -sc install=bash)", or brats-seg -sc install=fish | source."""
