"""Hooks of mkdocs: the generated pages, links out of docs/, and names of files that must exist."""

from __future__ import annotations

import logging
import os
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))

import reference

log = logging.getLogger("mkdocs.hooks.site")
ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\((\.\./[^)#\s]*)")
PATH = re.compile(r"`((?:brats_seg|conf|tests|benchmarks|docs|notebooks|constraints)/[\w/.-]+)`")

pages: dict[str, str] = {}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Make the pages of the reference and put them at the end of the navigation."""
    made, navigation = reference.make()
    pages.update(made)
    assert config.nav is not None
    config.nav.append({"Reference": navigation})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are no files in docs/."""
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to files beside docs/ into links to their pages, and warn of files that are not there."""
    here = Path(page.file.src_uri).parent

    def target(found: re.Match[str]) -> str:
        inside = os.path.normpath(Path("docs") / here / found[1])
        if inside.startswith("docs/"):
            return found[0]
        generated = reference.page_of(inside)
        if generated is None:
            log.warning("%s: %s has no page", page.file.src_uri, inside)
            return found[0]
        return f"]({os.path.relpath(generated, here)}"

    for found in PATH.finditer(markdown):
        if page.file.src_uri not in pages and not (ROOT / found[1]).exists():
            log.warning("%s: there is no %s", page.file.src_uri, found[1])
    return LINK.sub(target, markdown)
