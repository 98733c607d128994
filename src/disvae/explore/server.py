"""The server of the page: runs by number, read only, for one user on this machine."""

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from disvae.errors import UserError
from disvae.explore.guard import Guard
from disvae.explore.opening import Asked, RunChangedError
from disvae.explore.page import static_files
from disvae.explore.table import table

if TYPE_CHECKING:
    from disvae.explore.bundle import Bundle

logger = logging.getLogger("disvae")

_MOST_OPEN = 16  # runs kept in memory
_MOST_IMAGES = 100  # a request
_MOST_CODES = 128  # a request
_OPENED_ONCE = threading.Lock()

Endpoint = Callable[[Request], dict[str, Any] | bytes]


class Bundles:
    """The runs that were asked for, opened when the page first shows them."""

    def __init__(self, asked: Asked, data_dir: Path | None):
        self.asked = asked
        self._data_dir = data_dir
        self._open: OrderedDict[int, Bundle] = OrderedDict()

    def get(self, number: int, anew: bool = False) -> "Bundle":
        """Return run `number`; `anew`: as it is on disk now.

        None there is a `UserError`; one removed or trained anew since is a `RunChangedError`.
        """
        if not 0 <= number < len(self.asked.runs):
            raise UserError("There is no such run on this page.")
        with _OPENED_ONCE:
            bundle = self._open.get(number)
            if bundle is not None and anew and bundle.is_outdated:
                bundle = None
            if bundle is None:
                from disvae.explore.bundle import Bundle  # with PyTorch, which no table needs

                bundle = Bundle(self.asked.runs[number], self._data_dir)
                self._open[number] = bundle
            self._open.move_to_end(number)
            while len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
        bundle.require_unchanged()
        return bundle


def make_app(bundles: Bundles, host: str, token: str, framed: bool) -> Guard:
    """Make the application that answers `host` (see `Guard`)."""
    static = static_files()

    async def page(_: Request) -> Response:
        content, kind = static["index.html"]
        return Response(content, media_type=kind)

    async def file(request: Request) -> Response:
        found = static.get(request.path_params["name"])  # a name among ours, never a path
        if found is None:
            return _answer({"error": "There is no such page."}, 404)
        return Response(found[0], media_type=found[1])

    async def nothing(_: Request, __: Exception) -> Response:
        return _answer({"error": "There is no such page."}, 404)

    def run(request: Request, anew: bool = False) -> "Bundle":
        return bundles.get(_whole("run", request.path_params["run"]), anew)

    def session(_: Request) -> dict[str, Any]:
        return {
            "runs": [run.name for run in bundles.asked.runs],
            "table": bundles.asked.as_table,
        }

    def facts(request: Request) -> dict[str, Any]:
        bundle = run(request, anew=True)
        return {**bundle.facts(), **bundle.weights()[0]}

    def images(request: Request) -> dict[str, Any]:
        bundle = run(request)
        count = 0 if bundle.dataset is None else len(bundle.dataset)
        start, many = _number(request, "start"), _number(request, "count")
        chosen = range(start, min(start + min(many, _MOST_IMAGES), count))
        return {"images": bundle.images(chosen) if chosen else []}

    def find(request: Request) -> dict[str, Any]:
        try:
            wanted = [int(part) for part in request.query_params.get("factors", "").split(",")]
        except ValueError:
            raise UserError("Factors are whole numbers.") from None
        return {"index": run(request).find(wanted, _number(request, "first"))}

    async def decode(request: Request) -> Response:
        def work(body: bytes) -> bytes:
            bundle = run(request)
            codes = np.frombuffer(body, "<f4").reshape(-1, bundle.model.latent_dim)
            return bundle.decode(codes).tobytes()

        return await _posted(request, work, lambda b: 4 * b.model.latent_dim * _MOST_CODES)

    async def encode(request: Request) -> Response:
        def work(body: bytes) -> bytes:
            bundle = run(request)
            pixels = np.frombuffer(body, np.uint8).reshape(1, *bundle.run.image_shape)
            return bundle.encode(pixels).astype("<f4").tobytes()

        return await _posted(request, work, lambda b: int(np.prod(b.run.image_shape)))

    async def _posted(
        request: Request, work: Callable[[bytes], bytes], most: "Callable[[Bundle], int]"
    ) -> Response:
        def limit(_: Request) -> dict[str, Any]:
            return {"bytes": most(run(request))}

        checked = await run_in_threadpool(_try, limit, request)
        if checked.status_code != 200:
            return checked
        allowed = json.loads(bytes(checked.body))["bytes"]
        body = await _body(request, allowed)
        if body is None:
            return _answer({"error": f"At most {allowed:,} bytes can be sent."}, 413)

        def answer(_: Request) -> bytes:
            try:
                return work(body)
            except ValueError as error:
                raise (
                    error
                    if isinstance(error, UserError)
                    else UserError("What was sent is no code or image of this run.")
                ) from None

        return await run_in_threadpool(_try, answer, request)

    answers: dict[str, Endpoint] = {
        "/api/session": session,
        "/api/table": lambda _: table(bundles.asked.runs),
        "/api/runs/{run}": facts,
        "/api/runs/{run}/state": lambda request: {"name": run(request).run.name},
        "/api/runs/{run}/weights": lambda request: run(request).weights()[1],
        "/api/runs/{run}/images": images,
        "/api/runs/{run}/find": find,
        "/api/runs/{run}/histograms": lambda request: {"found": run(request).histograms},
    }
    app = Starlette(
        routes=[
            Route("/", page),
            Route("/static/{name}", file),
            *(Route(path, _endpoint(answer)) for path, answer in answers.items()),
            Route("/api/runs/{run}/decode", decode, methods=["POST"]),
            Route("/api/runs/{run}/encode", encode, methods=["POST"]),
        ],
        exception_handlers={404: nothing},
    )
    app.router.redirect_slashes = False
    return Guard(app, host, token, framed)


def _endpoint(answer: Endpoint) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        return _try(answer, request)

    return endpoint


def _try(answer: Endpoint, request: Request) -> Response:
    """Answer with what was asked for, or with one sentence; never with a traceback."""
    try:
        return _answer(answer(request))
    except RunChangedError as error:
        return _answer({"error": str(error)}, 409)
    except UserError as error:
        return _answer({"error": str(error)}, 400)
    except Exception as error:
        logger.error("disvae explore: %s failed (%s).", request.url.path, repr(error)[:300])
        return _answer({"error": "The server could not answer; its terminal says why."}, 500)


def _answer(content: dict[str, Any] | bytes, status: int = 200) -> Response:
    if isinstance(content, bytes):
        return Response(content, status, media_type="application/octet-stream")
    body = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return Response(body, status, media_type="application/json")


async def _body(request: Request, most: int) -> bytes | None:
    """Read what was sent, or None as soon as it is too much."""
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > most:
        return None
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            return None
        parts.append(part)
    return b"".join(parts)


def _number(request: Request, name: str) -> int:
    return _whole(name, request.query_params.get(name, "0"))


def _whole(name: str, value: str) -> int:
    if not value.isascii() or not value.isdecimal() or len(value) > 10:
        raise UserError(f"{name} should be a whole number.")
    return int(value)
