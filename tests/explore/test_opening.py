"""What the command and Python open, and what they say."""

import subprocess
import sys

import pytest

import disvae
from disvae.cli import main
from disvae.errors import UserError
from disvae.explore.bundle import Bundle
from disvae.explore.opening import find_runs
from disvae.explore.table import table
from tests.explore.conftest import make_run


def test_names_paths_sweeps_and_runs(tmp_path, data_dir):
    one = make_run(tmp_path / "one", data_dir)
    make_run(tmp_path / "sweep/b", data_dir, btcvae_B=3)
    make_run(tmp_path / "sweep/a", data_dir)
    (tmp_path / "sweep/a/model.pt").unlink()
    asked = find_runs(["one", tmp_path / "one", one, "sweep"], tmp_path)
    assert [run.name for run in asked.runs] == ["one", "one", "one", "a", "b"]
    assert asked.as_table
    found = table(asked.runs[3:])
    assert found["options"] == ["btcvae_B"]
    assert [(row["name"], row["state"]) for row in found["rows"]] == [
        ("a", "not trained"), ("b", "trained"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["none", "../../etc", "/etc"])
def test_what_is_no_run_gets_a_sentence(tmp_path, capsys, name):
    assert main(["explore", name, "--results-dir", str(tmp_path), "--no-browser"]) == 2
    assert "There is no run" in capsys.readouterr().err


def test_a_taken_port_gets_a_sentence(explorer, explored, capsys):
    command = ["explore", str(explored[0].path), "--no-browser", "--port", str(explorer.port)]
    assert main(command) == 2
    assert f"Port {explorer.port} of 127.0.0.1 cannot be used" in capsys.readouterr().err


def test_a_run_without_model_gets_a_sentence(tmp_path, data_dir):
    run = make_run(tmp_path / "run", data_dir)
    (run.path / "model.pt").unlink()
    with pytest.raises(UserError, match=r"no model\.pt yet"):
        disvae.explore(run.path, browser=False)


def test_images_that_are_not_here_are_not_prepared(tmp_path, data_dir):
    run = make_run(tmp_path / "run", tmp_path / "nowhere")
    (run.path / "train_losses.log").unlink()
    bundle = Bundle(disvae.open_run(run.path), tmp_path / "empty")
    assert bundle.dataset is None
    assert bundle.kl is None
    assert bundle.facts()["order"] == [0, 1, 2, 3, 4]
    assert not (tmp_path / "empty").exists()
    measured = Bundle(disvae.open_run(run.path), data_dir)
    assert len(measured.kl) == 5
    assert measured.order == sorted(range(5), key=lambda j: -measured.kl[j])


def test_the_nearest_image_keeps_the_factor_that_was_moved(explored, data_dir):
    bundle = Bundle(explored[0], data_dir)
    factors = bundle.factors
    assert factors[bundle.find([2, 1, 3, 0, 1])].tolist() == [2, 1, 3, 0, 1]
    assert factors[bundle.find([9, 1, 3, 0, 1], first=0)].tolist() == [2, 1, 3, 0, 1]
    with pytest.raises(UserError, match="cannot be found by such factors"):
        bundle.find([1, 2])


def test_from_python_and_as_a_notebook_shows_it(explored):
    with disvae.explore(explored[0], browser=False) as page:
        assert page.url.startswith(f"http://127.0.0.1:{page.port}/#token=")
        assert "<iframe" in page._repr_html_()
        assert page.url in page._repr_html_()


def test_the_package_can_be_called_after_a_part_of_it_was_imported():
    code = "import disvae.explore.page, disvae; assert callable(disvae.explore)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_help_stays_light():
    code = (
        "import sys; from disvae.cli import main\n"
        "try:\n    main(['explore', '--help'])\nexcept SystemExit: pass\n"
        "assert not {'torch', 'numpy', 'starlette', 'uvicorn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
