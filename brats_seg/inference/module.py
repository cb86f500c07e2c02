"""The LightningModule of prediction: one case in, one label map per pipeline out."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import nn

from brats_seg.bundles import Bundle
from brats_seg.cases import LoadedCase
from brats_seg.errors import CaseError, UserError
from brats_seg.inference.ensemble import mean_probabilities
from brats_seg.inference.label_map import label_map
from brats_seg.inference.merge import merge_label_maps
from brats_seg.inference.tta import views
from brats_seg.labels import convention
from brats_seg.models.precision import default_precision
from brats_seg.preprocessing import brain_mask, prepare

LoadedOrError = LoadedCase | CaseError


@dataclass(frozen=True)
class Settings:
    """What shapes a label map besides the bundles."""

    tta: str
    precision: str
    threshold: float
    labels_output: str | None
    on_missing_modality: str

    def record(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What was decided for one case.

    Attributes:
        loaded: The case.
        maps: ``a``, ``b`` and, with both, ``merged``: ``(z, y, x)`` uint8.
        convention: Name of the maps' label convention.
        seconds: From the read case to the label maps.
    """

    loaded: LoadedCase
    maps: Mapping[str, NDArray[np.uint8]]
    convention: str
    seconds: float

    @property
    def final(self) -> NDArray[np.uint8]:
        """The merged map, or that of the only pipeline."""
        return self.maps["merged"] if "merged" in self.maps else next(iter(self.maps.values()))


class PredictionModule(pl.LightningModule):
    """Holds every network of both pipelines.

    Args:
        bundles: Pipeline to its bundles.
        settings: How to predict.
    """

    def __init__(self, bundles: Mapping[str, Sequence[Bundle]], settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.views = views(settings.tta)
        self.arithmetic = default_precision() if settings.precision == "auto" else settings.precision
        self.normalisations = {pipeline: group[0].normalisation for pipeline, group in bundles.items()}
        for pipeline, group in bundles.items():
            if any(bundle.normalisation != self.normalisations[pipeline] for bundle in group):
                raise UserError(f"the bundles of pipeline {pipeline} differ in their normalisation: predict with each alone")
        self.nets = nn.ModuleDict(
            {pipeline: nn.ModuleList(b.net().to(memory_format=torch.channels_last_3d) for b in group) for pipeline, group in bundles.items()}
        )

    def predict_step(self, batch: LoadedOrError, batch_index: int) -> Prediction | CaseError:
        """Segment one case; what cannot be segmented is handed on to the writer's list."""
        if isinstance(batch, CaseError):
            return batch
        began = time.perf_counter()
        name = self.settings.labels_output or batch.case.convention
        if name is None:
            return CaseError(batch.case.id, expected="labels.output=NAME, because the files' naming tells no convention", found="none")
        brain = brain_mask(batch.image)
        maps: dict[str, NDArray[np.uint8]] = {}
        for pipeline, nets in self.nets.items():
            try:
                prepared = prepare(batch, self.normalisations[pipeline])
            except CaseError as error:
                return error
            image = torch.from_numpy(prepared.image).to(self.device)
            mean = mean_probabilities(image, nets, self.views, precision=self.arithmetic)  # type: ignore[arg-type]
            maps[pipeline] = label_map(mean.cpu().numpy(), prepared, brain, convention(name), self.settings.threshold)
        if len(maps) > 1:
            maps["merged"] = merge_label_maps(maps["a"], maps["b"], convention(name))
        return Prediction(batch, maps, name, time.perf_counter() - began)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Cases stay in memory until they are prepared."""
        return batch
