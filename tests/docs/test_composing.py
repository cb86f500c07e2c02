"""Every command in README.md and docs/ has keys that exist, and in a code block all that it needs."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_module
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf, open_dict

from brats_seg.cli.main import COMMANDS
from brats_seg.cli.values import check_values
from brats_seg.errors import UserError
from brats_seg.runtime.launchers import own_launchers

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.M | re.S)
INLINE = re.compile(r"(`)(brats-seg [^`]+)`")
NUMBER = re.compile(r"\b((?:fold|seed)=)\$\w+")
PIPELINE = re.compile(r"\bexperiment=pipeline_\$\w+")
VARIABLE = re.compile(r"\$\{\w+(?:\[@\])?\}|\$\w+|\$\([^)]*\)|<\w+>")
NAME = re.compile(r"[a-z-]+")
PARTIAL = {"...", "error:", "--config-dir"}
"""Of lines that say less than a command, and of those that need a file of the reader's own."""
MANY = 30
ENDS = {";", "|", "||", "&&", "&", "<", ">", ">>", "2>", "2>&1", "done", ")", "}"}


def commands(page: Path, places: re.Pattern[str]) -> Iterator[list[str]]:
    """The words behind each ``brats-seg``; a variable of the shell is some word."""
    for kind, block in places.findall(page.read_text(encoding="utf-8")):
        if kind not in ("bash", "sh", "", "`"):
            continue
        numbered = NUMBER.sub(r"\g<1>0", block.replace("\\\n", " "))
        whole_lines = PIPELINE.sub("experiment=pipeline_a", numbered)
        for line in VARIABLE.sub("word", whole_lines.replace("'brats-seg[", "'")).splitlines():
            lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&<>()")
            lexer.whitespace_split = True
            words = list(lexer)
            starts = [n for n, word in enumerate(words) if word.rpartition("/")[2] == "brats-seg"]
            for start in starts:
                ends = [n for n in range(start, len(words)) if words[n] in ENDS]
                found = words[start + 1 : min(ends, default=len(words))]
                if found and NAME.fullmatch(found[0]) and not PARTIAL & set(found):
                    yield found


NO_KEYS = ("-", "hydra/sweeper=", "hydra.sweeper.")
DOCUMENTED = [(page, words) for page in PAGES for words in commands(page, BLOCK)]
MENTIONED = [(page, words) for page in PAGES for words in commands(page, INLINE)]


def first_of_each(arguments: list[str]) -> Iterator[str]:
    """Overrides with one value where a sweep has several, without flags and sweepers of Hydra."""
    given = [word for word in arguments if not word.startswith(NO_KEYS) and word != "word"]
    for each in OverridesParser.create().parse_overrides(given):
        several = each.is_sweep_override() and not each.is_interval_sweep()
        choices = each.sweep_iterator(lambda value: value) if several else None
        key = each.input_line.partition("=")[0] if each.input_line else ""
        if each.is_interval_sweep():
            yield f"{key}={each.value().start}"
        else:
            yield each.input_line if choices is None else f"{key}={next(iter(choices))}"


def fault(words: list[str], *, whole: bool) -> str | None:
    """What the command would refuse before any work; ``whole``: also what it lacks."""
    name, *arguments = words
    if name in ("--help", "--version", "-sc"):
        return None
    if name not in COMMANDS:
        return "no such command"
    root = name.replace("-", "_")
    own_launchers()
    with initialize_config_module("brats_seg.conf", version_base="1.3"):
        try:
            config = compose(root, list(first_of_each(arguments)), return_hydra_config=True)
            HydraConfig.instance().set_config(config)
            check_values(config)
        except HydraException as error:
            return str(error)
        except UserError as error:
            wrong = [line for line in str(error).splitlines() if "=word" not in line]
            return "\n".join(wrong) or None
    with open_dict(config):
        del config["hydra"]
    left_out = OmegaConf.missing_keys(config) if whole and "word" not in arguments else ()
    return f"missing {sorted(left_out)}" if left_out else None


def by_page() -> Iterator[Any]:
    """Where there are many commands they take more than a few seconds."""
    counts = Counter(page for page, _ in (*DOCUMENTED, *MENTIONED))
    for page, count in sorted(counts.items()):
        marks = [pytest.mark.slow] if count > MANY else []
        yield pytest.param(page, id=page.relative_to(ROOT).as_posix(), marks=marks)


@pytest.mark.slow
@pytest.mark.parametrize("page", list(by_page()))
def test_documented_commands_compose(page: Path) -> None:
    told = {}
    for whole, lines in ((True, DOCUMENTED), (False, MENTIONED)):
        told |= {" ".join(words): fault(words, whole=whole) for where, words in lines if where == page}
    assert {line: wrong for line, wrong in told.items() if wrong} == {}


def test_every_command_is_documented_and_found() -> None:
    run_by_make = {"demo"}
    assert set(COMMANDS) - {words[0] for _, words in (*DOCUMENTED, *MENTIONED)} == run_by_make
