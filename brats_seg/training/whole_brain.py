"""Logits of a whole brain in validation, window by window where memory does not suffice.

Covered by tests/training/test_module.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from brats_seg.models import Network
from brats_seg.models.sliding_window import sliding_window
from brats_seg.runtime.memory import TooLarge, is_out_of_memory

WHOLE = "whole brain"


class WholeBrain:
    """The main head for a brain of any size; what was too large for the device is not tried again."""

    def __init__(self) -> None:
        self.too_large = TooLarge()
        self.told = False

    def __call__(self, net: Network, image: Tensor) -> Tensor:
        """Logits of the main head.

        Args:
            net: The network.
            image: Of one brain, ``(1, modality, z, y, x)``.

        Returns:
            ``(1, region, z, y, x)``.

        Raises:
            RuntimeError: Memory does not suffice for a window either, or something else is wrong.
        """

        def forward(part: Tensor) -> Tensor:
            # forward(), because the call would compile the network anew for every size of brain.
            logits: Tensor = net.forward(part, deep=False).main
            return logits

        voxels = image[0, 0].numel()
        if self.too_large.allows(WHOLE, voxels):
            try:
                return forward(image)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            # Outside of the handler, which would keep the tensors alive; does nothing on a CPU.
            torch.cuda.empty_cache()
            self.too_large.note(WHOLE, voxels)
            self._tell()
        return sliding_window(forward, image)

    def _tell(self) -> None:
        if not self.told:
            print("memory does not suffice to validate whole brains: a sliding window is used", flush=True)
        self.told = True
