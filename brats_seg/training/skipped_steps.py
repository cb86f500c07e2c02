"""A step whose loss or gradient is not finite changes nothing, and no GPU waits for the question.

Covered by tests/training/test_module.py.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim import Optimizer

PATIENCE = 10
"""Steps in a row that may be skipped before the training stops."""
SCALER_PATIENCE = 40
"""Steps in a row in which the AMP scaler may halve its scale: from 2^16 to 2^-24, which no network needs."""


class NotFinite(Exception):
    """The loss or the gradient of this step is not finite, so the step must not change the weights."""


def can_ask(device: torch.device) -> bool:
    """Whether a number of the device is there when it is asked for; a GPU would run dry meanwhile."""
    return device.type == "cpu"


class SkippedSteps:
    """Which steps are skipped, and how many in a row.

    On a CPU such a step is not taken. On a GPU it is taken with a gradient of zero and undone on the device:
    weights and moments are as before, the optimiser's own count of its steps goes on, and how many were
    skipped is read one step later.

    Attributes:
        in_a_row: How many steps in a row were skipped, and how many had a gradient that is not finite.
    """

    def __init__(self) -> None:
        self.in_a_row = torch.zeros(2, dtype=torch.int64)
        self._spoilt = torch.tensor(False)
        self._kept: list[tuple[Tensor, Tensor]] = []
        self._skip = self._spoilt
        self._arriving: tuple[Tensor, torch.cuda.Event | None] | None = None

    def start(self, device: torch.device) -> None:
        """Count on the device."""
        self.in_a_row = self.in_a_row.to(device)
        self._spoilt = torch.tensor(False, device=device)

    def note_loss(self, loss: Tensor) -> Tensor:
        """Note one loss of this step; whether it is finite, as a tensor."""
        finite = loss.detach().isfinite()
        self._spoilt = self._spoilt | ~finite
        return finite

    def take_spoilt(self) -> Tensor:
        """1 if a loss of this step was not finite, else 0; forgets it for the next step."""
        spoilt = self._spoilt.float()
        self._spoilt = torch.zeros_like(self._spoilt)
        return spoilt

    def count(self, skipped: Tensor, infinite: Tensor) -> None:
        """Count this step.

        Args:
            skipped: Whether it is skipped.
            infinite: Whether its gradient is not finite.
        """
        self.in_a_row = torch.where(torch.stack([skipped, infinite]), self.in_a_row + 1, 0)

    def hold(self, optimizer: Optimizer, skip: Tensor) -> None:
        """Prepare to undo the step that the optimiser is about to take.

        Args:
            optimizer: With the gradients of this step.
            skip: Whether to undo it.

        Raises:
            NotFinite: On a CPU, where the step is to be skipped.
        """
        if can_ask(skip.device):
            if skip:
                raise NotFinite
            return
        self._skip = skip
        # A copy for the moment: backward has just freed the activations, so that the peak is no higher.
        for tensor in _changed_by(optimizer):
            self._kept.append((tensor, tensor.detach().clone()))
            if tensor.grad is not None:
                tensor.grad.masked_fill_(skip, 0)  # so that moments of a first step are finite

    @torch.no_grad()
    def undo(self) -> None:
        """On a GPU take back the step that :meth:`hold` said to skip."""
        for tensor, before in self._kept:
            torch.where(self._skip, before, tensor, out=tensor)
        self._kept.clear()

    def counts(self) -> list[int]:
        """What :attr:`in_a_row` is on a CPU, and was a step before on a GPU, which has that one behind it."""
        now = self.in_a_row.to("cpu", non_blocking=True)
        if can_ask(self.in_a_row.device):
            return [int(number) for number in now.tolist()]
        event = None
        if self.in_a_row.is_cuda:
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record()
        before, self._arriving = self._arriving, (now, event)
        if before is None:
            return [0, 0]
        numbers, event = before
        if event is not None:
            event.synchronize()
        return [int(number) for number in numbers.tolist()]


def _changed_by(optimizer: Optimizer) -> list[Tensor]:
    """Weights that have a gradient, and the optimiser's numbers for them that lie on the same device."""
    changed: list[Tensor] = []
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is None:
                continue
            held = optimizer.state.get(parameter, {}).values()
            same = [each for each in held if isinstance(each, Tensor) and each.device == parameter.device]
            changed += [parameter, *same]
    return changed
