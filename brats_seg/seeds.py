"""Randomness as a pure function of what is drawn for, so that a resumed run draws what the first one would have."""

from __future__ import annotations

import hashlib


def seed_for(*parts: int | str) -> int:
    """A 63-bit seed from named parts, such as ``(seed, epoch, case_id, "crop")``; the same on every machine."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
