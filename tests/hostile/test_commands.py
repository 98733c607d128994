"""Files from elsewhere at the command line: one sentence each, in little memory and time.

One test a class of fault. They look at what a user sees alone: any version can be tried by them.
"""

import contextlib
import io
import json
import os
import shutil
import signal
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from disvae.cli import main
from tests.hostile.inputs import JSON

resource = pytest.importorskip("resource")
STATM = Path("/proc/self/statm")  # its first number is the pages that this process has
pytestmark = [
    pytest.mark.usefixtures("nothing_outside"),
    pytest.mark.skipif(not STATM.exists(), reason="needs Linux, which tells and bounds memory"),
]

ROOM = 2**30  # bytes beyond what the tests fill already
PATIENCE = 30  # seconds


@contextlib.contextmanager
def little_room_and_time():
    """Let what is inside fail beyond `ROOM` or `PATIENCE`."""

    def too_long(*_):
        pytest.fail(f"took more than {PATIENCE} s")

    there = int(STATM.read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    alarm = signal.signal(signal.SIGALRM, too_long)
    resource.setrlimit(resource.RLIMIT_AS, (there + ROOM, before[1]))
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, alarm)
        resource.setrlimit(resource.RLIMIT_AS, before)


def few(number):
    """Try so many examples, in `make fuzz` more in proportion."""
    return settings(max_examples=max(1, settings().max_examples * number // 100))


def ends_well(capsys, *words):
    capsys.readouterr()
    with little_room_and_time():
        status = main([str(word) for word in words])
    said = capsys.readouterr().err.strip().splitlines()
    assert status in (0, 2), said
    assert status == 0 or said[-1].startswith("disvae: "), said
    assert sum(map(len, said)) < 10_000
    return said


@pytest.fixture(scope="module")
def place(trained, tmp_path_factory):
    """A folder with the run, whose files the tests replace, and the data."""
    folder = tmp_path_factory.mktemp("commands")
    shutil.copytree(trained.path, folder / "kept")
    return folder


@contextlib.contextmanager
def a_run(place):
    """Give the run, afresh."""
    run = place / "r"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(place / "kept", run)
    yield run


# what stands in specs.json beside the options, and what may stand there in its place
NUMBERS = st.sampled_from([True, False, -1, 0, 1, 2**63, 10**30, 1.5, 1e308, "1", None])
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "img_size": st.lists(NUMBERS | st.sampled_from([1, 32]), min_size=2, max_size=4),
        "n_data": NUMBERS,
        "used": st.dictionaries(
            st.sampled_from(["seed", "epochs", "batch_size"]), NUMBERS, max_size=2
        )
        | JSON,
        "background": NUMBERS | st.just("$\\x{y}$"),
        "dataset": st.sampled_from(["/", ".", "~", "", "/proc", "mnist", "\0", "x" * 300]),
        "train_fraction": st.sampled_from([0.5, 1, 0, -1, "nan"]),
        "images_sha256": NUMBERS,
    },
)


@few(5)
@given(FACTS, st.sampled_from(["eval r", "plot r losses", "eval r --metrics code_information"]))
@example({"img_size": [True, 32, 32]}, "eval r")
@example({"used": {"seed": -1}, "train_fraction": 0.5}, "eval r")
@example({"dataset": "/"}, "eval r")
def test_facts_of_any_type(place, trained, capsys, facts, command):
    with a_run(place) as run:
        specs = json.loads((run / "specs.json").read_text())
        (run / "specs.json").write_text(json.dumps({**specs, **facts}))
        places = ["--results-dir", place, "--data-dir", trained.options.data_dir]
        ends_well(capsys, *command.split(), *places)


TERMS = st.text(st.characters(codec="utf-8", exclude_characters='\n\r,"'), min_size=1, max_size=20)
MARKUP = st.sampled_from(
    ["$\\x{y}$", "$x$", "[bold]", "[/]", "<b>", "$", "\\", "loss", "kl_loss_0"]
)
VALUES = st.floats(width=32) | st.sampled_from([1e308, -1e308, 3.4e38, -3.4e38, 1e-320])


@few(3)  # each draws a picture
@given(st.dictionaries(MARKUP | TERMS, st.lists(VALUES, min_size=2, max_size=3), max_size=4))
@example({"loss": [2.0, 1.0], "$\\x{y}$": [1.0, 2.0]})
@example({"loss": [1e308, -1e308]})
@example({f"term{n}": [1.0, 2.0] for n in range(2000)})
def test_logs_of_any_terms(place, capsys, terms):
    with a_run(place) as run:
        lines = [f"{n},{term},{v}" for term, values in terms.items() for n, v in enumerate(values)]
        (run / "train_losses.log").write_text("\n".join(["Epoch,Loss,Value", *lines]) + "\n")
        ends_well(capsys, "plot", "r", "losses", "--results-dir", place)


KINDS = st.sampled_from([np.float16, np.float32, np.float64, np.int8, np.int64, np.uint64, bool])
WIDTHS = st.sampled_from([0.0, -5.0, -20.0, -699.0, 1e3])  # their log variances
LARGE = st.sampled_from([0, 1, -1, 1e17, -1e17, 1e30, -1e30, 2**63, -(2**63), 1e308, 1e-300])


@few(20)
@given(st.lists(LARGE, min_size=1, max_size=3), KINDS, WIDTHS)
@example([1e17], np.float64, -20.0)
@example([-(2**63)], np.int64, 0.0)
def test_codes_of_any_size(place, capsys, values, kind, logvar):
    with np.errstate(all="ignore"):
        mean = np.resize(np.array(values, np.float64).astype(kind), (60, 2))
    np.savez(place / "c.npz", mean=mean, logvar=np.full((60, 2), logvar), factors=factors(60, 5))
    ends_well(capsys, "score", "--codes", place / "c.npz", "--metrics", "mig,aam,binned_mig")


def test_compressed_zeros_are_told_by_what_they_would_fill(place, capsys):
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    write_zeros(place / "c.npz", memory // 8 + 2**26)
    assert (place / "c.npz").stat().st_size < memory / 500
    said = ends_well(capsys, "score", "--codes", place / "c.npz", "--metrics", "total_correlation")
    assert "memory" in said[-1]  # else it was tried, and failed


def write_zeros(file, size):
    """Write codes of `size` bytes of zeros, compressed: one block, again and again."""
    rows, block = size // 80 + 1, 2**24
    header = io.BytesIO()
    promised = {"descr": "<f8", "fortran_order": False, "shape": (rows, 10)}
    np.lib.format.write_array_header_2_0(header, promised)
    packer = zlib.compressobj(wbits=-15)
    parts = [header.getvalue(), bytes(block), bytes(80 * rows % block)]
    begin, zeros, rest = (packer.compress(p) + packer.flush(zlib.Z_FULL_FLUSH) for p in parts)
    entry = zipfile.ZipInfo("mean.npy")
    with zipfile.ZipFile(file, "w") as archive:
        content = begin + zeros * (80 * rows // block) + rest + packer.flush()
        archive.writestr(entry, content)
        entry.compress_type = zipfile.ZIP_DEFLATED  # as the directory at the end will say
        entry.file_size = len(parts[0]) + 80 * rows


def factors(count, values):
    return np.arange(count)[:, None] % values


@pytest.mark.parametrize("count", [100, 150_000])
def test_factors_of_many_values(place, capsys, count):
    codes = np.random.default_rng(0).normal(size=(count, 1)).astype(np.float32)
    np.savez(place / "c.npz", mean=codes, logvar=0 * codes, factors=factors(count, count))
    ends_well(capsys, "score", "--codes", place / "c.npz", "--metrics", "mig")


@pytest.mark.parametrize("name", ["binned_mig", "beta_vae", "factor_vae", "sap", "irs"])
@pytest.mark.parametrize("value", ["1000000000", "-5", "nan"])
def test_settings_of_any_size(place, capsys, name, value):
    from disvae import metrics

    np.savez(place / "c.npz", mean=np.eye(60)[:, :3], factors=factors(60, 5))
    for setting in metrics.default_settings(metrics.SCORES[name]):
        chosen = ["--metrics", name, "--metric-settings", f"{name}.{setting}={value}"]
        ends_well(capsys, "score", "--codes", place / "c.npz", *chosen)


@pytest.mark.parametrize("file", ["specs.json", "model.pt", "train_losses.log", "metrics.log"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "link to nothing", "gigabytes of nothing"])
def test_files_of_any_kind(place, trained, capsys, file, kind):
    with a_run(place) as run:
        (run / file).unlink(missing_ok=True)
        if kind == "gigabytes of nothing":
            with (run / file).open("wb") as written:
                written.truncate(2**32)
        else:
            make = {"pipe": os.mkfifo, "folder": os.mkdir}
            make.get(kind, lambda at: at.symlink_to("nothing"))(run / file)
        places = ["--results-dir", place, "--data-dir", trained.options.data_dir]
        ends_well(capsys, "eval", "r", "--metrics", "code_information", *places)
        ends_well(capsys, "plot", "r", "losses", "--results-dir", place)


@pytest.mark.parametrize("count", [1, 10**3, 10**6])
def test_names_of_tensors_of_any_length(place, trained, capsys, count):
    with a_run(place) as run:
        torch.save({"x" * count: torch.zeros(1)}, run / "model.pt")
        places = ["--results-dir", place, "--data-dir", trained.options.data_dir]
        ends_well(capsys, "eval", "r", *places)


@pytest.mark.parametrize("name", [b"\xff\xfe.txt", b"a\nb", b"x" * 250, b"[bold]"])
def test_names_of_files_of_any_kind(place, trained, capsys, name):
    with a_run(place) as run:
        (run / os.fsdecode(name)).touch()
        options = ["-d", "mnist", "-z", "2", "-b", "50", "--max-steps", "1", "--no-test"]
        places = ["--results-dir", place, "--data-dir", trained.options.data_dir]
        ends_well(capsys, "train", "r", *options, *places)
        assert not (run / os.fsdecode(name)).exists()


GRID = st.sampled_from(
    ['"nonsense"', "-1", "[]", '"a\\u0000b"', "9" * 5000, "1e400", '"$\\\\x{y}$"']
)
AXES = st.sampled_from(
    ["lr", "dataset", "results_dir", "epochs", "btcvae_B", "factor_G", "rec_dist"]
)


@few(30)
@given(st.dictionaries(AXES, GRID, min_size=1, max_size=2))
@example({"epochs": "9" * 5000})
@example({"dataset": '"a\\u0000b"'})
def test_grids_of_any_values(place, capsys, grid):
    """None of which can be trained, used or not: all are refused."""
    lines = ['experiments = ["VAE_mnist"]', "[grid]", *(f"{k} = [{v}]" for k, v in grid.items())]
    (place / "s.toml").write_text("\n".join(lines))
    words = ["sweep", place / "s.toml", "--results-dir", place / "sweeps", "--data-dir", place]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("disvae.sweep.execution._run_all", lambda *_: None)
        ends_well(capsys, *words)


@pytest.mark.parametrize(
    ("axis", "value"),
    [
        ("btcvae_B", "nonsense"),
        ("factor_G", "nonsense"),
        ("betaB_G", "-"),
        ("dataset", "a\\u0000b"),
    ],
)
def test_values_that_cannot_be_are_refused_though_no_run_uses_them(place, capsys, axis, value):
    (place / "s.toml").write_text(f'experiments = ["VAE_mnist"]\n[grid]\n{axis} = ["{value}"]\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("disvae.sweep.execution._run_all", lambda *_: None)
        assert main(["sweep", str(place / "s.toml"), "--results-dir", str(place / "sweeps")]) == 2
    assert (axis if value != "a\\u0000b" else "NUL") in capsys.readouterr().err


@pytest.mark.parametrize("count", [10**8])
def test_sweeps_of_any_size_are_counted_first(place, capsys, count):
    side = round((count // 10**2) ** 0.5)
    axes = {
        "lr": ",".join(f"{1 / (n + 2):.9f}" for n in range(side)),
        "epochs": ",".join(map(str, range(1, side + 1))),
    }
    grid = [word for key, values in axes.items() for word in ("--grid", f"{key}={values}")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("disvae.sweep.execution._run_all", lambda *_: None)
        ends_well(capsys, "sweep", "--seeds", "100", *grid, "--results-dir", place / "sweeps")
