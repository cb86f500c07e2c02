"""A seed depends on every part and on nothing else."""

from __future__ import annotations

from brats_seg.seeds import seed_for


def test_every_part_counts() -> None:
    parts = [(0, 1, "x"), (0, 1, "y"), (1, 0, "x"), (0, 11, "x"), (0, 1, 1, "x"), (0, "1x")]
    seeds = {seed_for(*some) for some in parts}
    assert len(seeds) == len(parts)
    assert all(0 <= seed < 2**63 for seed in seeds)
