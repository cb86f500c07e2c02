"""The settings in which a rival may run: it is measured in each, and compared with in its best."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Rival:
    """How a rival computes.

    Attributes:
        name: For tables.
        dtype: Of autocast; None: fp32.
        packed: Whether volumes and weights are ``channels_last_3d``.
    """

    name: str
    dtype: torch.dtype | None
    packed: bool

    def autocast(self, device: str) -> AbstractContextManager[object]:
        """In which it computes."""
        return torch.autocast(device, self.dtype) if self.dtype else nullcontext()

    def lay_out(self, net: nn.Module) -> nn.Module:
        """The network with its weights as this setting has them."""
        return net.to(memory_format=torch.channels_last_3d) if self.packed else net  # type: ignore[call-overload]

    def lay(self, image: Tensor) -> Tensor:
        """The image as this setting has it."""
        layout = torch.channels_last_3d if self.packed else torch.contiguous_format
        return image.contiguous(memory_format=layout)


RIVALS = tuple(
    Rival(f"{precision}, {layout}", dtype, layout == "channels_last")
    for precision, dtype in (("fp32", None), ("bf16", torch.bfloat16))
    for layout in ("contiguous", "channels_last")
)


def best(seconds: dict[str, float], of: str) -> tuple[str, float]:
    """The quickest of the lines that begin with a name, and its seconds."""
    rivals = {name: value for name, value in seconds.items() if name.startswith(of)}
    name = min(rivals, key=rivals.__getitem__)
    return name, rivals[name]
