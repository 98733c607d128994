"""Downloads: several sources in turn, continued after a fault, verified before use."""

import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pooch
import requests
from tqdm.auto import tqdm

from disvae.data.raw.files import RawCopy, RawFile, verify
from disvae.errors import UserError
from disvae.storage.files import write_text

_TIMEOUT = 30  # seconds without a byte
_TRIES = 3  # of each source, unless it says that it has no such file
_PAUSE = 1.0  # seconds before the second try; twice as long before the third
_CHUNK = 2**16  # bytes; so many at most are lost when a connection breaks
_COMPLETE = 416  # HTTP: no bytes beyond those that are here already
_WRONG = "what came has the wrong hash"


def download(name: str, files: Sequence[RawFile], folder: Path) -> dict[str, RawCopy]:
    """Download the raw files of dataset `name` into `folder`; those already there are kept.

    Returns the verified files by name; `UserError` says what to fetch by hand if one cannot be had.
    """
    copies = {}
    for file in files:
        folder.mkdir(parents=True, exist_ok=True)
        faults: dict[str, str] = {}
        copy = download_file(file, folder, faults)
        if copy is None:
            _remove_empty(folder)
            missing = [other for other in files if not (folder / other.name).exists()]
            command = ["disvae", "data", "import", name, *(other.name for other in missing)]
            raise UserError(
                f"Could not download {file.name} ({told(faults)}); fetch by hand "
                f"{', '.join(f'{other.name} from {other.urls[0]}' for other in missing)} "
                f"and run: {shlex.join([*command, '--data-dir', str(folder.parent)])}"
            )
        copies[file.name] = copy
    return copies


def download_file(file: RawFile, folder: Path, faults: dict[str, str]) -> RawCopy | None:
    """Return `file` in `folder`, downloaded if need be and verified; None if it cannot be had.

    All sources are tried in turn; what went wrong with each goes to `faults`.
    """
    path = folder / file.name
    for url in file.urls:
        for number in range(_TRIES):
            time.sleep(_PAUSE * number)
            try:
                if not path.exists():
                    _fetch(url, path, file)
                return RawCopy(path, url, _checked(path, file))
            except requests.RequestException as error:
                faults[url] = _cause(error)
                status = error.response.status_code if error.response is not None else 0
                if 400 <= status < 500 and status not in (408, 429):  # too slow, too often
                    break
            except UserError:  # of a download that went on after a fault, or of another file
                path.unlink()
                if faults.get(url) == _WRONG:
                    break
                faults[url] = _WRONG
    return None


def told(faults: Mapping[str, str]) -> str:
    """Say what went wrong with each source."""
    return "; ".join(f"{url}: {fault}" for url, fault in faults.items())


def _remove_empty(folder: Path) -> None:
    for path in folder.iterdir():
        if not path.stat().st_size:
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _fetch(url: str, path: Path, file: RawFile) -> None:
    """Download `url` to `path`, going on where an earlier try broke off.

    Without a published hash nothing would show that two halves do not fit: then it starts anew.
    """
    part = path.with_name(f"{path.name}.part")
    with part.open("ab" if file.hash else "wb") as stream:
        here = stream.tell()

        def start_over(response: requests.Response, **_: object) -> None:
            if response.status_code == requests.codes.ok:  # all of it, whatever was asked for
                stream.truncate(0)

        headers = {"Accept-Encoding": "identity"}  # the bytes as published
        if here:
            headers["Range"] = f"bytes={here}-"
        # a total, as a bar without one is neither true nor false; pooch sets the real one
        bar = tqdm(total=1, desc=path.name, unit="B", unit_scale=True, disable=None)
        fetch = pooch.HTTPDownloader(
            progressbar=bar, chunk_size=_CHUNK, timeout=_TIMEOUT, headers=headers,
            hooks={"response": start_over},
        )  # fmt: skip
        try:
            fetch(url, stream, None)
        except requests.HTTPError as error:
            if error.response is None or error.response.status_code != _COMPLETE:
                raise
        finally:
            bar.close()
    part.replace(path)


def _checked(path: Path, file: RawFile) -> str:
    """Verify a download; one without a published hash must stay as it came first."""
    record = path.with_name(f"{path.name}.sha256")
    first = record.read_text("utf-8") if file.hash is None and record.exists() else None
    digest = verify(path, file, first)
    if file.hash is None and first is None:
        write_text(record, digest)
    return digest


def _cause(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"the server answered {error.response.status_code}"
    if isinstance(error, requests.exceptions.SSLError):
        return "no secure connection"
    if isinstance(error, requests.exceptions.ProxyError):
        return "no connection through the proxy"
    return "no answer in time" if isinstance(error, requests.Timeout) else "no connection"
