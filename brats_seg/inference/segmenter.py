"""Segmentation from Python, without Hydra and without folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from brats_seg import nifti
from brats_seg.artifacts.bundles import Bundle, Pipeline
from brats_seg.artifacts.ensemble_file import Folders, open_bundles
from brats_seg.artifacts.synthetic import synthetic_notice
from brats_seg.cases import LoadedCase, case_from_files, load_case, read_volumes
from brats_seg.errors import CaseError, UserError
from brats_seg.inference.ensemble import make_ensembles
from brats_seg.inference.fallback import Memory
from brats_seg.inference.given_images import LPS_AFFINE, Source, as_image
from brats_seg.inference.segment import segment
from brats_seg.inference.segmentation import Segmentation, as_read
from brats_seg.inference.settings import Settings
from brats_seg.inference.suspicions import suspicions

if TYPE_CHECKING:
    from brats_seg.scans import AlignSettings


class Segmenter:
    """The ensembles of one or both pipelines, on a device, ready for cases.

    Args:
        bundles: Pipeline to its bundles.
        device: ``"cpu"``, ``"cuda"``, ...; None takes the GPU where there is one.
        trust: Packages whose code may be run, where a bundle holds a network of one of them.
        settings: Fields of :class:`Settings` that differ from ``conf/predict.yaml``.

    Raises:
        UserError: A bundle or a setting cannot be used, or there is no bundle.
    """

    def __init__(
        self,
        bundles: Mapping[Pipeline, Sequence[Bundle]],
        *,
        device: str | None = None,
        trust: Sequence[str] | str = (),
        **settings: Any,
    ) -> None:
        self.settings = Settings.default(**settings)
        if not any(bundles.values()):
            raise UserError("no bundle given: a Segmenter needs those of pipeline a, b, or both")
        chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
        trusted: dict[Pipeline, list[Bundle]] = {}
        for pipeline, group in bundles.items():
            trusted[pipeline] = [bundle.trusting(trust) for bundle in group]
        self.bundles = trusted
        self.ensembles = make_ensembles(trusted, device=chosen)
        self.memory = Memory()

    @classmethod
    def from_ensemble(
        cls,
        path: str | Path,
        *,
        device: str | None = None,
        trust: Sequence[str] | str = (),
        **settings: Any,
    ) -> Segmenter:
        """Open the bundles that an ``ensemble.yaml`` names.

        Args:
            path: Of the file.
            device: As for the class.
            trust: As for the class.
            settings: As for the class.

        Returns:
            Ready for cases.
        """
        return cls(open_bundles(ensemble=path, trust=trust), device=device, **settings)

    @classmethod
    def from_bundles(
        cls,
        a: Folders = (),
        b: Folders = (),
        *,
        device: str | None = None,
        trust: Sequence[str] | str = (),
        **settings: Any,
    ) -> Segmenter:
        """Open bundles.

        Args:
            a: Folders of the bundles of pipeline A, or the folder of one.
            b: Folders of the bundles of pipeline B, or the folder of one.
            device: As for the class.
            trust: As for the class.
            settings: As for the class.

        Returns:
            Ready for cases.
        """
        return cls(open_bundles(a, b, trust=trust), device=device, **settings)

    def __call__(
        self,
        *,
        affine: NDArray[np.float64] = LPS_AFFINE,
        align: bool | AlignSettings = False,
        brain_mask: str | Path | None = None,
        **images: Source,
    ) -> Segmentation:
        """Segment one case.

        Args:
            affine: Of images given as arrays: voxel ``(i, j, k)`` to RAS+ millimetres.
            align: The images are raw, as a scanner gives them: they are aligned first, as `brats-seg align`
                does by default, or as these settings say (extra ``scans``).
            brain_mask: With ``align``, a mask on the T1ce's grid that stands in for the brain extraction.
            images: ``t1``, ``t1ce``, ``t2``, ``flair``: paths, nibabel images, or arrays ``(i, j, k)`` as
                nibabel has them.

        Returns:
            The label map and everything else that was decided.

        Raises:
            UserError: The images cannot be used; the line says why.
        """
        if align:
            from brats_seg.inference.raw_images import segment_raw

            how = None if align is True else align
            return segment_raw(images, self, how, brain_mask=brain_mask, affine=affine)
        if brain_mask is not None:
            raise UserError("brain_mask: expected with align=True alone, found without it")
        loaded = self._read(images, affine)
        prediction = segment(loaded, self.ensembles, self.settings, memory=self.memory)
        prediction.warnings.extend(suspicions(prediction, self.bundles))
        of_phantoms = synthetic_notice(each.record["provenance"] for each in self._members())
        prediction.warnings.extend([] if of_phantoms is None else [of_phantoms])
        image = nifti.to_image(prediction.answers[prediction.final].label_map, loaded.geometry)
        return Segmentation(as_read(image), prediction)

    def _read(self, images: Mapping[str, Source], affine: NDArray[np.float64]) -> LoadedCase:
        paths: dict[str, Path] = {}
        held: dict[Path, list[nifti.Volume]] = {}
        for name, image in images.items():
            if isinstance(image, str | Path):
                paths[name] = Path(image).expanduser()
            else:
                paths[name] = Path(name)
                held[paths[name]] = nifti.channels_from_image(as_image(name, image, affine), paths[name])
        try:
            case = case_from_files(paths, case_id="images" if held else None, in_memory=held)
            on_disk = [path for path in case.files if path not in held]
            volumes = {**held, **read_volumes(case, on_disk)}
            return load_case(case, volumes, self.settings.on_missing_modality)
        except CaseError as error:
            raise UserError(error.reason) from error

    def _members(self) -> Iterator[Bundle]:
        for group in self.bundles.values():
            yield from group
