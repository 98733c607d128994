"""What strangers send to the server: nothing leaks, and it goes on.

`docs/explore.md` has the table of these attacks and their outcomes.
"""

import json
import re
import socket
import threading
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch

from disvae.errors import UserError
from disvae.explore.evidence import matrices, scores
from disvae.explore.explorer import Explorer
from disvae.explore.export import export
from disvae.storage.tensors import write_tensors
from tests.explore.conftest import make_run, read_json, write_json

GIGABYTE = 2**30
BOMB = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60_000).to_bytes(4) * 2 + b"\x08\0\0\0\0" + b"\0" * 64
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


class Door:
    """Raw requests to a server."""

    def __init__(self, explorer):
        parts = urlsplit(explorer.url)
        self.host, self.address = parts.netloc, (parts.hostname, parts.port)
        self.token = parts.fragment.removeprefix("token=")

    def send(self, raw: bytes, pieces: int = 0) -> tuple[int, str]:
        """Send bytes, then `pieces` chunks of 64 KiB; return status and the whole answer."""
        with socket.create_connection(self.address, timeout=20) as line:
            try:
                line.sendall(raw)
                for _ in range(pieces):
                    line.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            except (BrokenPipeError, ConnectionResetError):
                pass  # it has answered already, and closed
            received = b""
            try:
                while part := line.recv(65_536):
                    received += part
            except ConnectionResetError:
                pass
        status = re.match(rb"HTTP/1\.1 (\d{3})", received)
        return (int(status[1]) if status else 0), received.decode("latin-1")

    def ask(self, path="/api/session", method="GET", body=b"", pieces=0, **headers):
        """Send a request that is right but for what is given; a header of None is left out."""
        plain = {"host": self.host, "disvae-token": self.token, "connection": "close"}
        if body:
            plain["content-length"] = str(len(body))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{k}: {v}" for k, v in (plain | named).items() if v is not None]
        head = "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""])
        return self.send(head.encode("latin-1") + body, pieces)


@pytest.fixture
def door(explorer) -> Door:
    return Door(explorer)


ATTACKS = {  # name: the statuses that it may get, and the request
    "foreign host": ({421}, {"host": "evil.test"}),
    "host localhost": ({421}, {"host": "localhost"}),
    "host without port": ({421}, {"host": "127.0.0.1"}),
    "host with a user": ({421}, {"host": "127.0.0.1:80@evil.test"}),
    "no host": ({400, 421}, {"host": None}),
    "foreign host behind a proxy's header": (
        {401}, {"x_forwarded_host": "evil.test", "disvae_token": None},
    ),
    "no token": ({401}, {"disvae_token": None}),
    "empty token": ({401}, {"disvae_token": ""}),
    "wrong token": ({401}, {"disvae_token": "x" * 43}),
    "token that is no ASCII": ({401}, {"disvae_token": "\xff\xfe"}),
    "fetch from another site, with the token": ({403}, {"sec_fetch_site": "cross-site"}),
    "fetch from another port, with the token": ({403}, {"sec_fetch_site": "same-site"}),
    "script tag of another site": (
        {403}, {
            "path": "/static/main.js", "sec_fetch_site": "cross-site",
            "sec_fetch_mode": "no-cors",
        },
    ),
    "foreign origin, with the token": ({403}, {"origin": "http://evil.test"}),
    "origin null, with the token": ({403}, {"origin": "null"}),
    "CORS preflight": ({403}, {"method": "OPTIONS", "origin": "http://evil.test"}),
    "form post from another site": (
        {403},
        {
            "path": "/api/runs/0/decode", "method": "POST", "body": b"a=1", "disvae_token": None,
            "sec_fetch_site": "cross-site", "content_type": "application/x-www-form-urlencoded",
        },
    ),
    "form post without the token": (
        {401},
        {
            "path": "/api/runs/0/decode", "method": "POST", "body": b"a=1", "disvae_token": None,
        },
    ),
    "traversal, raw": ({404}, {"path": "/static/../../../../etc/passwd"}),
    "traversal, %2e": ({404}, {"path": "/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd"}),
    "traversal, %2f": ({404}, {"path": "/static/..%2f..%2f..%2fetc%2fpasswd"}),
    "traversal, encoded twice": ({404}, {"path": "/static/%252e%252e%252fetc%252fpasswd"}),
    "traversal, backslashes": ({404}, {"path": "/static/..%5c..%5cetc%5cpasswd"}),
    "traversal, in the run's number": ({404}, {"path": "/api/runs/..%2f..%2f0/state"}),
    "absolute path": ({404}, {"path": "/static//etc/passwd"}),
    "zero byte": ({404}, {"path": "/static/main.js%00.html"}),
    "whole address as path": ({404}, {"path": "http://evil.test/api/session"}),
    "script in the path": ({404}, {"path": "/%3Cscript%3Ealert(1)%3C/script%3E"}),
    "run -1": ({400}, {"path": "/api/runs/-1"}),
    "run 999": ({400}, {"path": "/api/runs/999"}),
    "run of 5,000 digits": ({400}, {"path": "/api/runs/" + "9" * 5000}),
    "image -1": ({400}, {"path": "/api/runs/0/images?start=-1&count=1"}),
    "image 10^30": ({400}, {"path": f"/api/runs/0/images?start={10**30}&count=1"}),
    "10^9 images": ({200}, {"path": f"/api/runs/0/images?start=0&count={10**9}"}),
    "factors that are no numbers": ({400}, {"path": "/api/runs/0/find?factors=1,%3Cb%3E,nan"}),
    "upload of 1 GB, declared": (
        {413},
        {"path": "/api/runs/0/encode", "method": "POST", "content_length": str(GIGABYTE)},
    ),
    "upload of 1 GB, undeclared": (
        {413},
        {
            "path": "/api/runs/0/encode", "method": "POST", "transfer_encoding": "chunked",
            "pieces": GIGABYTE // 65_536,
        },
    ),
    "image bomb": ({400}, {"path": "/api/runs/0/encode", "method": "POST", "body": BOMB}),
    "SVG with a script": ({400}, {"path": "/api/runs/0/encode", "method": "POST", "body": SVG}),
    "code of NaN and infinity": (
        {200},
        {
            "path": "/api/runs/0/decode", "method": "POST",
            "body": np.array([np.nan, np.inf, -np.inf, 1e38, 0], "<f4").tobytes(),
        },
    ),
    "header of 1 MB": ({400, 431}, {"x_long": "x" * 2**20}),
    "other methods": ({405}, {"method": "DELETE", "path": "/api/runs/0"}),
    "two lengths at once": (
        {400, 413},
        {
            "path": "/api/runs/0/encode", "method": "POST",
            "body": b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "transfer_encoding": "chunked",
        },
    ),
    "WebSocket": ({200}, {"upgrade": "websocket", "connection": "Upgrade, close"}),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_attack(name, door, explored):
    statuses, request = ATTACKS[name]
    status, answer = door.ask(**request)
    assert status in statuses, answer[:500]
    _no_leak(answer, door, explored)
    assert door.ask()[0] == 200  # it goes on


def _no_leak(answer, door, explored):
    assert door.token not in answer
    assert "root:" not in answer
    assert str(explored[0].path.parent) not in answer
    assert "Traceback" not in answer
    assert "<script" not in answer.partition("\r\n\r\n")[2]
    assert "access-control-allow-origin" not in answer.lower()
    assert "set-cookie" not in answer.lower()


def test_two_hosts_are_refused(door):
    raw = f"GET /api/session HTTP/1.1\r\nHost: {door.host}\r\nHost: evil.test\r\n\r\n"
    assert door.send(raw.encode())[0] in (400, 421)


def test_bytes_that_are_no_request(door):
    assert door.send(b"\x16\x03\x01" + bytes(range(256)) + b"\r\n\r\n")[0] == 400
    assert door.ask()[0] == 200


@pytest.mark.parametrize("place", ["?token={}", "?disvae-token={}"])
def test_a_token_in_the_query_or_a_cookie_does_not_count(door, place):
    assert door.ask("/api/session" + place.format(door.token), disvae_token=None)[0] == 401
    cookie = f"disvae-token={door.token}"
    assert door.ask(cookie=cookie, disvae_token=None)[0] == 401


def test_every_answer_carries_the_policy(door):
    for path in ("/", "/static/main.js", "/api/session", "/none"):
        answer = door.ask(path)[1].lower()
        assert "content-security-policy: default-src 'none'" in answer
        assert "x-content-type-options: nosniff" in answer
        assert "cache-control: no-store" in answer
        assert "'unsafe" not in answer


def test_ten_thousand_requests_at_once(door):
    statuses = []

    def many():
        for _ in range(20):
            try:
                statuses.append(door.ask()[0])
            except OSError:
                statuses.append(-1)  # turned away before it could ask

    threads = [threading.Thread(target=many) for _ in range(500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == 10_000
    assert set(statuses) <= {200, 503, -1}
    assert statuses.count(200) > 5_000
    assert door.ask()[0] == 200


def test_requests_that_never_end(door):
    lines = [socket.create_connection(door.address) for _ in range(300)]
    try:
        for line in lines:
            line.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert door.ask()[0] == 200
    finally:
        for line in lines:
            line.close()


def test_other_addresses_than_this_machine_must_be_typed(explored):
    with pytest.raises(UserError, match="no address to be asked for under"):
        Explorer(explored, host="0.0.0.0")  # noqa: S104 - refused
    with pytest.raises(UserError, match="cannot be used"):
        Explorer(explored, host="192.0.2.1")


def test_the_server_listens_on_this_machine_only(explorer):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; tells the address that others see
        outside = probe.getsockname()[0]
    if outside.startswith("127."):
        pytest.skip("this machine has no other address")
    with pytest.raises(OSError), socket.create_connection((outside, explorer.port), timeout=2):
        pass


def test_weights_that_are_not_finite_or_run_code_are_refused(tmp_path, data_dir):
    run = make_run(tmp_path / "run", data_dir)
    weights = dict(run.model.state_dict())
    weights["decoder.lin1.weight"] = torch.full_like(weights["decoder.lin1.weight"], torch.nan)
    write_tensors(run.path / "model.pt", weights)
    with pytest.raises(UserError, match="not finite"):
        Explorer([run.path])
    (run.path / "model.pt").write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")
    with pytest.raises(UserError, match="damaged"):
        Explorer([run.path])


def test_absurd_weights_are_decoded_by_the_server_and_refused_in_files(tmp_path, data_dir):
    run = make_run(tmp_path / "run", data_dir)
    with torch.no_grad():
        run.model.decoder.lin1.weight *= 1e38
        run.model.decoder.lin2.weight *= 1e5
    run.write_model(run.model)
    with Explorer([run.path]) as explorer:
        door = Door(explorer)
        facts = json.loads(door.ask("/api/runs/0")[1].partition("\r\n\r\n")[2])
        assert facts["decoder"] is None
        code = np.ones(5, "<f4").tobytes()
        assert door.ask("/api/runs/0/decode", "POST", code)[0] == 200
    with pytest.raises(UserError, match="cannot go into a file"):
        export([run.path], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


NASTY = {
    "mig": {"value": "<b>", "parts": {"mutual_information": [["x"]]}, "settings": {"factors": "y"}},
    "aam": {"value": float("inf"), "parts": [], "settings": None},
    "dci": {
        "value": 0.5, "parts": {"importance": [[1, 2], [3]]}, "settings": {"factors": [[], {}]},
    },
    "<script>": {
        "value": 1, "std": True, "parts": {"a": {"mean": {}}}, "settings": {"x": "y" * 10**5},
    },
    "sap": None,
}  # fmt: skip


def test_logs_of_strangers_give_numbers_and_short_texts(tmp_path, data_dir):
    run = make_run(tmp_path / "run", data_dir)
    write_json(run.path / "metrics.log", NASTY)
    assert matrices(run) == []
    assert [score["name"] for score in scores(run)] == ["<script>", "dci"]
    assert max(len(text) for s in scores(run) for text in s["settings"].values()) <= 200
    specs = read_json(run.path / "specs.json")
    write_json(run.path / "specs.json", specs | {"extra": "<script>"})
    (run.path / "train_losses.log").write_text("Epoch,Loss,Value\n0,</script>,nan\n0,loss,1e999\n")
    file = tmp_path / "page.html"
    export([run.path], file)
    assert file.read_text().count("</script>") == 3  # those of the page itself
