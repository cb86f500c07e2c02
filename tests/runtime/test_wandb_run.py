"""Where a run of Weights & Biases is recorded, and under which id."""

from __future__ import annotations

import os
from pathlib import Path

from brats_seg.runtime.wandb_run import run_id, wandb_mode


def test_offline_unless_the_environment_says_otherwise() -> None:
    assert wandb_mode({}) == "offline"
    assert wandb_mode({"WANDB_API_KEY": "k"}) == "online"
    assert wandb_mode({"WANDB_API_KEY": "k", "WANDB_MODE": "disabled"}) == "disabled"


def test_the_agent_names_the_run_and_a_continued_one_keeps_the_name(tmp_path: Path) -> None:
    path = tmp_path / "wandb_id.txt"
    assert run_id(path, {"WANDB_SWEEP_ID": "s", "WANDB_RUN_ID": "given"}) == "given"
    assert run_id(path, {}) == "given"
    assert run_id(path, {"WANDB_RUN_ID": "of somebody else"}) == "given"


def test_an_id_that_is_none_gives_way_to_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "wandb_id.txt"
    for damaged in (b"", b"../../elsewhere", b"two words", b"\x00\xff", b"x" * 65, b"[" * 300_000):
        path.write_bytes(damaged)
        new = run_id(path, {})
        assert new.isalnum()
        assert run_id(path, {}) == new
    path.unlink()
    os.mkfifo(path)
    assert run_id(path, {}) == path.read_text().strip()
