"""How large a network's weights are, without memory for them and without their first values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

RANDOM = {"normal_", "uniform_", "trunc_normal_"}


class _WithoutValues(TorchFunctionMode):
    """Weights are not drawn: on a meta tensor that imports 900 modules, which takes seconds, for nothing."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in RANDOM:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


@contextmanager
def shapes_only() -> Iterator[None]:
    """Inside, networks are made of tensors that have a shape and no values."""
    with torch.device("meta"), _WithoutValues():
        yield


def shapes_of(untrained: Callable[[], nn.Module], *, on_cpu: bool) -> Mapping[str, Tensor]:
    """The weights of a network, for their shapes and types.

    Args:
        untrained: Makes the network.
        on_cpu: With values: constructors of other packages may ask for them.

    Returns:
        By name.
    """
    if on_cpu:
        return untrained().state_dict()
    with shapes_only():
        return untrained().state_dict()
