"""The options are the contract: names, short forms, defaults, bounds, precedence."""

import subprocess
import sys

import pytest

from disvae.cli import main
from disvae.errors import UserError
from disvae.options import Options, PlotOptions, resolve
from disvae.options.experiments import NAMES

# as the documented system prints them: long name, short form, default
TRAIN = [
    ("--log-level", "-L", "INFO"),
    ("--no-progress-bar", None, False),
    ("--no-cuda", None, False),
    ("--seed", "-s", 1234),
    ("--checkpoint-every", None, 30),
    ("--dataset", "-d", "mnist"),
    ("--image-size", None, None),
    ("--checkpoint-minutes", None, 10),
    ("--train-fraction", None, 1),
    ("--experiment", "-x", "custom"),
    ("--epochs", "-e", 100),
    ("--batch-size", "-b", 64),
    ("--lr", None, 0.0005),
    ("--model-type", "-m", "Burgess"),
    ("--latent-dim", "-z", 10),
    ("--loss", "-l", "betaB"),
    ("--rec-dist", "-r", "bernoulli"),
    ("--reg-anneal", "-a", 0),
    ("--betaH-B", None, 4),
    ("--betaB-initC", None, 0),
    ("--betaB-finC", None, 25),
    ("--betaB-G", None, 1000),
    ("--factor-G", None, 6),
    ("--lr-disc", None, 5e-05),
    ("--btcvae-A", None, 1),
    ("--btcvae-G", None, 1),
    ("--btcvae-B", None, 6),
    ("--is-eval-only", None, False),
    ("--split", None, "train"),
    ("--is-metrics", None, False),
    ("--metrics", None, ("mig", "aam")),
    ("--metrics-every", None, None),
    ("--metrics-images", None, 50_000),
    ("--no-test", None, False),
    ("--eval-batchsize", None, 1000),
    ("--max-steps", None, None),
    ("--results-dir", None, "results"),
    ("--data-dir", None, None),
    ("--device", None, "auto"),
    ("--precision", None, "32-true"),
]
PLOT = [
    ("--seed", "-s", None),
    ("--n-rows", "-r", 6),
    ("--n-cols", "-c", 7),
    ("--max-traversal", "-t", 2),
    ("--idcs", "-i", ()),
    ("--upsample-factor", "-u", 1),
    ("--is-show-loss", None, False),
    ("--is-posterior", None, False),
    ("--format", None, "png"),
    ("--results-dir", None, "results"),
    ("--data-dir", None, None),
]


def short_form(record, field):
    aliases = [getattr(extra, "alias", None) for extra in record.model_fields[field].metadata]
    return next((alias[0] for alias in aliases if alias), None)


@pytest.mark.parametrize(("record", "table"), [(Options, TRAIN), (PlotOptions, PLOT)])
def test_names_short_forms_and_defaults_are_those_documented(record, table):
    defaults = record().model_dump()
    listed = []
    for name, short, default in table:
        field = name.removeprefix("--").replace("-", "_")
        assert short_form(record, field) == short
        value = defaults[field]
        assert (str(value) if field == "results_dir" else value) == default
        listed.append(field)
    assert sorted(listed) == sorted(record.model_fields)


def test_help_shows_every_option_in_its_group_without_importing_torch():
    script = (
        "import sys; from disvae.cli import main; status = main(['train', '--help']);"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules; sys.exit(status)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    for name, short, _ in TRAIN:
        assert f" {name} " in shown
        assert short is None or f" {short} " in shown
    for group in ("General options", "Training specific options", "Model specific options",
                  "BetaH specific", "BetaB specific", "factor VAE specific",
                  "beta-tcvae specific", "Evaluation specific options"):  # fmt: skip
        assert group in shown


# the table of the predefined experiments
EPOCHS = {"dsprites": 30, "chairs": 300, "celeba": 200, "mnist": 400, "fashion": 400}
CHECKPOINTS = {"dsprites": 10, "chairs": 100, "celeba": 100, "mnist": 100, "fashion": 100}
RATES = {"VAE": 5e-4, "betaH": 5e-4, "btcvae": 5e-4, "betaB": 1e-3, "factor": 1e-4}
FACTOR_G = {"mnist": 6, "fashion": 6, "chairs": 3.2, "dsprites": 6.4, "celeba": 6.4}
DISC = {"mnist": 5e-5, "fashion": 5e-5, "chairs": 1e-5, "dsprites": 1e-4, "celeba": 1e-5}


def expected(loss, dataset):
    own = {
        "VAE": {},
        "betaH": {"betaH_B": 10 if dataset == "celeba" else 4},
        "betaB": {"betaB_G": 100, "betaB_finC": 50 if dataset == "celeba" else 25},
        "factor": {"factor_G": FACTOR_G[dataset], "lr_disc": DISC[dataset]},
        "btcvae": {"btcvae_A": 1, "btcvae_G": 1, "btcvae_B": FACTOR_G[dataset]},
    }[loss]
    return (
        Options().model_dump()
        | {
            "loss": loss,
            "dataset": dataset,
            "experiment": f"{loss}_{dataset}",
            "epochs": EPOCHS[dataset],
            "checkpoint_every": CHECKPOINTS[dataset],
            "lr": RATES[loss],
            "reg_anneal": 100_000 if loss == "betaB" else 10_000,
        }
        | own
    )


@pytest.mark.parametrize("name", NAMES)
def test_experiments_are_those_of_the_table(name):
    values = resolve({"experiment": name}).model_dump()
    if name == "custom":
        wanted = Options().model_dump()
    elif name == "debug":
        wanted = Options().model_dump() | {
            "experiment": "debug", "epochs": 1, "log_level": "DEBUG", "no_test": True,
        }  # fmt: skip
    elif name == "best_celeba":
        wanted = expected("btcvae", "celeba") | {
            "experiment": name, "btcvae_A": -10, "btcvae_B": 20, "rec_dist": "laplace",
        }  # fmt: skip
    elif name == "best_dsprites":
        wanted = expected("btcvae", "dsprites") | {
            "experiment": name, "btcvae_A": -5, "btcvae_B": 10,
        }  # fmt: skip
    else:
        wanted = expected(*name.split("_"))
    assert values == wanted


def test_a_given_option_wins_over_the_experiment_even_if_it_equals_the_default():
    assert resolve({"experiment": "betaB_mnist"}).lr == 1e-3
    assert resolve({"experiment": "betaB_mnist", "lr": 5e-4}).lr == 5e-4


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epochs": 0}, "--epochs: input should be greater than or equal to 1, but it is 0."),
        ({"latent_dim": 0}, "--latent-dim: input should be greater than or equal to 1"),
        ({"latent_dim": 10**9}, "--latent-dim: input should be less than or equal to 4096"),
        ({"lr": float("nan")}, "--lr: input should be a finite number"),
        ({"loss": "gan"}, "--loss: expected VAE, betaH, betaB, factor, btcvae or FILE.py:NAME"),
        ({"model_type": "GAN"}, "--model-type: expected Burgess, MLP, Locatello, ResNet or FILE.p"),
        ({"experiment": "x"}, "--experiment: input should be 'custom'"),
        ({"image_size": 48}, "--image-size: expected 32, 64, 128 or 256, but it is 48."),
        ({"train_fraction": 0}, "--train-fraction: input should be greater than 0"),
        ({"split": "all"}, "--split: input should be 'train' or 'test'"),
        ({"speed": 3}, "there is no option 'speed'."),
        ({"device": "gpu"}, "--device: expected auto, cpu, mps, cuda"),
        ({"loss": "btcvae", "batch_size": 1}, "batch_size must be at least 2"),
    ],
)
def test_a_bad_value_is_one_sentence(given, said):
    with pytest.raises(UserError) as fault:
        resolve(given)
    assert said in str(fault.value)
    assert "\n" not in str(fault.value)


def test_seed_none_and_lower_case_log_level_are_understood():
    options = resolve({"seed": "None", "log_level": "debug"})
    assert options.seed is None
    assert options.log_level == "DEBUG"


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "x", "-e", "0"],
        ["train", "x", "-d", "nowhere"],
        ["train", "x", "-l", "gan"],
        ["train", "x", "-z", "0"],
        ["train", "x", "--unknown"],
        ["train"],
        ["train", "a/b"],
        ["train", ".."],
        ["plot", "missing", "traversals"],
        ["plot", "missing", "nothing"],
        ["eval", "missing"],
        ["data", "prepare", "nowhere"],
    ],
)
def test_bad_input_ends_with_status_2_one_line_and_nothing_written(
    arguments, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("disvae: ")
    assert shown.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
