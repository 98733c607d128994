"""Files are written whole or not at all."""

import errno
import json
import os
import threading

import pytest

from disvae.storage import files


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "log.json"
    files.write_text(path, "old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_entries_that_are_merged_at_once_are_all_kept(tmp_path):
    path = tmp_path / "log.json"
    start = threading.Barrier(8)

    def merge(number):
        start.wait()
        for each in range(5):
            files.merge_json(path, {f"{number}.{each}": each})

    threads = [threading.Thread(target=merge, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(json.loads(path.read_text())) == 40


def test_a_row_of_a_matrix_is_a_line(tmp_path):
    content = {"matrix": [[1.5, -2e-05], [0, 3]], "names": ["[1, 2]", "[\n 3 ]"], "none": []}
    files.merge_json(tmp_path / "log.json", content)
    text = (tmp_path / "log.json").read_text()
    assert json.loads(text) == content
    assert "        [1.5, -2e-05],\n        [0, 3]\n" in text


def test_a_folder_that_is_gone_is_not_made_anew(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file"):
        files.merge_json(tmp_path / "gone/log.json", {"a": 1})
    assert list(tmp_path.iterdir()) == []


def test_files_get_the_permissions_of_ordinary_files(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    files.write_bytes(tmp_path / "ours", b"x")
    assert (tmp_path / "ours").stat().st_mode == ordinary.stat().st_mode
