"""Find cases under every layout people have. Naming tells modality and label convention; nothing is guessed."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from brats_seg.cases.case import Case, ModalityFile
from brats_seg.errors import UserError
from brats_seg.labels import convention as known_convention
from brats_seg.terms import MODALITIES

BRATS2020 = re.compile(r"^(?P<id>.+)_(?P<kind>t1|t1ce|t2|flair|seg)$", re.IGNORECASE)
BRATS2023 = re.compile(r"^(?P<id>.+)-(?P<kind>t1n|t1c|t2w|t2f|seg)$", re.IGNORECASE)
STRAY_355 = re.compile(r"^W\d+_[\d.]+_Segm$", re.IGNORECASE)
"""BraTS 2020 case 355 ships its segmentation as ``W39_1998.09.19_Segm.nii``."""

NAMINGS = (
    (BRATS2020, "brats2020", {m: m for m in MODALITIES}),
    (BRATS2023, "brats2023", {"t1n": "t1", "t1c": "t1ce", "t2w": "t2", "t2f": "flair"}),
)
MSD_CHANNELS = {"flair": "flair", "t1w": "t1", "t1gd": "t1ce", "t2w": "t2"}
SEGMENTATION = "seg"


def find_cases(root: Path, *, convention: str | None = None, patterns: Mapping[str, str] | None = None) -> list[Case]:
    """Cases below a folder, sorted by id.

    Args:
        root: BraTS 2018 to 2024 (any nesting), the Kaggle copy, MSD Task01, or one case's own folder.
        convention: Label convention, where it is not the one that the naming tells.
        patterns: Modality (and ``seg``) to a glob relative to ``root`` with ``{id}`` in it, such as ``{id}/anat/{id}_T1w.nii.gz``.

    Raises:
        UserError: No such folder, no case in it, or a case id that occurs in two folders.
    """
    if convention is not None:
        known_convention(convention)
    root = root.expanduser()
    if not root.is_dir():
        raise UserError(f"{root}: no such folder")
    if patterns:
        cases = _by_patterns(root, patterns)
    elif (root / "dataset.json").is_file():
        cases = _medical_decathlon(root)
    else:
        cases = [case for case in _by_naming(root) if case.modalities]
    if not cases:
        raise UserError(f"{root}: no case found; expected files such as <id>_t1ce.nii.gz or <id>-t1c.nii.gz, or give data.patterns.t1=...")
    if convention is not None:
        cases = [Case(c.id, c.modalities, c.segmentation, convention, c.duplicates) for c in cases]
    return sorted(cases, key=lambda c: c.id)


def lone_segmentations(root: Path) -> list[Path]:
    """Segmentations without any modality beside them: not cases, but worth a note."""
    return sorted(c.segmentation for c in _by_naming(root.expanduser()) if not c.modalities and c.segmentation is not None)


def case_from_files(files: Mapping[str, Path], *, case_id: str | None = None, convention: str | None = None) -> Case:
    """A case from explicit files, such as ``t1=FILE t1ce=FILE t2=FILE flair=FILE``.

    Args:
        files: Modality to file; ``seg`` is allowed.
        case_id: Its name; the beginning that the files' names share by default.
        convention: Label convention; else as the naming tells.

    Raises:
        UserError: An unknown modality, or no common name.
    """
    if unknown := set(files) - {*MODALITIES, SEGMENTATION}:
        raise UserError(f"unknown modality {', '.join(sorted(unknown))}: use {', '.join(MODALITIES)}")
    parsed = [p for p in (_parse(path) for path in files.values()) if p is not None]
    names = {identity for identity, _, _ in parsed}
    if case_id is None:
        case_id = names.pop() if len(names) == 1 else _stem(next(iter(files.values())))
    if convention is None:
        told = {c for _, _, c in parsed}
        convention = told.pop() if len(told) == 1 else None
    modalities = {m: ModalityFile(Path(files[m])) for m in MODALITIES if m in files}
    return Case(case_id, modalities, files.get(SEGMENTATION), convention)


def _stem(path: Path) -> str:
    return re.sub(r"\.nii(\.gz)?$", "", path.name)


def _parse(path: Path) -> tuple[str, str, str] | None:
    """Case id, kind (modality or ``seg``) and convention that a file's name tells."""
    for pattern, convention, kinds in NAMINGS:
        if match := pattern.match(_stem(path)):
            kind = match["kind"].lower()
            return match["id"], kinds.get(kind, kind), convention
    return None


def _volumes(root: Path) -> Iterator[Path]:
    # Kaggle's copies can hold folders that are named like files.
    yield from sorted(p for p in root.rglob("*.nii*") if p.name.endswith((".nii", ".nii.gz")) and not p.name.startswith(".") and p.is_file())


def _by_naming(root: Path) -> list[Case]:
    files: dict[tuple[Path, str, str], dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    strays: dict[Path, list[Path]] = defaultdict(list)
    for path in _volumes(root):
        parsed = _parse(path)
        if parsed is not None:
            home = path.parent.parent if path.parent.name.endswith((".nii", ".nii.gz")) else path.parent
            files[home, parsed[0], parsed[2]][parsed[1]].append(path)
        elif STRAY_355.match(_stem(path)):
            strays[path.parent].append(path)
    return _unique([_case(key, found, strays) for key, found in files.items()])


def _case(key: tuple[Path, str, str], found: Mapping[str, list[Path]], strays: Mapping[Path, list[Path]]) -> Case:
    folder, identity, convention = key
    segmentations = [*found.get(SEGMENTATION, []), *strays.get(folder, [])]
    modalities = {m: ModalityFile(found[m][0]) for m in MODALITIES if m in found}
    every = {**{m: found[m] for m in modalities}, SEGMENTATION: segmentations}
    duplicates = {kind: tuple(paths[1:]) for kind, paths in every.items() if len(paths) > 1}
    return Case(identity, modalities, segmentations[0] if segmentations else None, convention, duplicates)


def _unique(cases: list[Case]) -> list[Case]:
    folders: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        if case.modalities:
            folders[case.id].add(str(next(iter(case.modalities.values())).path.parent))
    for identity, places in folders.items():
        if len(places) > 1:
            raise UserError(f"case {identity} lies in {' and in '.join(sorted(places))}: keep one")
    return cases


def _medical_decathlon(root: Path) -> list[Case]:
    """MSD Task01: one 4-D file per case, channels and labels as ``dataset.json`` says."""
    try:
        described = json.loads((root / "dataset.json").read_text())
        order = [MSD_CHANNELS[described["modality"][str(k)].lower()] for k in range(len(described["modality"]))]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{root / 'dataset.json'}: expected the modalities FLAIR, T1w, t1gd, T2w of MSD Task01 ({error!r})") from error
    cases = []
    for folder in ("imagesTr", "imagesTs"):
        for path in _volumes(root / folder) if (root / folder).is_dir() else ():
            modalities = {m: ModalityFile(path, order.index(m)) for m in MODALITIES if m in order}
            truth = next((t for t in (root / "labelsTr" / path.name,) if t.is_file()), None)
            cases.append(Case(_stem(path), modalities, truth, "msd"))
    return cases


def _by_patterns(root: Path, patterns: Mapping[str, str]) -> list[Case]:
    files: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for kind, pattern in patterns.items():
        if kind not in (*MODALITIES, SEGMENTATION) or "{id}" not in pattern:
            raise UserError(f"data.patterns.{kind}={pattern}: use a modality of {', '.join(MODALITIES)} or seg, and {{id}} in the pattern")
        parts = re.escape(pattern).replace(r"\{id\}", "(?P<id>[^/]+)", 1).replace(r"\{id\}", "(?P=id)").replace(r"\*", "[^/]*")
        for path in sorted(root.glob(pattern.replace("{id}", "*"))):
            if match := re.fullmatch(parts, path.relative_to(root).as_posix()):
                files[match["id"]][kind].append(path)
    cases = []
    for identity, found in files.items():
        modalities = {m: ModalityFile(found[m][0]) for m in MODALITIES if m in found}
        duplicates = {kind: tuple(paths[1:]) for kind, paths in found.items() if len(paths) > 1}
        cases.append(Case(identity, modalities, found[SEGMENTATION][0] if SEGMENTATION in found else None, None, duplicates))
    return cases
