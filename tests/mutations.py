"""Which test would notice? Puts one bug at a time into a copy of the package and runs the test that must fail.

    python tests/mutations.py [--tree FOLDER] [--room] [WORD ...]

No test itself: it takes half an hour. Words choose bugs by name or file. ``--tree`` takes another checkout, such as
one before these tests; with ``--room`` all fast tests of the room run, in place of the one that is named here.
The table is Markdown; a bug that does not fit the code any more is named, too.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
FAST = "not (slow or real or browser or slurm or gpu)"
SLOW = "slow and not (real or browser or slurm or gpu)"
NOTHING_RAN = 5
"""Exit code of pytest."""
SECONDS = 300


class Bug(NamedTuple):
    """One line that is wrong."""

    name: str
    file: str
    right: str
    wrong: str
    test: str


P = "brats_seg/"
BUGS = [
    # The network (row 1).
    Bug("no ReLU", P + "models/blocks.py", "return functional.relu(normalised, inplace=in_place)", "return normalised", "tests/models/test_plain.py"),
    Bug("CBAM without its maximum over space", P + "models/attention.py", "self.shared(x.mean(space)) + self.shared(x.amax(space))", "2 * self.shared(x.mean(space))", "tests/models/test_plain.py"),
    Bug("CBAM without its maximum over channels", P + "models/attention.py", "[x.mean(1, keepdim=True), x.amax(1, keepdim=True)]", "[x.mean(1, keepdim=True)] * 2", "tests/models/test_plain.py"),
    Bug("dilation of 1", P + "models/backbone.py", "ConvNormReLU(last, last, norm, dilation=2), ConvNormReLU(last, last, norm, dilation=2)", "ConvNormReLU(last, last, norm, dilation=2), ConvNormReLU(last, last, norm, dilation=1)", "tests/models/test_plain.py"),
    Bug("skips in the wrong order", P + "models/backbone.py", "self.run(stage, skip, upsample(x, 2))", "self.run(stage, upsample(x, 2), skip)", "tests/models/test_plain.py"),
    Bug("heads of the wrong level", P + "models/backbone.py", "self.answer(x, levels[:4], (8, 8, 4, 2), deep)", "self.answer(x, [levels[0], levels[1].roll(1, 2), *levels[2:4]], (8, 8, 4, 2), deep)", "tests/models/test_plain.py"),
    Bug("residual connection without its projection", P + "models/unet.py", "x = x + self.project(torch.cat(inputs, 1))", "x = x + 0 * self.project(torch.cat(inputs, 1))", "tests/models/test_plain.py"),
    Bug("corners not aligned", P + "models/blocks.py", 'mode="trilinear", align_corners=True)', 'mode="trilinear", align_corners=False)', "tests/models/test_plain.py"),
    # Image and target (rows 2, 3, 6).
    Bug("target not flipped", P + "augment/apply.py", "target.flip(axes)", "target.flip(axes[:1])", "tests/data/test_together.py"),
    Bug("target padded elsewhere", P + "data/dataset.py", "padding.pad(case.regions(window))", "np.roll(padding.pad(case.regions(window)), 1, -1)", "tests/data/test_together.py"),
    Bug("regions upside down in the cache", P + "preprocessing/cached_case.py", "np.arange(len(REGIONS), 0, -1", "np.arange(1, len(REGIONS) + 1", "tests/data/test_together.py"),
    Bug("training is not augmented", P + "data/base.py", "Batch(*self.augmentation(image, target, seeds), batch.case_ids, beside)", "Batch(image, target, batch.case_ids, beside)", "tests/data/test_together.py"),
    Bug("validation is augmented", P + "data/base.py", "if self.trainer is None or not self.trainer.training:", "if self.trainer is None:", "tests/data/test_together.py"),
    Bug("every epoch augments alike", P + "data/base.py", 'patch_seed(self.seed, epoch, case_id, "augment", number)', 'patch_seed(self.seed, 0, case_id, "augment", number)', "tests/data/test_together.py"),
    Bug("a worker's patches depend on the worker", P + "data/dataset.py", 'np.random.default_rng(patch_seed(self.seed, epoch, case.id, "crop", number))', "np.random.default_rng(__import__('os').getpid())", "tests/data/test_together.py"),
    # The paper's numbers (row 5).
    Bug("drop 0.61", "conf/data/pipeline_a.yaml", "drop: 0.16", "drop: 0.61", "tests/conf/test_paper.py"),
    Bug("98th percentile", "conf/data/pipeline_a.yaml", "upper_percentile: 99", "upper_percentile: 98", "tests/conf/test_paper.py"),
    Bug("B flips as A", "conf/data/pipeline_b.yaml", "flip: 0.5", "flip: 0.8", "tests/conf/test_paper.py"),
    Bug("Dice of A not squared", "conf/loss/dice_squared.yaml", "squared: true", "squared: false", "tests/conf/test_paper.py"),
    Bug("Adam's betas in Ranger", "conf/optimizer/ranger.yaml", "betas: [0.95, 0.999]", "betas: [0.9, 0.999]", "tests/conf/test_paper.py"),
    Bug("weight decay", "conf/optimizer/adam.yaml", "weight_decay: 0.0", "weight_decay: 1.0e-5", "tests/conf/test_paper.py"),
    Bug("four cycles", "conf/scale/paper.yaml", "swa_cycles: 5", "swa_cycles: 4", "tests/conf/test_paper.py"),
    Bug("B keeps its last epoch", "conf/experiment/pipeline_b.yaml", "keep: best", "keep: last", "tests/conf/test_paper.py"),
    Bug("group norm in B", "conf/experiment/pipeline_b.yaml", "norm: instance", "norm: group", "tests/conf/test_paper.py"),
    # Each room.
    Bug("every view turns alike", P + "inference/tta.py", "return sorted(own ^ TURN_MIRRORS[self.quarter_turns])", "return sorted(own | TURN_MIRRORS[self.quarter_turns])", "tests/inference/test_tta.py"),
    Bug("merge: B decides the core", P + "inference/merge.py", "[OEDEMA, NECROSIS, OEDEMA, ENHANCING, CAVITY]", "[OEDEMA, OEDEMA, OEDEMA, ENHANCING, CAVITY]", "tests/inference/test_merge.py"),
    Bug("tumour outside the brain", P + "inference/label_map.py", "whole[~brain] = 0", "pass", "tests/inference/test_predict.py"),
    Bug("mean of one member too many", P + "inference/moments.py", "return self.total / self.count", "return self.total / (self.count + 1)", "tests/inference/test_ensemble.py"),
    Bug("variance of half", P + "inference/uncertainty.py", "moments.variance * 4", "moments.variance * 2", "tests/inference/test_ensemble.py"),
    Bug("Dice loss counts the target once", P + "losses/dice.py", "(2 * overlap + self.smooth)", "(overlap + self.smooth)", "tests/losses/test_dice.py"),
    Bug("deep heads left out of the sum", P + "losses/deep_supervision.py", "enumerate(logits.deep)", "enumerate(logits.deep[:3])", "tests/losses/test_dice.py"),
    Bug("HD95 by the nearest rank", P + "metrics/functional.py", "max(float(np.percentile(forth, PERCENTILE)),", "max(float(np.percentile(forth, PERCENTILE, method='higher')),", "tests/metrics/test_functional.py"),
    Bug("HD95 of one direction", P + "metrics/functional.py", "return max(float(np.percentile(forth, PERCENTILE)), float(np.percentile(back, PERCENTILE)))", "return float(np.percentile(forth, PERCENTILE))", "tests/metrics/test_functional.py"),
    Bug("HD95 in voxels", P + "metrics/surface.py", "points[:, axis] = indices * spacing_mm[axis]", "points[:, axis] = indices", "tests/metrics/test_functional.py"),
    Bug("z-score over the background, too", P + "preprocessing/normalise.py", "values.std(dtype=np.float64)", "channel.std(dtype=np.float64)", "tests/preprocessing/test_normalise.py"),
    Bug("brain of T1 alone", P + "preprocessing/prepare.py", "mask |= channel != 0", "pass", "tests/preprocessing/test_cache.py"),
    Bug("disk estimate of half", P + "preprocessing/cache.py", "(4 * 2 + 1) * 0.6", "(4 + 1) * 0.6", "tests/preprocessing/test_cache.py"),
    Bug("left and right exchanged on writing", P + "nifti/space.py", "array.transpose(2, 1, 0), axes.ornt_transform(LPS, axes.io_orientation(affine))", "array.transpose(2, 1, 0)[::-1], axes.ornt_transform(LPS, axes.io_orientation(affine))", "tests/test_nifti.py"),
    Bug("tolerance of 10 mm", P + "nifti/space.py", "SPACE_TOLERANCE_MM = 0.1", "SPACE_TOLERANCE_MM = 10", "tests/test_nifti.py -k tenth"),
    Bug("MSD labels as BraTS", P + "labels.py", 'LabelValues("msd", necrosis=2, oedema=1, enhancing=3)', 'LabelValues("msd", necrosis=1, oedema=2, enhancing=3)', "tests/test_labels.py"),
    Bug("JSON of any size", P + "files/reading.py", "if most_bytes is not None and status.st_size > most_bytes:", "if most_bytes is None:", "tests/test_files.py"),
    Bug("half-written files stay", P + "files/temporaries.py", "        yield path\n    finally:\n        path.unlink(missing_ok=True)", "        yield path\n    finally:\n        pass", "tests/test_files.py"),
    Bug("visits of a patient in two folds", P + "data/patients.py", "        return visit[1]\n", "        return case_id\n", "tests/data/test_folds.py"),
    Bug("T1 and T1ce exchanged", P + "cases/brats.py", '"t1c": ("t1ce", "brats2023")', '"t1c": ("t1", "brats2023")', "tests/cases/test_find.py"),
    Bug("files of other spaces pass", P + "cases/check.py", "*header_problems(geometries, expected_channels(case))", "*[]", "tests/cases/test_check.py"),
    Bug("a listed bundle may be another one", P + "artifacts/ensemble_file.py", 'if bundle.sha256 != entry["sha256"]:', "if False:", "tests/cross_validation/test_summary.py tests/artifacts/test_bundles.py"),
    Bug("another science in the same folder", P + "artifacts/run_claims.py", "if not is_resource(key) and then.get(key) != now.get(key):", "if False:", "tests/training/test_run.py"),
    Bug("an interval that always holds 95 %", P + "cross_validation/statistics.py", "ends = ((1 - self.confidence) / 2, (1 + self.confidence) / 2)", "ends = (0.025, 0.975)", "tests/cross_validation/test_summary.py"),
    Bug("best networks last", P + "cross_validation/selection.py", "key=lambda network: -network.dice", "key=lambda network: network.dice", "tests/cross_validation/test_summary.py"),
    Bug("flagged below the threshold", P + "cross_validation/hard_cases.py", "NORMAL_MAD = 1.4826", "NORMAL_MAD = 1.0", "tests/cross_validation/test_hard_cases.py"),
    Bug("missing predictions are forgotten", P + "evaluation/score_case.py", "values[metric] = value if worst is None or undefined else worst", "values[metric] = value", "tests/evaluation"),
    Bug("a curve over the wrong epochs", P + "report/charts.py", "across = FRAME_WIDTH / last\n    if len", "across = FRAME_WIDTH / (last + 1)\n    if len", "tests/report/test_charts.py"),
    Bug("the legend loses a name", P + "report/charts.py", '{escape(name)}{more}</text>', '{more}</text>', "tests/report/test_charts.py"),
    Bug("right and left exchanged in pictures", P + "report/slices.py", '("axial", "R", "L")', '("axial", "L", "R")', "tests/report/test_slices.py"),
    Bug("legend in the wrong colours", P + "pictures.py", 'Patch(color=COLOURS[name], label=name)', 'Patch(color="red", label=name)', "tests/test_pictures.py"),
    Bug("bf16 on every CPU", P + "runtime/precision.py", 'return "bf16-mixed" if native else "32-true"', 'return "bf16-mixed"', "tests/runtime/test_precision.py"),
    Bug("all cores of the machine", P + "surroundings.py", "return len(os.sched_getaffinity(0))", "return os.cpu_count() or 1", "tests/runtime/test_machine.py"),
    Bug("the nearest tag for a commit", P + "training/trackers/tracker.py", ', "--exclude=*"]', "]", "tests/training/trackers/test_trackers.py"),
    Bug("the rate stays", P + "training/callbacks/cosine_decay.py", 'group["lr"] = rate * group.get(RATE_FACTOR, 1)', "pass", "tests/training/callbacks/test_cyclic_swa.py -k rate"),
    Bug("a cycle without a fresh optimiser", P + "training/callbacks/cyclic_swa.py", "trainer.optimizers = [pl_module.configure_optimizers()]", "trainer.optimizers = trainer.optimizers", "tests/training/callbacks/test_cyclic_swa.py"),
    Bug("worst epoch kept", P + "training/callbacks/best_weights.py", "if not loss < self.loss:", "if self.epoch >= 0 and loss < self.loss:", "tests/training/test_run.py"),
    Bug("damaged checkpoints are taken", P + "training/callbacks/checkpoint_files.py", "return sha256_of(path, archive_bytes) == file.read()", "return True", "tests/training/callbacks/test_checkpoints.py"),
    Bug("case losses of repeated epochs stay", P + "training/callbacks/case_losses.py", "self.rows = rows_before(self.path, trainer.current_epoch)", "self.rows = rows_before(self.path, 10**6)", "tests/training/test_run.py tests/training/test_module.py"),
    Bug("phantom: no tumour is enhancing", P + "phantom/tumour.py", "label_map[rim] = labels.enhancing", "label_map[rim] = labels.necrosis", "tests/phantom/test_cohort.py"),
    Bug("a key that nobody reads", P + "cli/values.py", "    elif override.is_add() or override.is_force_add():", "    elif False:", "tests/cli/test_command.py"),
    Bug("a wrong kind of value", P + "cli/annotations.py", "return isinstance(value, numbers) and not isinstance(value, bool)", "return True", "tests/cli/test_values.py"),
    Bug("labels moved by half a voxel", P + "scans/native.py", "np.clip(inside - outside, -FAR_MM, FAR_MM)", "np.clip(inside - 2 * outside, -FAR_MM, FAR_MM)", "tests/scans/test_native.py"),
    Bug("T1 after contrast is T1", P + "scans/verdict.py", 'Verdict("t1ce" if after else "t1"', 'Verdict("t1"', "tests/scans/test_convert.py"),
    Bug("out of fold: training cases are scored", P + "workflows/out_of_fold.py", "validation = set(data.split.validation)", "validation = set(data.split.train)", "tests/workflows/test_out_of_fold.py"),
    Bug("a done step runs again", P + "workflows/run_steps.py", "yield step, all_done or (step.once and done)", "yield step, False", "tests/workflows/test_reproduction.py"),
    Bug("small enhancing tumour in voxels", P + "postprocessing.py", "if not 0 < np.count_nonzero(enhancing) * voxel_mm3 < below_mm3:", "if not 0 < np.count_nonzero(enhancing) < below_mm3:", "tests/test_postprocessing.py"),
    Bug("a box one voxel short", P + "geometry.py", "stop.append(int(hits[-1]) + 1)", "stop.append(int(hits[-1]))", "tests/test_geometry.py"),
    Bug("cosine from the first epoch", P + "schedules.py", "math.cos(math.pi * (epoch - constant_epochs) / cosine_epochs)", "math.cos(math.pi * epoch / cosine_epochs)", "tests/test_schedules.py"),
    # Mean teacher; the overlap of prediction.
    Bug("the teacher learns nothing", P + "training/callbacks/exponential_average.py", "self.weights[name].lerp_(value, share)", "pass", "tests/training/callbacks/test_exponential_average.py"),
    Bug("both views have the same intensities", P + "augment/two_views.py", "also_moved = replace(other, flips=one.flips, motion=one.motion)", "also_moved = one", "tests/data/test_unlabelled.py"),
    Bug("the views lie in different places", P + "augment/two_views.py", "also_moved = replace(other, flips=one.flips, motion=one.motion)", "also_moved = other", "tests/data/test_unlabelled.py"),
    Bug("the weight of the teacher does not rise", P + "training/callbacks/mean_teacher.py", "return self.weight * ramp_up(trainer.current_epoch, self._epochs(trainer))", "return self.weight", "tests/training/test_mean_teacher.py"),
    Bug("a case is written before the next one begins", P + "inference/writer.py", "self._pending = self._thread.submit(self._conclude, prediction)", "self._conclude(prediction)", "tests/inference/test_predict.py"),
]  # fmt: skip


def outcome(folder: Path, bug: Bug, tests: list[str], stamp: int, *, slow: bool) -> str:
    """``passes``, or the first test that failed; slow tests run where the fast ones do not notice."""
    path = folder / bug.file
    text = path.read_text(encoding="utf-8")
    if text.count(bug.right) < 1 or bug.right == bug.wrong:
        return f"does not fit: {bug.file} has no {bug.right!r}"
    path.write_text(text.replace(bug.right, bug.wrong, 1), encoding="utf-8")
    os.utime(
        path, (stamp, stamp)
    )  # another bug of the same size and second would be taken from the byte code
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests, "-m"]

    def run(marked: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, marked], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS
        )

    try:
        done = run(FAST)
        if slow and done.returncode in (0, NOTHING_RAN):
            done = run(SLOW)
    except subprocess.TimeoutExpired:
        return f"still running after {SECONDS} s"
    finally:
        path.write_text(text, encoding="utf-8")
        os.utime(path, (stamp + 1, stamp + 1))
    if done.returncode == 0:
        return "passes"
    failed = re.search(r"^(?:FAILED|ERROR) (?:[^:\s]*/)?([^/:\s]+::\S+|\S+)", done.stdout, re.M)
    return failed[1] if failed else f"no test ran: {done.stdout[-300:]}{done.stderr[-300:]}"


def room_of(bug: Bug) -> list[str]:
    """All tests of the room."""
    first = bug.test.split()[0]
    parent = str(Path(first).parent)
    return [first] if parent == "tests" else [parent]


def copy(tree: Path, folder: Path) -> None:
    """What git has of a checkout, changed or not, with conf/ where a wheel has it."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=tree, capture_output=True, check=True
    )
    for name in listed.stdout.decode().splitlines():
        if (tree / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(tree / name, folder / name)
    (folder / "brats_seg" / "conf").symlink_to("../conf")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tree", type=Path, default=ROOT)
    parser.add_argument("--room", action="store_true")
    parser.add_argument("words", nargs="*")
    asked = parser.parse_args()
    chosen = [
        bug
        for bug in BUGS
        if not asked.words or any(word in f"{bug.name} {bug.file}" for word in asked.words)
    ]
    noticed = 0
    print("| bug | file | test | seconds |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        copy(asked.tree, Path(name))
        for number, bug in enumerate(chosen):
            began = time.perf_counter()
            tests = room_of(bug) if asked.room else bug.test.split()
            told = outcome(Path(name), bug, tests, 1_000_000_000 + 2 * number, slow=not asked.room)
            noticed += "::" in told
            if told == "passes" and not asked.room:
                told = "SURVIVED"
            print(f"| {bug.name} | {bug.file} | {told} | {time.perf_counter() - began:.0f} |", flush=True)
    print(f"\n{len(chosen)} bugs, {noticed} noticed")


if __name__ == "__main__":
    main()
