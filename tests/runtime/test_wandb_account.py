"""When a run of Weights & Biases is online."""

from __future__ import annotations

from pathlib import Path

import pytest

from brats_seg.runtime.wandb_account import wandb_mode

LOGGED_IN = "machine api.wandb.ai\n  login user\n  password 0123456789abcdef\n"


@pytest.mark.parametrize(
    ("written", "variables", "mode"),
    [
        ("", {}, "offline"),
        ("", {"WANDB_API_KEY": "x"}, "online"),
        (LOGGED_IN, {}, "online"),
        (LOGGED_IN, {"WANDB_MODE": "offline"}, "offline"),
        (LOGGED_IN, {"WANDB_BASE_URL": "https://wandb.of.mine:8080"}, "offline"),
        (
            LOGGED_IN.replace("api.wandb.ai", "wandb.of.mine"),
            {"WANDB_BASE_URL": "https://wandb.of.mine"},
            "online",
        ),
        ("machine", {}, "offline"),
        ("machine github.com login a password b", {}, "offline"),
    ],
)
def test_a_login_means_online(tmp_path: Path, written: str, variables: dict[str, str], mode: str) -> None:
    (tmp_path / ".netrc").write_text(written)
    (tmp_path / ".netrc").chmod(0o600)
    assert wandb_mode({"HOME": str(tmp_path), **variables}) == mode
    (tmp_path / ".netrc").rename(tmp_path / "elsewhere")
    assert wandb_mode({"HOME": "/nowhere", "NETRC": str(tmp_path / "elsewhere"), **variables}) == mode
