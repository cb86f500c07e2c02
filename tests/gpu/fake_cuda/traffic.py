"""How much memory a program on the pretended card holds, and how much it moves."""

from __future__ import annotations

import weakref
from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

GIB = 2**30
IN_PLACE = ("add_", "relu_", "mul_", "copy_", "fill_", "zero_")
"""Answers that are their input, and yet move it."""
QUESTIONS = ("device", "sym_size", "sym_numel", "sym_stride")
READ_TWICE = {
    "native_group_norm": 1,
    "norm_relu": 1,
    "native_group_norm_backward": 2,
    "norm_relu_backward": 2,
}
"""How many of the first arguments a norm reads for its sums and once more to change them."""
CONTIGUOUS = {
    "native_group_norm": (0,),
    "native_group_norm_backward": (0, 1),
    "upsample_trilinear3d_backward": (0,),
}
"""Which arguments torch 2.13's C++ copies to the contiguous layout, unseen by a dispatch mode."""
CONVOLUTIONS = {"convolution": (0,), "convolution_backward": (0, 1)}
"""Which arguments follow the layout of the others."""
COPIES = ("clone", "copy_", "_to_copy")


class Traffic(TorchDispatchMode):
    """Counts what goes through torch while it is entered.

    Attributes:
        live, peak: Bytes held now, and at most.
        moved: Bytes read and written, by operator; every operator reads its inputs once and writes its
            answers once, but for the norms, which read twice.
        hidden: Of copies to another layout that torch's C++ makes.
        layout: Of copies to another layout that are operators of their own; they are in ``moved`` as well.
        calls: How often each operator ran.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self.known: set[int] = set()
        self.moved: Counter[str] = Counter()
        self.hidden: Counter[str] = Counter()
        self.layout: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def add(self, tensor: Tensor) -> None:
        """Its storage is held until nobody has it."""
        storage = tensor.untyped_storage()
        key, size = id(storage), storage.nbytes()
        if key in self.known:
            return
        self.known.add(key)
        self.live += size
        weakref.finalize(storage, self._gone, key, size)
        self.peak = max(self.peak, self.live)

    def _gone(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.live -= size

    def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        answer = operator(*args, **(kwargs or {}))
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        outputs = [leaf for leaf in tree_leaves(answer) if isinstance(leaf, Tensor)]
        for output in outputs:
            self.add(output)
        self._count(operator._overloadpacket.__name__, args, inputs, outputs)
        return answer

    def _count(self, name: str, args: Any, inputs: list[Tensor], outputs: list[Tensor]) -> None:
        hidden = sum(tensor.nbytes for tensor in _copied(name, args, inputs))
        self.peak = max(self.peak, self.live + hidden)
        self.hidden[name] += 2 * hidden
        if name in QUESTIONS or (_is_view(inputs, outputs) and name not in IN_PLACE):
            return
        self.calls[name] += 1
        self.moved[name] += sum(tensor.nbytes for tensor in (*inputs, *outputs) if tensor.dim())
        self.moved[name] += sum(tensor.nbytes for tensor in args[: READ_TWICE.get(name, 0)])
        source = inputs[-1] if name == "copy_" else inputs[0] if inputs else None
        if (
            name in COPIES
            and source is not None
            and source.dim() == 5
            and _format(source) != _format(outputs[0])
        ):
            self.layout[name] += source.nbytes + outputs[0].nbytes


def _copied(name: str, args: Any, inputs: list[Tensor]) -> list[Tensor]:
    """What an operator copies to another layout before it begins."""
    if name in CONTIGUOUS:
        return [args[place] for place in CONTIGUOUS[name] if not args[place].is_contiguous()]
    if name not in CONVOLUTIONS:
        return []
    last = any(_format(tensor) == "channels_last" for tensor in inputs if tensor.dim() == 5)
    wanted = ("channels_last", "both") if last else ("contiguous", "both")
    return [args[place] for place in CONVOLUTIONS[name] if _format(args[place]) not in wanted]


def _format(tensor: Tensor) -> str:
    plain, last = (
        tensor.is_contiguous(memory_format=each) for each in (torch.contiguous_format, torch.channels_last_3d)
    )
    if plain and last:
        return "both"
    return "contiguous" if plain else "channels_last" if last else "other"


def _is_view(inputs: list[Tensor], outputs: list[Tensor]) -> bool:
    held = {tensor.untyped_storage()._cdata for tensor in inputs}
    return any(tensor.untyped_storage()._cdata in held for tensor in outputs)
