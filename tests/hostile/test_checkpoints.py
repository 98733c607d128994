"""Checkpoints that were tampered with: refused in one sentence, or the run ends; no traceback."""

import copy
import shutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import disvae
from disvae.errors import UserError
from disvae.runs.folder import sole_trainer
from disvae.storage.tensors import read_tensors, write_tensors
from disvae.training import checkpoint

pytestmark = pytest.mark.usefixtures("nothing_outside", "small_networks")

SHAPES = st.sampled_from([(), (0,), (1,), (3,), (2, 3), (5056,), (10**6,)])
TENSORS = st.builds(
    lambda shape, value, kind: torch.full(shape, value).to(kind),
    SHAPES,
    st.sampled_from([0.0, 1.0, -1.0, 1e30, float("nan"), float("inf")]),
    st.sampled_from([torch.float32, torch.float64, torch.int64, torch.uint8, torch.complex64]),
)
VALUES = (
    TENSORS | st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats()
    | st.text(max_size=4) | st.sampled_from([{}, [], [None], {"a": 1}, [[]]])
)  # fmt: skip
GONE = object()


@pytest.fixture(scope="module", params=["VAE", "factor"])
def begun(request, data_dir, tmp_path_factory, small_networks):
    """A run that was interrupted in its second epoch."""
    saves = iter(range(1, 100))
    real = checkpoint.save

    def save(*arguments):
        real(*arguments)
        if next(saves) == 9:
            raise KeyboardInterrupt

    results = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoint, "save", save)
        disvae.train(
            "run", dataset="mnist", loss=request.param, epochs=2, batch_size=16, latent_dim=2,
            max_steps=10, checkpoint_minutes=1e-6, no_test=True, device="cpu", data_dir=data_dir,
            results_dir=results, no_progress_bar=True,
        )  # fmt: skip
    return disvae.open_run(results / "run")


def ways(content, way=()):
    """List the way to every value in nested containers."""
    match content:
        case dict():
            inside = content.items()
        case list():
            inside = enumerate(content)
        case _:
            inside = ()
    deeper = [each for key, value in inside for each in ways(value, (*way, key))]
    return [way, *deeper] if way else deeper


def tampered(content, way, value):
    """Return `content` with another value, or none, at the end of `way`."""
    changed = holder = copy.deepcopy(content)
    for key in way[:-1]:
        holder = holder[key]
    if value is GONE:
        del holder[way[-1]]
    else:
        holder[way[-1]] = value
    return changed


def with_share_of_budget(test):
    """Each example is a training: a tenth of what other tests try."""
    return settings(max_examples=settings().max_examples // 10)(test)


def resume(begun, folder, content):
    shutil.copytree(begun.path, folder / "run")
    write_tensors(folder / "run/checkpoint.pt", content)
    return disvae.train("run", resume=True, results_dir=folder, no_progress_bar=True)


@with_share_of_budget
@given(st.data())
def test_any_value_anywhere(begun, tmp_path_factory, data):
    content = read_tensors(begun.checkpoint)
    change = data.draw(st.sampled_from(ways(content))), data.draw(VALUES | st.just(GONE))
    folder = tmp_path_factory.mktemp("tampered")
    try:
        resume(begun, folder, tampered(content, *change))
    except UserError as refusal:
        assert "\n" not in str(refusal)
    assert {path.name for path in folder.iterdir()} == {"run", ".run.lock"}
    shutil.rmtree(folder)


MOMENTS = ("optimisers", 0, "state", 0)
REFUSED = {
    "another shape of a moment": (*MOMENTS, "exp_avg"),
    "a count that is no number": (*MOMENTS, "step"),
    "a weight": ("modules", 0, "encoder.1.weight"),
    "steps": ("position", "step"),
    "epochs": ("position", "epoch"),
    "losses so far": ("processes", 0, "terms", "sums"),
    "losses of a step": ("processes", 0, "terms", "waiting", 0),
    "records": ("history", "log"),
    "random states": ("processes", 0, "random", "cpu"),
}


@pytest.mark.parametrize("way", REFUSED.values(), ids=REFUSED)
def test_values_that_do_not_fit_are_refused(begun, tmp_path, way):
    content = tampered(read_tensors(begun.checkpoint), way, torch.full((3,), 7.0))
    with pytest.raises(UserError, match=r"checkpoint\.pt is damaged or not of this run"):
        resume(begun, tmp_path, content)


@pytest.mark.parametrize("part", ["validation", "scores"])
@pytest.mark.parametrize("empty", [torch.zeros(0), (), "", None])
def test_what_is_empty_but_no_record_is_refused(begun, tmp_path, part, empty):
    content = tampered(read_tensors(begun.checkpoint), ("history", part), empty)
    with pytest.raises(UserError, match=r"checkpoint\.pt is damaged or not of this run"):
        resume(begun, tmp_path, content)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 4, "disvae": "9.8.7"}, "has format 4, but .* go on with disvae 9.8.7"),
        ({"version": 2, "disvae": None}, "has format 2, .* the version that specs.json names"),
    ],
)
def test_other_formats_are_refused_by_the_version_that_reads_them(begun, tmp_path, change, said):
    with pytest.raises(UserError, match=said):
        resume(begun, tmp_path, {**read_tensors(begun.checkpoint), **change})


@pytest.mark.parametrize("count", [0, 2])
def test_checkpoints_of_more_or_fewer_processes_are_refused(begun, tmp_path, count):
    content = read_tensors(begun.checkpoint)
    content["processes"] *= count
    with pytest.raises(UserError, match=r"checkpoint\.pt is damaged or not of this run"):
        resume(begun, tmp_path, content)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_moments_that_are_not_finite_are_refused(begun, tmp_path, value):
    content = read_tensors(begun.checkpoint)
    content["optimisers"][0]["state"][0]["exp_avg_sq"][0] = value
    with pytest.raises(UserError, match=r"checkpoint\.pt is damaged or not of this run"):
        resume(begun, tmp_path, content)


def test_the_learning_rate_stays_that_of_the_options(begun, tmp_path):
    content = read_tensors(begun.checkpoint)
    whole = resume(begun, tmp_path, content)
    content["optimisers"][0]["param_groups"][0]["lr"] = 1.0
    changed = resume(begun, tmp_path / "changed", content)
    written = [(run.path / "model.pt").read_bytes() for run in (whole, changed)]
    assert written[0] == written[1]


def test_what_a_killed_process_was_writing_is_removed(begun, tmp_path):
    shutil.copytree(begun.path, tmp_path / "run")
    rests = [".checkpoint.pt.ab12_xyz.pt", ".model-3.pt.ab12_xyz.pt", ".x.log.ab12_xyz.log"]
    mine = [".notes.log", ".notes", "notes.txt", ".old.pt"]
    for name in (*rests, *mine):
        (tmp_path / "run" / name).write_text("x")
    unfinished = tmp_path / ".run.unfinished-ab12_xyz"
    others = [tmp_path / ".other.unfinished-ab12_xyz", tmp_path / ".run.unfinished-mine"]
    for folder in (unfinished, *others):
        folder.mkdir()
    run = disvae.train("run", resume=True, results_dir=tmp_path, no_progress_bar=True)
    names = {path.name for path in run.path.iterdir()}
    assert names.isdisjoint(rests)
    assert names >= set(mine)
    assert not unfinished.exists()
    assert all(folder.exists() for folder in others)


def test_scratch_folders_stay_while_another_process_makes_the_run(tmp_path):
    unfinished = tmp_path / ".run.unfinished-ab12_xyz"
    with sole_trainer(tmp_path / "run"):
        unfinished.mkdir()
        with pytest.raises(UserError), sole_trainer(tmp_path / "run"):
            pass
        assert unfinished.exists()
