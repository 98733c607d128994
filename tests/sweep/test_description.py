"""From descriptions to runs, and what is refused before anything starts."""

import re

import pytest

from disvae import metrics
from disvae.cli import main
from disvae.errors import UserError
from disvae.options import SweepOptions, resolve
from disvae.sweep.description import plan_runs, read_sweep

THOUSAND = list(range(1, 1001))


def planned(**options):
    return {run.name: run for run in plan_runs(SweepOptions(**options))}


def test_experiments_by_grid_by_seeds_have_readable_names():
    runs = planned(
        experiments=("VAE_mnist", "btcvae_mnist"), seeds=2, grid=("btcvae_B=1,4", "epochs=3")
    )
    assert list(runs) == [
        "VAE_mnist-seed1", "VAE_mnist-seed2",
        "btcvae_mnist-btcvae_B=1-seed1", "btcvae_mnist-btcvae_B=1-seed2",
        "btcvae_mnist-btcvae_B=4-seed1", "btcvae_mnist-btcvae_B=4-seed2",
    ]  # fmt: skip
    last = runs["btcvae_mnist-btcvae_B=4-seed2"]
    assert last.setting == {"experiment": "btcvae_mnist", "btcvae_B": "4"}
    options = resolve(last.options)
    assert (options.btcvae_B, options.epochs, options.seed, options.dataset) == (4, 3, 2, "mnist")
    assert resolve(runs["VAE_mnist-seed1"].options).epochs == 3


def test_a_loss_in_the_grid_takes_its_own_options_only():
    runs = planned(grid=("loss=VAE,factor", "factor_G=5,6", "lr_disc=1e-4", "dataset=mnist"))
    assert list(runs) == [
        "custom-loss=VAE", "custom-loss=factor-factor_G=5", "custom-loss=factor-factor_G=6",
    ]  # fmt: skip
    assert "lr_disc" not in runs["custom-loss=VAE"].options
    assert resolve(runs["custom-loss=factor-factor_G=6"].options).lr_disc == 1e-4


def test_a_grid_may_name_the_seeds():
    runs = planned(experiments=("VAE_mnist",), grid=("seed=1234,7", "lr=1e-3"))
    assert {name: run.seed for name, run in runs.items()} == {
        "VAE_mnist-seed1234": 1234, "VAE_mnist-seed7": 7,
    }  # fmt: skip
    assert all(run.setting == {"experiment": "VAE_mnist"} for run in runs.values())
    assert all(resolve(run.options).seed == run.seed for run in runs.values())
    alone = planned(experiments=("VAE_mnist",), grid=("seed=1234",))
    assert [(run.name, run.seed) for run in alone.values()] == [("VAE_mnist", 1234)]


def test_options_of_each_loss_are_combined_for_their_loss_only():
    axes = {"betaH_B": 5, "betaB_G": 6, "factor_G": 7, "btcvae_A": 8, "btcvae_B": 9}
    grid = [f"{key}={','.join(map(str, range(1, n + 1)))}" for key, n in axes.items()]
    runs = planned(experiments=("VAE_mnist", "factor_mnist"), grid=("loss=betaH,btcvae", *grid))
    assert len(runs) == 2 * (5 + 8 * 9)


def test_one_run_of_an_experiment_has_its_name():
    assert list(planned(experiments=("VAE_mnist", "debug"))) == ["VAE_mnist", "debug"]


def test_own_images_are_found_from_any_folder(tmp_path, monkeypatch):
    (tmp_path / "faces").mkdir()
    monkeypatch.chdir(tmp_path)
    runs = planned(grid=("dataset=mnist,faces",))
    found = [run.options["dataset"] for run in runs.values()]
    assert found == ["mnist", str(tmp_path / "faces")]
    assert list(runs) == ["custom-dataset=mnist", "custom-dataset=faces"]


def test_a_file_says_the_same_and_what_is_typed_wins(tmp_path):
    file = tmp_path / "betas.toml"
    file.write_text(
        'experiments = ["betaH_mnist"]\nseeds = 3\nmetrics = "mig,dci"\n'
        "[grid]\nbetaH_B = [1, 2.5]\nlatent_dim = 4\n"
    )
    sweep = read_sweep(file, {"seeds": 1})
    assert (sweep.name, sweep.seeds, sweep.metrics) == ("betas", 1, ("mig", "dci"))
    assert [run.name for run in plan_runs(sweep)] == [
        "betaH_mnist-betaH_B=1", "betaH_mnist-betaH_B=2.5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("seeds = 0", "seeds"),
        ("colour = 3", "no option 'colour'"),
        ("seeds = [", "no TOML file"),
        ("grid = 3", "grid should be a table"),
        ("[grid]\nbtcvae_B = []", "has no values"),
        ("[grid]\nbtcvae_Q = [1]", "no option 'btcvae_Q'"),
        ("[grid]\nbtcvae_B = [1, 1]", "names a value twice"),
        ("seeds = 2\n[grid]\nseed = [1, 2]", "in the grid, or say with --seeds how many; not both"),
        ("[grid]\nseed = [-1]", "seed"),
        ('[grid]\nseed = ["none"]', "seeds of a grid should be numbers"),
        ("[grid]\nseed = [1, '01']", "several runs named custom-seed1"),
        ("seeds = 10000\n[grid]\nlr = [0.1, 0.2]", "has 20,000 runs, but 10,000 are the most"),
        (
            f"seeds = 100\n[grid]\nbatch_size = {THOUSAND}\nepochs = {THOUSAND}",
            "has 100,000,000 runs, but 10,000 are the most",
        ),
        (f"experiments = {['debug'] * 10_001}", "has 10,001 runs"),
        ('experiments = ["VAE_mnist"]\n[grid]\nbtcvae_B = ["x"]', "No run .* uses btcvae_B=x, and"),
        ("seeds = " + "9" * 5000, "no TOML file"),
        ("seeds = 0x" + "f" * 5000, "a number of more than 18 digits"),
        ("[grid]\nlr = [0x" + "f" * 5000 + "]", "a number of more than 18 digits"),
        ('results_dir = "a\\u0000b"', "a text with a NUL character"),
        ('[grid]\ndataset = ["a\\u0000b"]', "a text with a NUL character"),
        ("[grid]\nlr = [0.1, -1]", "Run custom-lr=-1: .*lr"),
        ('experiments = ["debug", "debug"]', "several runs named debug"),
        ('experiments = ["VAE_mnits"]', "experiment"),
        ("experiments = []", "has no experiments"),
        ("experiments = [1]", "experiments"),
        ("metrics = 5", "metrics"),
        ("[grid]\nis_metrics = true", "is_metrics cannot stand in the grid; set metrics"),
        ("[grid]\nis_eval_only = true", "no option 'is_eval_only'"),
        ('metrics = "mgi"', "no score 'mgi'"),
        ('name = "../up"', "cannot be the name"),
    ],
)
def test_bad_sweep_files_are_one_sentence_and_nothing_starts(tmp_path, capsys, content, said):
    file = tmp_path / "bad.toml"
    file.write_text(content)
    assert main(["sweep", str(file), "--results-dir", str(tmp_path / "results")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and len(error) < 600
    assert re.search(said, error)
    assert not (tmp_path / "results").exists()


def test_the_documented_results_are_five_losses_by_three_seeds(pytestconfig):
    sweep = read_sweep(pytestconfig.rootpath / "docs/results.toml", {})
    runs = [resolve(run.options) for run in plan_runs(sweep)]
    assert sorted((run.loss, run.seed) for run in runs) == [
        (loss, seed) for loss in ("VAE", "betaB", "betaH", "btcvae", "factor") for seed in (1, 2, 3)
    ]
    assert {(run.dataset, run.max_steps) for run in runs} == {("dsprites", 4000)}


@pytest.mark.parametrize(
    ("study", "count"), [("locatello2019", 6 * 6 * 5), ("correlated", 6 * 7 * 3), ("weak", 75),
                         ("losses", 15 * 3), ("adagvae", 6), ("control", 1)],
)  # fmt: skip
def test_studies_are_sweeps_of_runs_that_are_possible(study, count, pytestconfig):
    sweep = read_sweep(pytestconfig.rootpath / f"studies/{study}.toml", {})
    runs = plan_runs(sweep)
    assert len(runs) == count
    assert sweep.name == study
    for run in runs:
        options = resolve(run.options)
        metrics.plan(sweep.metrics, frozenset({"logvar", "factors"}), settings=sweep.settings)
        if study == "locatello2019":
            assert (options.lr, options.max_steps, options.batch_size) == (1e-4, 300_000, 64)
            assert options.reg_anneal == (100_000 if options.loss == "betaB" else 0)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="There is no file"):
        read_sweep(tmp_path / "none.toml", {})
