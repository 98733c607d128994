"""What users ask of their datasets: list, info, verify, remove."""

import os

import pytest
from PIL import Image

from disvae.data import maintain
from tests.data.raw_files import raw


@pytest.fixture
def celeba(offer, data, tmp_path):
    offer("celeba", "good")
    assert data("prepare", "celeba")[0] == 0
    return tmp_path / "data/celeba"


def test_list_shows_what_is_prepared(celeba, data):
    status, said = data("list")
    assert status == 0
    assert f"[prepared in {celeba}]" in said
    assert said.count("[not prepared]") == 10


def test_info_tells_all_and_draws_a_sample(celeba, data):
    status, said = data("info", "celeba")
    assert status == 0
    assert "images: train 40; 3x64x64, white background" in said
    for line in (
        "factors: unknown",
        "download: 1.4 GB",
        "licence: non-commercial",
        "citation: Liu",
        "celeba.zip: http://127.0.0.1",
        "from celeba.zip: http",
        f"in {celeba}",
    ):
        assert line in said
    with Image.open(celeba / "samples.png") as picture:
        assert picture.size == (10 * 66 + 2, 6 * 66 + 2)
    assert data("verify", "celeba")[0] == 0


def test_info_of_what_is_not_prepared_touches_nothing(data, tmp_path):
    status, said = data("info", "shapes3d")
    assert status == 0
    assert "floor_hue 10, wall_hue 10" in said
    assert "MD5 099a2078d58cec4daad0702c55d06868" in said
    assert "prepared: no" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["one bit", "shorter", "gone"])
def test_verify_finds_every_damage(celeba, data, damage):
    file = celeba / "images.npy"
    content = bytearray(file.read_bytes())
    content[5000] ^= 1
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(content if damage == "one bit" else content[:-1])
    status, said = data("verify", "celeba")
    assert status == 2
    assert "was changed or damaged (images.npy)" in said
    assert "run: disvae data remove celeba" in said


@pytest.mark.parametrize("command", ["verify", "remove"])
def test_what_is_not_prepared_is_one_sentence(command, data):
    status, said = data(command, "celeba")
    assert status == 2
    assert "celeba is not prepared" in said
    assert said.count("\n") == 0


@pytest.mark.parametrize("command", ["info", "verify", "remove"])
def test_an_unknown_name_is_one_sentence(command, data):
    status, said = data(command, "nowhere")
    assert status == 2
    assert "There is no dataset 'nowhere'" in said


@pytest.mark.parametrize("answer", ["", "n", "no", "q", None])
def test_remove_asks_first(celeba, data, monkeypatch, answer):
    asked = []

    def reply(question):
        asked.append(question)
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("builtins.input", reply)
    status, said = data("remove", "celeba")
    assert (status, said) == (0, "Nothing was deleted.")
    assert asked[0].startswith(f"Delete {celeba} (0.5 MB)?")
    assert data("verify", "celeba")[0] == 0


def test_remove_deletes_dataset_downloads_and_begun_work(celeba, data, monkeypatch, tmp_path):
    for left in (".celeba.downloads", ".celeba.partial", "other"):
        (tmp_path / "data" / left).mkdir()
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert data("remove", "celeba")[0] == 0
    left = sorted(path.name for path in (tmp_path / "data").iterdir())
    assert left == [".celeba.lock", "other"]
    assert data("prepare", "celeba")[0] == 0


def test_remove_leaves_alone_what_is_no_dataset(data, tmp_path):
    (tmp_path / "data/celeba").mkdir(parents=True)
    (tmp_path / "data/celeba/mine.txt").write_text("mine")
    status, said = data("remove", "celeba")
    assert status == 2
    assert "is a link, or no dataset of this version" in said
    assert (tmp_path / "data/celeba/mine.txt").exists()


def test_a_removal_that_is_killed_leaves_nothing_that_counts(celeba, monkeypatch):
    def interrupted(folder, **_):
        if folder.exists():
            (folder / "factors.npy").unlink(missing_ok=True)
            raise KeyboardInterrupt

    monkeypatch.setattr("disvae.data.maintain.shutil.rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        maintain.remove("celeba", celeba.parent)
    monkeypatch.undo()
    assert not celeba.exists()
    assert maintain.removable("celeba", celeba.parent)[0] == [celeba.parent / ".celeba.partial"]
    maintain.remove("celeba", celeba.parent)
    assert [path.name for path in celeba.parent.iterdir()] == [".celeba.lock"]


@pytest.mark.skipif(os.name == "nt", reason="Windows needs a privilege for links")
def test_remove_leaves_alone_what_is_a_link(celeba, data, tmp_path):
    celeba.rename(tmp_path / "big disk")
    celeba.symlink_to(tmp_path / "big disk")
    assert data("verify", "celeba")[0] == 0
    status, said = data("remove", "celeba")
    assert status == 2
    assert "is a link" in said
    assert data("verify", "celeba")[0] == 0


def test_the_help_of_every_command(capsys):
    from disvae.cli import main

    for command in ("list", "info", "prepare", "import", "verify", "remove"):
        assert main(["data", command, "--help"]) == 0
        assert f"data {command}" in capsys.readouterr().out
    assert raw("celeba").files
