"""The page: its files as the server sends them, and all of them in one file."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([a-z]+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function |const |class )", re.MULTILINE)
_EXPORTED = re.compile(r"^export (?:async )?(?:function|const|class) ([\w$]+)", re.MULTILINE)


def static_files() -> dict[str, tuple[bytes, str]]:
    """Return every file of the page by name, with its type; there are no others to ask for."""
    folder = files("disvae.explore") / "static"
    return {
        file.name: (file.read_bytes(), _TYPES[f".{file.name.rpartition('.')[2]}"])
        for file in folder.iterdir()
        if file.is_file()
    }


def single_page(data: Mapping[str, Any], title: str) -> str:
    """Put the page and its data into one file that needs no server and no network.

    Modules cannot be imported from a file on disk, so they become functions of one script. Its
    hash and that of the style are all that the file's own policy lets run.
    """
    sources = {name: content.decode() for name, (content, _) in static_files().items()}
    script = bundled(sources, "main")
    worker = bundled(sources, "worker")
    style = sources["style.css"]
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "worker-src blob:; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    page = sources["index.html"]
    inserted = {
        "<!-- policy -->": f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        "<title>disvae</title>": f"<title>{_as_text(title)}</title>",
        '<link rel="icon" href="/static/icon.svg">': '<link rel="icon" href="data:,">',
        '<link rel="stylesheet" href="/static/style.css">': f"<style>{style}</style>",
        '<script type="module" src="/static/main.js"></script>': (
            f'<script type="application/json" id="worker">{_as_data(worker)}</script>\n'
            f'<script type="application/json" id="data">{_as_data(data)}</script>\n'
            f"<script>{script}</script>"
        ),
    }
    for mark, content in inserted.items():
        before, found, after = page.partition(mark)
        assert found, mark  # noqa: S101 - a fault of the page's source
        page = before + content + after
    return page


def bundled(sources: Mapping[str, str], name: str) -> str:
    """Write a module and all that it imports as one classic script.

    Each module becomes a function that returns what it exports. The modules of this package
    keep to one form of import (named, from a file beside) and of export (declarations).
    """
    done: dict[str, str] = {}

    def add(module: str) -> None:
        if module in done:
            return
        source = sources[f"{module}.js"]
        done[module] = ""  # its place; imports of it from below would be a circle
        for _, imported in _IMPORT.findall(source):
            add(imported)
        del done[module]
        body = _IMPORT.sub(lambda match: f"const {{{match[1]}}} = {match[2]}_;\n", source)
        exported = ", ".join(_EXPORTED.findall(source))
        done[module] = (
            f"const {module}_ = (() => {{\n{_EXPORT.sub('', body)}\nreturn {{{exported}}};\n}})();"
        )

    add(name)
    return "'use strict';\n" + "\n".join(done.values())


def _as_data(value: object) -> str:
    """Write JSON in which nothing can end the script that holds it."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _as_text(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
