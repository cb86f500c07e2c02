"""What every command does the same way, on a command whose task is the test's own."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig

from brats_seg.cli.command import _say, command
from brats_seg.cli.jobs import Job
from brats_seg.cli.one_line_errors import explain
from brats_seg.errors import UserError, WrongValue
from brats_seg.training.config import load_config

pytestmark = pytest.mark.usefixtures("places_unchecked")
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """``run(task, *overrides)``: exit code and standard error of ``brats-seg train`` with that task."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    def run(task: Callable[[DictConfig], int | None], *overrides: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["brats-seg", "train", *overrides])
        try:
            command("train")(task)(list(overrides))
            code = 0
        except SystemExit as stopped:
            code = stopped.code
        return code, capsys.readouterr().err

    return run


def works(config: DictConfig) -> None:
    assert config.data.root


def must_not_run(config: DictConfig) -> None:
    raise AssertionError("the task ran")


def test_works_and_leaves_nothing_behind(run, tmp_path):
    assert run(works, "data.root=x") == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_returns_the_tasks_code(run):
    assert run(lambda config: 1, "data.root=x") == (1, "")


def test_task_sees_the_whole_command_line(run):
    seen = []
    run(lambda config: seen.extend(sys.argv), "data.root=x")
    assert seen == ["brats-seg", "train", "data.root=x"]


def test_missing_keys_are_named_at_once(run):
    assert run(must_not_run, "scale.width=???") == (
        2,
        "brats-seg train: error: missing data.root=... scale.width=...\n",
    )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.rot=x", "unknown key data.rot: did you mean data.root?"),
        ("dta.root=x", "unknown key dta.root: did you mean data.root?"),
        ("root=x", "unknown key root: did you mean data.root?"),
        ("experimnt=pipeline_b", "unknown key experimnt: did you mean experiment?"),
        ("qqqq=x", "unknown key qqqq: see --help for the keys there are"),
        ("ckpt_path=1", "unknown key ckpt_path: see --help for the keys there are"),
        ("lr=1", "unknown key lr: did you mean optimizer.lr?"),
        ("trainer.max_epoch=1", "unknown key trainer.max_epoch: did you mean trainer.max_epochs?"),
        ("data.batchsize=1", "unknown key data.batchsize: did you mean data.batch_size?"),
        (
            "callbacks.mine=1",
            "unknown key callbacks.mine: add your own callback, "
            "'+callbacks.mine={_target_: my_package.MyCallback}'",
        ),
        ("+extra=1", "unknown key extra: see --help for the keys there are"),
        ("+callback.mine=1", "unknown key callback.mine: did you mean callbacks?"),
        ("+trainer.precison=1", "unknown key trainer.precison: did you mean trainer.precision?"),
        ("++overlays.case=1", "unknown key overlays.case: did you mean overlays.cases?"),
        ("++scale.learning_rate.a=1", "scale.learning_rate.a is now scale.a.learning_rate"),
        ("+overlays.case=1", "unknown key overlays.case: did you mean overlays.cases?"),
        ("scale.learning_rate.a=1", "scale.learning_rate.a is now scale.a.learning_rate"),
        ("scale.batch_size.b=1", "scale.batch_size.b is now scale.b.batch_size"),
        (
            "scale.cosine_epochs={a:1}",
            "scale.cosine_epochs is now scale.a.cosine_epochs and scale.b.cosine_epochs",
        ),
        ("data.convention=msd", "data.convention is now data.labels"),
        ("data.patterns.t1=x", "data.patterns.t1 is now patterns.t1"),
        ("schedule=pipeline_b", "schedule=pipeline_b is now schedule=cosine"),
        ("data.root", "cannot read 'data.root': write key=value"),
        ("optimizer=sgd", "optimizer=sgd: there is no such option, use one of adam, ranger"),
        ("a b=c", "cannot read 'a b=c': write key=value"),
        ("data.root=${nope}", "data.root: Interpolation key 'nope' not found"),
        (
            "data.root=${nope",
            "cannot read an interpolation (no viable alternative at input '${nope'): "
            "write ${KEY}, or \\${ for the text",
        ),
        ("experiment=[a=b]", "there is no configuration experiment/a=b"),
        ("+seed=1", "seed is a key already: write seed=... without the +"),
        (
            "+schedule.base_rate=1",
            "schedule.base_rate is a key already: write schedule.base_rate=... without the +",
        ),
    ],
)
def test_wrong_use_is_one_line(run, override, message):
    needed = ["data.root=x"] if override.startswith("+") else []
    code, said = run(must_not_run, override, *needed)
    assert (code, said) == (2, f"brats-seg train: error: {message}\n")


@pytest.mark.parametrize(("value", "read"), [("/a=b", "/a=b"), ("[/a=b,/c]", ["/a=b", "/c"])])
def test_a_path_with_an_equals_sign_is_taken_as_typed(run, value, read):
    seen = []
    key = "runs_root" if isinstance(read, str) else "logger.wandb.tags"
    assert run(seen.append, "data.root=x", f"{key}={value}", "logger=wandb") == (0, "")
    assert (seen[0].runs_root if isinstance(read, str) else seen[0].logger.wandb.tags) == read


@pytest.mark.parametrize(
    "command_line",
    ["data.root=~", "data.root=~/x", "+callbacks.x.y=[~/x,~/y]", "patterns={t1: ~/x}", "name='~/x'"],
)
def test_the_home_folder_is_expanded_wherever_a_path_begins(run, monkeypatch, command_line):
    monkeypatch.setenv("HOME", "/home/me")
    seen = []
    assert run(lambda config: seen.append(str(config)), "data.root=/x", command_line) == (0, "")
    assert "/home/me" in seen[0]
    assert "~" not in seen[0]


def test_a_tilde_within_a_path_stays(run):
    seen = []
    run(lambda config: seen.append(config.data.root), "data.root='/a~b/~c'", "~data.changed")
    assert seen == ["/a~b/~c"]


def test_what_lightning_cannot_do_on_this_machine_is_one_line(run):
    class MisconfigurationException(Exception):
        pass

    def task(config: DictConfig) -> None:
        raise MisconfigurationException("No supported gpu backend found!")

    assert run(task, "data.root=x") == (1, "brats-seg train: error: No supported gpu backend found!\n")


def test_user_error_is_its_own_line(run):
    def task(config: DictConfig) -> None:
        raise UserError("case 7: expected four, found three")

    assert run(task, "data.root=x") == (1, "brats-seg train: error: case 7: expected four, found three\n")


def test_errors_are_headed_as_the_command_is_typed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["brats-seg", "cv-summary"])
    with pytest.raises(SystemExit):
        command("cv_summary")(must_not_run)(["runs=[]"])
    assert capsys.readouterr().err == "brats-seg cv-summary: error: missing output=...\n"


@pytest.mark.parametrize(
    ("name", "override", "hint"),
    [
        ("demo", "scale=smoke", "did you mean size?"),
        ("predict", "scale=small", "see --help for the keys there are"),
    ],
)
def test_a_group_of_another_command_is_one_line(monkeypatch, capsys, name, override, hint):
    monkeypatch.setattr(sys, "argv", ["brats-seg", name])
    with pytest.raises(SystemExit):
        command(name)(must_not_run)([override, "output=x"])
    assert capsys.readouterr().err == f"brats-seg {name}: error: unknown key scale: {hint}\n"


def test_wrong_value_inside_a_constructor(run):
    def task(config: DictConfig) -> None:
        instantiate({"_target_": "brats_seg.labels.label_values", "name": "nope"})

    code, said = run(task, "data.root=x")
    assert code == 2
    assert said.startswith("brats-seg train: error: unknown label values 'nope'")
    assert said.count("\n") == 1


def test_key_that_the_constructor_does_not_have(run):
    code, said = run(must_not_run, "data.root=/nowhere", "+data.colour=red")
    assert code == 2
    assert said == "brats-seg train: error: unknown key data.colour: see --help for the keys there are\n"


def test_interruption(run):
    def task(config: DictConfig) -> None:
        raise KeyboardInterrupt

    assert run(task, "data.root=x") == (
        130,
        "brats-seg train: error: interrupted; the same command goes on from here\n",
    )


def test_our_own_mistakes_keep_their_traceback(run):
    def task(config: DictConfig) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(task, "data.root=x")


def test_full_errors_on_request(run, monkeypatch):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(WrongValue):
        run(must_not_run, "data.root=x", "+data.colour=red")


def test_multirun_goes_on_after_a_failure_and_answers_with_the_worst_code(run):
    seen = []

    def task(config: DictConfig) -> None:
        seen.append(config.fold)
        if config.fold == 1:
            raise UserError("no")

    code, said = run(task, "-m", "data.root=x", "fold=0,1,2")
    assert seen == [0, 1, 2]
    assert (code, said.split()) == (1, ["brats-seg", "train:", "error:", "no"])


def test_a_multirun_goes_on_after_a_defect_of_ours(run):
    seen = []

    def task(config: DictConfig) -> None:
        seen.append(config.fold)
        raise ZeroDivisionError("no")

    code, said = run(task, "-m", "data.root=x", "fold=0,1")
    assert (code, seen) == (1, [0, 1])
    assert said.count("ZeroDivisionError: no\n") == 2


class Refused(Exception):
    """As submitit's own, of Slurm."""

    __module__ = "submitit.core.utils"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/x"),
            "/x: No space left on device; free the disk, or choose another",
        ),
        (OSError("odd"), "odd; mend its permissions, or choose another file or folder"),
        (BrokenProcessPool(), "a process died, probably for lack of memory; use fewer workers"),
        (
            RuntimeError("DataLoader worker (pid 7) is killed"),
            "a process died, probably for lack of memory; use fewer workers",
        ),
        (
            MemoryError(),
            "memory does not suffice: use fewer workers or a smaller batch, or free some",
        ),
        (
            RuntimeError("Unknown plugin class: hydra_plugins.x"),
            'this launcher needs packages that are not installed: pip install "brats-seg[sweeps]"',
        ),
        (
            RuntimeError('Could not detect "srun"'),
            "hydra/launcher=submitit_slurm works where Slurm's sbatch and srun are: this machine has none",
        ),
        (Refused("sbatch failed:\ninvalid partition\n"), "Slurm refused the jobs: invalid partition"),
    ],
)
def test_what_a_machine_refuses_is_one_line(error, said):
    assert explain(error, "train") == (1, said)


def test_a_defect_is_not_explained():
    assert explain(ZeroDivisionError(), "train") is None


def test_without_torch_nothing_lacks_its_memory(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert explain(RuntimeError("out of memory"), "train") is None


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"_target_": "no.Class"}, (2, "there is no no.Class (No module named 'no')")),
        (
            {"a": {"_target_": "datetime.date", "year": 1, "month": 13, "day": 1}},
            (2, "a: month must be in 1..12"),
        ),
        ({"_target_": "operator.truediv", "_args_": [1, 0]}, None),
    ],
)
def test_what_a_constructor_refuses(config, expected):
    with pytest.raises(InstantiationException) as found:
        instantiate(config)
    assert explain(found.value, "train") == expected


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder of configuration of the user's own, with ``experiment=mine``."""
    folder = tmp_path / "mine"
    (folder / "experiment").mkdir(parents=True)
    text = "# @package _global_\ndefaults:\n  - pipeline_b\n  - _self_\nseed: 7\n"
    (folder / "experiment" / "mine.yaml").write_text(text)
    return folder


def test_options_may_stand_between_keys(run, mine):
    seen = []
    line = ["data.root=x", "--config-dir", str(mine), "experiment=mine", "-m", "fold=0,1"]
    assert run(lambda config: seen.append((config.seed, config.fold)), *line) == (0, "")
    assert seen == [(7, 0), (7, 1)]


@pytest.mark.parametrize("option", ["--config-dir", "hydra.searchpath"])
def test_the_last_table_reads_the_folders_that_the_jobs_read(monkeypatch, mine, option):
    places = [option, str(mine)] if option.startswith("-") else [f"{option}=[file://{mine}]"]
    line = ["-m", "experiment=mine,pipeline_b", "data.root=x", "optimizer.lr=0.5", *places]
    monkeypatch.setattr(sys, "argv", ["brats-seg", "train", *line])
    named = []

    def summary(jobs: Sequence[Job]) -> None:
        for job in jobs:
            config = load_config(job.overrides)
            named.append((config.name, config.seed))

    command("train", summary)(lambda config: None)(line)
    assert named == [("mine-optimizer.lr=0.5", 7), ("pipeline_b-optimizer.lr=0.5", 42)]


def test_each_job_of_a_multirun_has_a_header(run, capsys, monkeypatch):
    line = ["-m", "data.root=x", "fold=0,1", "seed=3,4"]
    monkeypatch.setattr(sys, "argv", ["brats-seg", "train", *line])
    command("train")(works)(line)
    assert capsys.readouterr().out.splitlines() == [
        f"job {n} of 4: fold={fold} seed={seed}"
        for n, (fold, seed) in enumerate([(0, 3), (0, 4), (1, 3), (1, 4)], 1)
    ]


def test_a_number_of_thousands_of_digits_does_not_hide_what_is_said_of_it(capsys):
    _say("train", f"seed={'1' * 5000}: expected a whole number from 0")
    assert capsys.readouterr().err == (
        f"brats-seg train: error: seed={'1' * 35}... (5006 characters) expected a whole number from 0\n"
    )
