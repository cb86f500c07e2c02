"""Where a run of Weights & Biases is recorded, and under which id."""

from __future__ import annotations

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
