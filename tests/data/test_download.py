"""Downloads from a server on this machine that also misbehaves."""

import dataclasses
import gzip
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from disvae.cli import main
from disvae.data import catalog, download, load_dataset
from disvae.data.entry import Entry, RawFile
from tests.conftest import blobs

CONTENT = gzip.compress(blobs(6, 32).tobytes(), mtime=0)
MD5 = hashlib.md5(CONTENT).hexdigest()  # noqa: S324


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT, or the fault that the path names."""

    seen: list[str]

    def do_GET(self):
        self.seen.append(self.path)
        first = self.seen.count(self.path) == 1
        if self.path == "/missing" or (self.path == "/fails-once" and first):
            self.send_error(404 if self.path == "/missing" else 500)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        cut = self.path == "/cut" or (self.path == "/cut-once" and first)
        body = b"x" * len(CONTENT) if self.path == "/wrong" else CONTENT
        self.wfile.write(body[: len(body) // 2] if cut else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    Handler.seen = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture
def prepare(server, tmp_path, monkeypatch, capsys):
    """Prepare a dataset whose one file lies at the given paths; return status and message."""

    def run(*paths):
        def write(files, builder):
            raw = gzip.decompress(files["images.gz"].read_bytes())
            images = blobs(6, 32)
            assert raw == images.tobytes()
            builder.append(images)

        file = RawFile("images.gz", tuple(server + path for path in paths), MD5)
        entry = Entry("remote", (1, 32, 32), {"train": 6}, "black", write, files=(file,))
        monkeypatch.setitem(catalog.CATALOG, "remote", entry)
        monkeypatch.setattr(download, "_TIMEOUT", 5)
        status = main(["data", "prepare", "remote", "--data-dir", str(tmp_path)])
        return status, capsys.readouterr().err.strip().rpartition("\n")[2]

    return run


@pytest.mark.parametrize(
    "paths",
    [("/good",), ("/fails-once",), ("/cut-once",), ("/missing", "/good"), ("/wrong", "/good"),
     ("/cut", "/good")],
)  # fmt: skip
def test_a_fault_that_passes_ends_in_the_right_images(prepare, tmp_path, paths):
    status, _ = prepare(*paths)
    assert status == 0
    assert (
        load_dataset("remote", tmp_path).images(slice(0, 6)).numpy().tolist()
        == blobs(6, 32).tolist()
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [".remote.lock", "remote"]


@pytest.mark.parametrize(
    ("path", "fault"),
    [("/missing", "the server answered 404"), ("/wrong", "wrong MD5"), ("/cut", "no connection")],
)
def test_a_fault_that_stays_is_one_sentence_that_says_what_to_do(prepare, tmp_path, path, fault):
    status, said = prepare(path)
    assert status == 2
    assert fault in said
    assert "fetch it by hand from http://127.0.0.1" in said
    assert "disvae data import remote" in said
    assert not (tmp_path / "remote").exists()


def test_a_server_that_is_not_there(prepare, monkeypatch, tmp_path):
    file = RawFile("images.gz", ("http://127.0.0.1:9/images.gz",), MD5)
    assert prepare("/good")[0] == 0
    entry = dataclasses.replace(catalog.CATALOG["remote"], name="far", files=(file,))
    monkeypatch.setitem(catalog.CATALOG, "far", entry)
    assert main(["data", "prepare", "far", "--data-dir", str(tmp_path)]) == 2


def test_what_is_prepared_is_not_fetched_again(prepare):
    assert prepare("/good")[0] == 0
    assert prepare("/good")[0] == 0
    assert Handler.seen == ["/good"]
