"""A server on this machine that also misbehaves, as the first part of the path says."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PASSING = ("fails-once", "cut-once", "cut-twice", "wrong-once", "hang-once", "no-range")
LASTING = {
    "missing": "the server answered 404",
    "fails": "the server answered 500",
    "cut": "no connection",
    "wrong": "what came has the wrong hash",
    "hang": "no answer in time",
}


class Server:
    """Serves `files` by name, as ``/good/NAME`` or ``/FAULT/NAME``; `seen` lists the requests."""

    def __init__(self, files: dict[str, bytes]):
        self.files = files
        self.seen: list[str] = []
        self.ranges: list[str | None] = []
        self.half_sent = threading.Event()
        self.closing = threading.Event()
        self.url = ""

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.removeprefix("http://nowhere.invalid")  # as a proxy is asked
        self.seen.append(path)
        self.ranges.append(request.headers.get("Range"))
        _, fault, name = path.split("/")
        kind, _, times = fault.rpartition("-")
        if times in ("once", "twice"):
            fault = kind if self.seen.count(path) <= ("once", "twice").index(times) + 1 else "good"
        if fault == "missing" or name not in self.files:
            request.send_error(404)
        elif fault == "fails":
            request.send_error(500)
        elif fault == "hang":
            self.closing.wait(20)
        else:
            self._send(request, fault, self.files[name])

    def _send(self, request: BaseHTTPRequestHandler, fault: str, content: bytes) -> None:
        start = 0
        if "Range" in request.headers and fault != "no-range":
            start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                request.send_error(416)
                return
        body = (b"x" * len(content) if fault == "wrong" else content)[start:]
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if fault in ("cut", "stall") or (fault == "no-range" and self.seen.count(request.path) < 2):
            request.wfile.write(body[: len(body) // 2])
            request.wfile.flush()
            self.half_sent.set()
            if fault == "stall":
                self.closing.wait(60)
        else:
            request.wfile.write(body)


@contextlib.contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Server]:
    server = Server(files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            # a client that went away (killed, or tired of waiting) is no fault
            with contextlib.suppress(ConnectionError):
                server.handle(self)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        server.url = f"http://127.0.0.1:{running.server_port}"
        try:
            yield server
        finally:
            server.closing.set()
            running.shutdown()
            thread.join()
