"""Who may ask the server, and what every answer carries.

Any page in the same browser can send requests to 127.0.0.1, and a name of its own can point
there. So a request must name this very server as its host, come from its own page, and, for
anything about runs, carry the token that only the printed address holds.
"""

import hmac
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_HEADER = "disvae-token"  # noqa: S105
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "worker-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors {}"
)


class Guard:
    """Middleware that answers strangers with a sentence and lets no one else's page in.

    `host` is the one that is answered, as ``127.0.0.1:8000``; requests below ``/api/`` carry the
    `token`; if `framed`, pages on this machine, such as a notebook's, may show it in a frame.
    """

    def __init__(self, app: ASGIApp, host: str, token: str, framed: bool):
        self._app = app
        self._host = host
        self._token = token.encode()
        ancestors = "http://127.0.0.1:* http://localhost:*" if framed else "'none'"
        self._added: Mapping[str, str] = {
            "Content-Security-Policy": _PAGE_POLICY.format(ancestors),
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""

        async def guarded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._added.items():
                    headers[name] = value
            await send(message)

        refusal = self._refusal(Headers(scope=scope), scope["path"])
        if refusal is None:
            await self._app(scope, receive, guarded_send)
        else:
            status, sentence = refusal
            answer = JSONResponse({"error": sentence}, status, {"Connection": "close"})
            await answer(scope, receive, guarded_send)

    def _refusal(self, headers: Headers, path: str) -> tuple[int, str] | None:
        if headers.getlist("host") != [self._host]:
            return 421, "This server answers under its own address only."
        site = headers.get("sec-fetch-site", "none")
        is_visit = path == "/" and headers.get("sec-fetch-mode") == "navigate"
        if site not in ("same-origin", "none") and not is_visit:
            return 403, "Requests from other pages are refused."
        if headers.get("origin", f"http://{self._host}") != f"http://{self._host}":
            return 403, "Requests from other pages are refused."
        if path.startswith("/api/"):
            given = headers.get(TOKEN_HEADER, "").encode()
            if not hmac.compare_digest(given, self._token):
                return 401, "Open the address that disvae explore printed; it holds the key."
        return None
