"""Cases one after the other: while one is segmented, the next is read and prepared, once for all networks.

Covered by tests/inference/test_predict.py and test_devices.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, IterableDataset

from brats_seg.cases import Case, OnMissing, read_case
from brats_seg.errors import CaseError
from brats_seg.inference.ready import ReadyCase
from brats_seg.preprocessing import Normalisation

Read = ReadyCase | CaseError
"""A case, or why it cannot be used: the others are segmented all the same."""


class CaseStream(IterableDataset[Read]):
    """Read-ahead by one case, in a thread: a process would send 150 MB per case through shared memory.

    Args:
        cases: In this order.
        on_missing_modality: As for :func:`brats_seg.cases.read_case`.
        normalisations: Those that the networks want.
    """

    def __init__(
        self, cases: Sequence[Case], on_missing_modality: OnMissing, normalisations: Sequence[Normalisation]
    ) -> None:
        self.cases, self.on_missing_modality = cases, on_missing_modality
        self.normalisations = normalisations

    def __iter__(self) -> Iterator[Read]:
        with ThreadPoolExecutor(1) as reader:
            ahead = [reader.submit(self._read, case) for case in self.cases[:1]]
            for case in self.cases[1:]:
                now, ahead = ahead[0], [reader.submit(self._read, case)]
                yield now.result()
                del now  # a case is 150 MB
            for last in ahead:
                yield last.result()

    def _read(self, case: Case) -> Read:
        try:
            missing = self.on_missing_modality
            loaded = read_case(case, on_missing_modality=missing, with_segmentation=False)
            return ReadyCase(loaded, self.normalisations)
        except CaseError as error:
            return error
        except MemoryError as error:
            found = next(iter(str(error).splitlines()), "too little of it")
            return CaseError(case.id, expected="memory for its files", found=found)


class PredictionData(pl.LightningDataModule):
    """The cases of a run, dealt out to its devices.

    Args:
        cases: To be segmented.
        on_missing_modality: As for :func:`brats_seg.cases.read_case`.
        normalisations: Those that the networks want.
    """

    def __init__(
        self, cases: Sequence[Case], on_missing_modality: OnMissing, normalisations: Sequence[Normalisation]
    ) -> None:
        super().__init__()
        self.cases, self.on_missing_modality = cases, on_missing_modality
        self.normalisations = normalisations

    @property
    def share(self) -> list[Case]:
        """The cases of this device; the list of the first process counts, which looked for finished cases."""
        assert self.trainer is not None
        cases: Sequence[Case] = self.trainer.strategy.broadcast(self.cases)
        return list(cases[self.trainer.global_rank :: self.trainer.world_size])

    def predict_dataloader(self) -> DataLoader[Read]:
        """Case by case."""
        stream = CaseStream(self.share, self.on_missing_modality, self.normalisations)
        return DataLoader(stream, batch_size=None, num_workers=0)

    def transfer_batch_to_device(self, batch: Read, device: torch.device, dataloader_idx: int) -> Read:
        """Cases stay in memory until they are prepared."""
        return batch
