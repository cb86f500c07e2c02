"""A network of the user's own package, with what the rest of this one asks of a network."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from brats_seg.errors import UserError, WrongValue, one_line
from brats_seg.geometry import pad_to_multiple
from brats_seg.models.network import Network
from brats_seg.terms import DIVISOR, REGIONS, Logits
from brats_seg.trusted import is_dotted, trusted_class

KEYS = {"name", "arguments"}
MANY_CHANNELS = 256
"""What a network of which nothing is known may hold at full size."""


class OwnNetwork(Network):
    """Wraps a module of another package.

    Its ``forward`` takes an image, and ``deep`` if it has a parameter of that name; it answers ``Logits`` or
    one tensor of logits ``(batch, region, z, y, x)``. Where the class has an attribute ``divisor``, sizes are
    filled up to multiples of it with zeros, and the answer is cut back.

    Args:
        name: Of the class, ``my_package.MyNet``.
        arguments: Keyword arguments of the class, as plain values.
        trust: Packages whose code may be run.

    Raises:
        UserError: There is no such class, or its package is not trusted.
        WrongValue: The class does not take the arguments.
    """

    def __init__(self, name: str, arguments: Mapping[str, Any], trust: Sequence[str]) -> None:
        super().__init__()
        refuse_other_arguments(name, arguments)
        made = trusted_class(name, trust, nn.Module)
        try:
            self.net = made(**arguments)
        except (TypeError, ValueError) as error:
            reason = one_line(error)
            raise WrongValue(f"{name} cannot be made of {dict(arguments)}: {reason}") from error
        self.name, self.arguments = name, dict(arguments)
        self.divisor = int(getattr(self.net, "divisor", DIVISOR))
        self.takes_deep = "deep" in inspect.signature(self.net.forward).parameters

    def settings(self) -> dict[str, Any]:
        """The class and its arguments."""
        return {"name": self.name, "arguments": self.arguments}

    @property
    def checkpointing(self) -> bool:
        """As the wrapped network has it."""
        return bool(getattr(self.net, "checkpointing", False))

    @checkpointing.setter
    def checkpointing(self, wanted: bool) -> None:
        if wanted and not hasattr(self.net, "checkpointing"):
            raise WrongValue(f"checkpointing=true: {self.name} has no attribute checkpointing to set")
        if hasattr(self.net, "checkpointing"):
            setattr(self.net, "checkpointing", wanted)  # noqa: B010 (a flag, not a part of the network)

    @property
    def channels(self) -> int:
        """As many as a large network has: nothing is known of this one."""
        return MANY_CHANNELS

    def forward(self, image: Float[Tensor, "batch modality z y x"], deep: bool = True) -> Logits:
        """Logits of every head of the wrapped network.

        Args:
            image: Normalised.
            deep: Also of auxiliary heads, if the network has some.

        Returns:
            Before the sigmoid.

        Raises:
            UserError: The network answers something else.
        """
        z, y, x = image.shape[2:]
        padding = pad_to_multiple((z, y, x), self.divisor)
        padded = padding.pad(image) if self.divisor != DIVISOR else image
        answer = self.net(padded, deep=deep) if self.takes_deep else self.net(padded)
        logits = answer if isinstance(answer, Logits) else Logits(answer)
        heads = [self._checked(head, padded) for head in (logits.main, *logits.deep)]
        if self.divisor != DIVISOR:
            heads = [padding.undo(head) for head in heads]
        return Logits(heads[0], tuple(heads[1:]) if deep else ())

    def _checked(self, head: Any, image: Tensor) -> Tensor:
        expected = (image.shape[0], len(REGIONS), *image.shape[2:])
        if isinstance(head, Tensor) and tuple(head.shape) == expected:
            return head
        found = f"a tensor of {tuple(head.shape)}" if isinstance(head, Tensor) else type(head).__name__
        raise UserError(
            f"{self.name} answers {found}: expected Logits, or one tensor of {expected}, "
            f"logits of {', '.join(REGIONS)}"
        )


def is_own(settings: Mapping[str, Any]) -> bool:
    """Whether settings are those of an :class:`OwnNetwork`."""
    return is_dotted(settings.get("name"))


def refuse_other_settings(settings: Mapping[str, Any]) -> None:
    """Refuse what no :class:`OwnNetwork` has as settings; nothing is imported.

    Raises:
        UserError: Other keys, or arguments that are no plain values.
    """
    if set(settings) != KEYS or not isinstance(settings["arguments"], dict):
        raise UserError(f"architecture of {settings['name']}: expected its name and arguments")
    refuse_other_arguments(settings["name"], settings["arguments"])


def refuse_other_arguments(name: str, arguments: Mapping[str, Any]) -> None:
    """Refuse arguments from which a bundle could not make the network again.

    Args:
        name: Of the class.
        arguments: Its keyword arguments.

    Raises:
        WrongValue: One is no plain value, or has a key that begins with an underscore, such as ``_target_``.
    """
    for key, value in arguments.items():
        if not _is_plain({key: value}):
            raise WrongValue(
                f"{name}: {key}={value!a}: expected numbers, texts, lists and mappings of them, without "
                "_target_: make what else it needs in your class"
            )


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        keys = all(isinstance(key, str) and key.isidentifier() and not key.startswith("_") for key in value)
        return keys and all(map(_is_plain, value.values()))
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | bool | int | float)
