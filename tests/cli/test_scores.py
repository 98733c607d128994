"""The commands of scores: eval --metrics, score --codes, --is-metrics."""

import json
import logging
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import disvae
from disvae.cli import main
from disvae.data.batches import fixed_part
from disvae.evaluation import score as score_module
from disvae.metrics import Codes, evaluate


@pytest.fixture(scope="module")
def scored(data_dir, tmp_path_factory):
    """A run on the small `dsprites`, trained with --is-metrics."""
    return disvae.train(
        "scored", dataset="dsprites", loss="VAE", epochs=1, batch_size=32, latent_dim=3,
        is_metrics=True, no_test=True, device="cpu", data_dir=data_dir,
        results_dir=tmp_path_factory.mktemp("results"),
    )  # fmt: skip


def test_is_metrics_computes_mig_and_aam_from_the_posteriors_of_all_images(scored):
    logged = json.loads((scored.path / "metrics.log").read_text())
    assert set(logged) == {"MIG", "AAM", "mig", "aam"}
    dataset = scored.dataset()
    posterior = scored.model.encode(dataset.images(slice(0, len(dataset))).float() / 255)
    arrays = [part.detach().numpy() for part in posterior]
    exact = disvae.metrics.mig(*arrays, dataset.factors)
    assert logged["MIG"] == pytest.approx(exact, abs=1e-5)
    assert logged["AAM"] == pytest.approx(disvae.metrics.aam(*arrays, dataset.factors), abs=1e-4)
    assert logged["mig"]["settings"]["factors"] == list(dataset.factor_names)
    with Image.open(scored.path / "mutual_information.png") as picture:
        assert picture.width > 300


@pytest.mark.parametrize("calls", [["mig,aam"], ["aam", "mig"], ["mig", "aam"]])
def test_the_information_matrix_stands_in_the_log_once(scored, tmp_path, calls):
    shutil.copytree(scored.path, tmp_path / "run")
    (tmp_path / "run/metrics.log").unlink()
    for names in calls:
        assert main(["eval", "run", "--metrics", names, "--results-dir", str(tmp_path)]) == 0
    text = (tmp_path / "run/metrics.log").read_text()
    assert text.count('"mutual_information"') == 1
    logged = json.loads(text)
    assert set(logged["mig"]["parts"]) == {"mutual_information", "per_code", "per_factor"}
    assert set(logged["aam"]["parts"]) == {"per_factor"}
    rows = [" ".join(map(str, row)) for row in logged["mig"]["parts"]["mutual_information"]]
    assert len(rows) == 5
    plain = text.replace(",", "")
    assert all(f"[{row}]" in plain for row in rows)  # a row, a line


def test_a_matrix_of_other_factors_is_kept(scored, tmp_path):
    shutil.copytree(scored.path, tmp_path / "run")
    chosen = ["--metrics", "aam", "--metric-factors", "posX,posY"]
    assert main(["eval", "run", *chosen, "--results-dir", str(tmp_path)]) == 0
    logged = json.loads((tmp_path / "run/metrics.log").read_text())
    assert len(logged["aam"]["parts"]["mutual_information"]) == 2
    assert len(logged["mig"]["parts"]["mutual_information"]) == 5


def test_scores_merge_into_the_log_with_their_settings(scored, tmp_path, capsys):
    shutil.copytree(scored.path, tmp_path / "run")
    arguments = ["eval", "run", "--results-dir", str(tmp_path), "--device", "cpu"]
    chosen = ["--metrics", "total_correlation,factor_vae", "--metric-factors", "scale,posX",
              "--repeats", "2"]  # fmt: skip
    assert main([*arguments, *chosen]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == f"The scores are in {tmp_path / 'run/metrics.log'}"
    (line,) = (line for line in said if line.startswith("factor_vae "))
    logged = json.loads((tmp_path / "run/metrics.log").read_text())
    assert {"MIG", "AAM", "mig", "aam", "total_correlation", "factor_vae"} == set(logged)
    assert logged["factor_vae"]["settings"]["factors"] == ["scale", "posX"]
    assert logged["factor_vae"]["settings"]["repeats"] == 2
    assert logged["factor_vae"]["std"] is not None
    assert logged["mig"] == scored.metrics["mig"]
    found = logged["factor_vae"]
    assert line.split()[1:4] == [f"{found['value']:.4f}", "±", f"{found['std']:.4f}"]
    assert f"train {found['parts']['train']['mean']:.4f}" in line


def test_is_metrics_shows_the_scores(scored, tmp_path, capsys):
    shutil.copytree(scored.path, tmp_path / "run")
    assert main(["train", "run", "--is-eval-only", "--is-metrics", "--no-test", "--device", "cpu",
                 "--metrics", "sap", "--results-dir", str(tmp_path)]) == 0  # fmt: skip
    line = capsys.readouterr().out.splitlines()[0]
    logged = json.loads((tmp_path / "run/metrics.log").read_text())
    assert line.split()[:2] == ["sap", f"{logged['sap']['value']:.4f}"]


def test_dci_draws_its_importances(scored, tmp_path):
    shutil.copytree(scored.path, tmp_path / "run")
    assert main(["eval", "run", "--metrics", "dci", "--metric-factors", "posX,posY",
                 "--metric-settings", "dci.num_train=300",
                 "--results-dir", str(tmp_path)]) == 0  # fmt: skip
    assert (tmp_path / "run/dci_importance.png").exists()


def test_codes_of_any_model_are_scored_from_a_file(tmp_path, capsys):
    random = np.random.default_rng(0)
    factors = np.stack([np.repeat([0, 1, 2], 40), np.tile([0, 1], 60)], 1)
    mean = factors + 0.01 * random.standard_normal((120, 2))
    logvar = np.full((120, 2), -6.0)
    path = tmp_path / "codes.npz"
    np.savez(path, mean=mean, logvar=logvar, factors=factors, factor_names=["a", "b"])
    assert main(["score", "--codes", str(path), "--metrics", "mig,aam"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "codes.metrics.json").read_text())
    assert printed["MIG"] > 0.99
    assert printed["MIG"] == evaluate(Codes(mean, logvar, factors), "mig")["MIG"]
    assert [row["factor"] for row in printed["mig"]["parts"]["per_factor"]] == ["a", "b"]


def test_scores_of_a_file_merge_with_those_it_has(tmp_path, capsys):
    path, log = tmp_path / "codes.npz", tmp_path / "codes.metrics.json"
    np.savez(path, mean=np.random.default_rng(0).standard_normal((50, 2)))
    assert main(["score", "--codes", str(path), "--metrics", "total_correlation"]) == 0
    chosen = ["--metrics", "code_information", "--metric-settings", "code_information.bins=5"]
    assert main(["score", "--codes", str(path), *chosen]) == 0
    logged = json.loads(log.read_text())
    assert set(logged) == {"total_correlation", "code_information"}
    assert logged["code_information"]["settings"]["bins"] == 5
    capsys.readouterr()
    log.write_text("my notes")
    assert main(["score", "--codes", str(path)]) == 2
    assert "not a JSON object" in capsys.readouterr().err
    assert log.read_text() == "my notes"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--metric-settings", "dci.num_train=many"], "num_train of dci: it should be a valid int"),
        (["--metric-settings", "dci.trees=3"], "dci has no setting 'trees'"),
        (["--metric-settings", "dci=3"], "should be SCORE.SETTING=VALUE"),
        (["--metric-factors", "size"], "no factor 'size'; the factors are"),
    ],
)
def test_bad_requests_are_refused_before_the_images_are_encoded(
    scored, capsys, monkeypatch, arguments, message
):
    monkeypatch.setattr(disvae.metrics, "encode", lambda *_: pytest.fail("encoded"))
    place = ["--results-dir", str(scored.path.parent)]
    assert main(["eval", scored.name, "--metrics", "dci", *arguments, *place]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("fault", ["gone", "text", "no mean", "objects"])
def test_bad_files_of_codes_are_one_sentence(tmp_path, capsys, fault):
    path = tmp_path / "codes.npz"
    if fault == "text":
        path.write_text("hello")
    elif fault == "no mean":
        np.savez(path, z=np.zeros((3, 2)))
    elif fault == "objects":
        np.savez(path, mean=np.array([{}, {}], dtype=object))
    assert main(["score", "--codes", str(path)]) == 2
    said = capsys.readouterr().err
    assert "codes.npz" in said
    assert said.count("\n") == 1


def test_datasets_without_factors_get_a_sentence_before_any_work(
    trained, data_dir, capsys, tmp_path
):
    shutil.copytree(trained.path, tmp_path / "run")
    before = (tmp_path / "run").stat().st_mtime_ns
    places = ["--results-dir", str(tmp_path), "--data-dir", str(data_dir)]
    assert main(["eval", "run", "--metrics", "mig", *places]) == 2
    assert "mig needs factors" in capsys.readouterr().err
    assert main(["train", "new", "-d", "mnist", "--is-metrics", *places]) == 2
    assert "mig needs factors" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "run").stat().st_mtime_ns == before
    assert main(["eval", "run", "--metrics", "all", *places]) == 0
    scores = json.loads((tmp_path / "run/metrics.log").read_text())
    assert set(scores) == {"total_correlation", "wasserstein_dependence", "code_information", "fos"}


def test_list_explains_every_score(capsys):
    assert main(["eval", "--list"]) == 0
    text = capsys.readouterr().out
    listed = [line.split()[0] for line in text.splitlines() if line[:1].strip()]
    assert listed == list(disvae.metrics.SCORES)
    assert all(f" {score.formula}\n" in text for score in disvae.metrics.SCORES.values())
    assert main(["eval"]) == 2


def test_scores_of_a_part_are_exact_on_it_and_say_so(scored, tmp_path, caplog):
    shutil.copytree(scored.path, tmp_path / "run")
    caplog.set_level(logging.INFO, "disvae")
    arguments = ["eval", "run", "--metrics", "mig,total_correlation", "--metrics-images", "60"]
    assert main([*arguments, "--results-dir", str(tmp_path)]) == 0
    assert "Scores of 60 of 96 images (fewer by --metrics-images)" in caplog.text
    logged = json.loads((tmp_path / "run/metrics.log").read_text())
    wanted = evaluate(scored.encode(indices=fixed_part(96, 60)), "mig")["MIG"]
    assert logged["MIG"] == pytest.approx(wanted, abs=1e-6)
    assert logged["MIG"] != pytest.approx(scored.metrics["MIG"], abs=1e-6)
    assert logged["mig"]["settings"]["images"] == 60
    assert logged["total_correlation"]["settings"]["images"] == 60
    assert "images" not in logged["aam"]["settings"]  # of all, from before
    main([*arguments[:-1], "None", "--results-dir", str(tmp_path)])
    again = json.loads((tmp_path / "run/metrics.log").read_text())
    assert again["mig"] == scored.metrics["mig"]


def test_a_part_in_which_a_factor_does_not_vary_is_refused_before_encoding(
    scored, tmp_path, capsys, monkeypatch
):
    shutil.copytree(scored.path, tmp_path / "run")
    monkeypatch.setattr(score_module, "encode", lambda *_, **__: pytest.fail("encoded"))
    arguments = ["eval", "run", "--metrics", "mig", "--metrics-images", "2"]
    assert main([*arguments, "--results-dir", str(tmp_path)]) == 2
    assert "one value" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("bias", "said"), [(1e4, "log variances of up to 1e+04"), (1e30, "means of up to 1e+30")]
)
def test_a_run_that_diverged_is_said_to_have(trained, tmp_path, capsys, bias, said):
    run = disvae.open_run(shutil.copytree(trained.path, tmp_path / "run"))
    with torch.no_grad():
        run.model.encoder.mu_logvar_gen.bias.fill_(bias)
    run.write_model(run.model)
    command = ["eval", "run", "--metrics", "total_correlation", "--results-dir", str(tmp_path)]
    assert main([*command, "--data-dir", str(trained.options.data_dir)]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith(f"disvae: Training diverged: the model in {run.path} after step 14 ")
    assert said in told
    assert "a lower --lr" in told
