"""The options are the contract: names, short forms, defaults, bounds, precedence."""

import subprocess
import sys

import pytest

from disvae.cli import main
from disvae.data.catalogue.registry import CATALOG, DATASETS
from disvae.errors import UserError
from disvae.models.registry import ARCHITECTURES, find
from disvae.objectives.registry import OBJECTIVES, ORIGINAL
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
    ("--fit", None, "stretch"),
    ("--checkpoint-minutes", None, 10),
    ("--tracker", None, ()),
    ("--train-fraction", None, 1),
    ("--val-fraction", None, 0),
    ("--correlate", None, None),
    ("--hold-out", None, None),
    ("--experiment", "-x", "custom"),
    ("--epochs", "-e", 100),
    ("--batch-size", "-b", 64),
    ("--lr", None, 0.0005),
    ("--lr-schedule", None, "constant"),
    ("--lr-warmup", None, 0),
    ("--patience", None, None),
    ("--no-extend", None, False),
    ("--model-type", "-m", "Burgess"),
    ("--latent-dim", "-z", 10),
    ("--loss", "-l", "betaB"),
    ("--rec-dist", "-r", "bernoulli"),
    ("--reg-anneal", "-a", 0),
    ("--reg-schedule", None, "linear"),
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
    ("--test-images", None, None),
    ("--metrics", None, ("mig", "aam")),
    ("--metrics-every", None, None),
    ("--metrics-images", None, None),
    ("--no-test", None, False),
    ("--eval-batchsize", None, 1000),
    ("--max-steps", None, None),
    ("--results-dir", None, "results"),
    ("--data-dir", None, None),
    ("--device", None, "auto"),
    ("--precision", None, "32-true"),
]
# of losses that came later; the help shows them with -l NAME
LATER = [
    ("--dip1-od", 10),
    ("--dip1-d", None),
    ("--dip2-od", 10),
    ("--dip2-d", None),
    ("--infovae-A", 0),
    ("--infovae-L", 1000),
    ("--infovae-kernel", "imq"),
    ("--infovae-bandwidth", 1),
    ("--control-initC", 0.5),
    ("--control-finC", 18),
    ("--control-Kp", 0.01),
    ("--control-Ki", 0.001),
    ("--control-min", 1),
    ("--control-max", 100),
    ("--hfs-B", 1),
    ("--hfs-G", 100),
    ("--hfs-pairs", 25),
    ("--hfstc-A", 1),
    ("--hfstc-G", 1),
    ("--hfstc-B", 6),
    ("--hfstc-W", 100),
    ("--hfstc-pairs", 25),
    ("--pairs", "uniform_fixed"),
    ("--gvae-B", 6),
    ("--mlvae-B", 6),
    ("--adagvae-B", 6),
    ("--adamlvae-B", 6),
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
    ("--format", None, None),
    ("--title", None, None),
    ("--dpi", None, 150),
    ("--results-dir", None, "results"),
    ("--data-dir", None, None),
]


def short_form(record, field):
    aliases = [getattr(extra, "alias", None) for extra in record.model_fields[field].metadata]
    return next((alias[0] for alias in aliases if alias), None)


@pytest.mark.parametrize(
    ("record", "table"),
    [(Options, TRAIN + [(name, None, default) for name, default in LATER]), (PlotOptions, PLOT)],
)
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


@pytest.mark.parametrize("loss", OBJECTIVES)
def test_the_help_with_a_loss_shows_its_options_and_names_the_others(loss, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["train", "--help", "-l", loss]) == 0
    shown = capsys.readouterr().out
    options = {
        name: {f"--{option.replace('_', '-')}" for option in kind.option_names().values()}
        for name, kind in OBJECTIVES.items()
    }
    own = options[loss]
    others = set().union(*options.values()) - own
    assert [name for name in sorted(own) if f" {name} " not in shown] == []
    assert [name for name in sorted(others) if f" {name} " in shown] == []
    for other, kind in OBJECTIVES.items():
        assert (f" {other}: {kind.paper}"[:60] in shown) == (other != loss)


def test_without_a_loss_the_help_names_the_later_ones_by_a_line(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["train", "--help"]) == 0
    shown = capsys.readouterr().out
    assert [name for name, _ in LATER if f" {name} " in shown] == []
    for name, kind in OBJECTIVES.items():
        assert (f" {name}: {kind.paper}"[:60] in shown) == (name not in ORIGINAL)


def test_losses_and_models_are_listed_with_options_and_papers(capsys):
    assert main(["losses"]) == 0
    shown = capsys.readouterr().out
    for name, kind in OBJECTIVES.items():
        assert f"\n{name} " in shown
        assert kind.paper
        assert f"{kind.paper}." in shown
        assert f"A step takes {kind.cost:.1f} times" in shown
        for option in kind.option_names().values():
            assert f"--{option.replace('_', '-')} " in shown
    assert main(["models"]) == 0
    shown = capsys.readouterr().out
    for name in ARCHITECTURES:
        assert f"\n{name} " in shown
        assert find(name).name == name
        assert len(find(name).step_costs) == len(find(name).image_sizes)


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


LATER_LOSSES = {
    "dip1": {"lr": 1e-4}, "dip2": {"lr": 1e-4}, "infovae": {"lr": 1e-3},
    "control": {"lr": 1e-4, "reg_anneal": 300_000, "control_finC": 16},
    "hfs": {"lr": 1e-4}, "hfstc": {"lr": 1e-4},
    **{loss: {"lr": 1e-4, "batch_size": 128} for loss in ("gvae", "mlvae", "adagvae", "adamlvae")},
}  # fmt: skip
LATER_EPOCHS = {
    "dsprites": (30, 10), "shapes3d": (40, 10), "cars3d": (1090, 100), "smallnorb": (790, 100),
    "mpi3d_toy": (19, 5), "mpi3d_realistic": (19, 5), "mpi3d_real": (19, 5),
}  # fmt: skip
SPECIAL = {
    "dip2_dsprites": {"dip2_od": 80},
    "control_dsprites": {"epochs": 130, "reg_anneal": 517_000},
    "hfs_shapes3d": {"hfs_B": 0, "hfs_G": 300},
}


@pytest.mark.parametrize("loss", LATER_LOSSES)
@pytest.mark.parametrize("dataset", LATER_EPOCHS)
def test_later_losses_have_an_experiment_on_each_dataset_with_factors(loss, dataset):
    name = f"{loss}_{dataset}"
    assert name in NAMES
    assert CATALOG[dataset].factors
    epochs, checkpoint_every = LATER_EPOCHS[dataset]
    assert resolve({"experiment": name}).model_dump() == Options().model_dump() | {
        "experiment": name, "loss": loss, "dataset": dataset, "epochs": epochs,
        "checkpoint_every": checkpoint_every, **LATER_LOSSES[loss], **SPECIAL.get(name, {}),
    }  # fmt: skip


def test_no_dataset_with_factors_and_no_loss_is_without_experiments():
    assert {name for name in CATALOG if CATALOG[name].factors} == set(LATER_EPOCHS)
    assert {*LATER_LOSSES, *ORIGINAL} == set(OBJECTIVES)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name.partition("_")[0] not in LATER_LOSSES]
)
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
    elif name.startswith("locatello2019_"):
        loss = name.removeprefix("locatello2019_")
        own = {"betaB_G": 1000} if loss == "betaB" else {"reg_anneal": 0}
        base = resolve({"experiment": f"{loss}_dsprites"}).model_dump()
        wanted = base | own | {"experiment": name}
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
        (
            {"loss": "gan"},
            "--loss: expected VAE, betaH, betaB, factor, btcvae, dip1, dip2, infovae",
        ),
        ({"model_type": "GAN"}, "--model-type: expected Burgess, MLP, Locatello, ResNet or FILE.p"),
        ({"experiment": "x"}, "--experiment: input should be one of"),
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


def test_a_mistyped_experiment_names_the_nearest():
    with pytest.raises(UserError, match=r"one of \d+ names, as VAE_mnist or .*'VAE_mnits'") as said:
        resolve({"experiment": "VAE_mnits"})
    assert len(str(said.value)) < 200


def test_later_losses_have_experiments_on_every_dataset_with_factors():
    known = {name for name in DATASETS if CATALOG[name].factors}
    for loss in set(OBJECTIVES) - set(ORIGINAL):
        assert {
            name.removeprefix(f"{loss}_") for name in NAMES if name.startswith(f"{loss}_")
        } == known
