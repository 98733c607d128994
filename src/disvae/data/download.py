"""Raw files of a dataset: downloaded or imported, and verified."""

import gzip
import hashlib
import logging
import zlib
from collections.abc import Iterable
from pathlib import Path

import pooch
import requests

from disvae.data.entry import Entry, RawFile
from disvae.errors import UserError

_TIMEOUT = 30  # seconds without a byte
_TRIES = 2  # of each address


def download(entry: Entry, folder: Path) -> dict[str, Path]:
    """Download the raw files of `entry` into `folder`; those already there are kept.

    Returns
    -------
    dict
        File name to path.

    Raises
    ------
    UserError
        If a file cannot be had from any address.
    """
    pooch.get_logger().setLevel(logging.WARNING)
    return {file.name: _download_file(entry.name, file, folder) for file in entry.files}


def _download_file(dataset: str, file: RawFile, folder: Path) -> Path:
    fetch = pooch.HTTPDownloader(progressbar=True, timeout=_TIMEOUT)
    fault = ""
    for url in (url for url in file.urls for _ in range(_TRIES)):
        try:
            path = pooch.retrieve(
                url, f"md5:{file.md5}", fname=file.name, path=folder, downloader=fetch
            )
        except (requests.RequestException, ValueError) as error:
            # pooch raises ValueError for a wrong hash
            fault = "what came had the wrong MD5" if type(error) is ValueError else _cause(error)
        else:
            return Path(path)
    raise UserError(
        f"Could not download {file.name} ({fault}); fetch it by hand from "
        f"{' or '.join(file.urls)} and run: disvae data import {dataset} FILE..."
    )


def _cause(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code}"
    return "no answer in time" if isinstance(error, requests.Timeout) else "no connection"


def recognise(entry: Entry, paths: Iterable[Path]) -> dict[str, Path]:
    """Match files fetched by hand to the raw files of `entry`, and verify them.

    Returns
    -------
    dict
        File name to path.

    Raises
    ------
    UserError
        If a file is unknown, missing, or not the published one.
    """
    known = {name: file for file in entry.files for name in (file.name, _unpacked(file.name))}
    found: dict[str, Path] = {}
    for path in paths:
        if path.name not in known:
            raise UserError(
                f"{path} is not a file of {entry.name}; expected "
                f"{', '.join(file.name for file in entry.files)} (or without .gz)."
            )
        file = known[path.name]
        _verify(path, file)
        found[file.name] = path
    missing = [file.name for file in entry.files if file.name not in found]
    if missing:
        raise UserError(f"To import {entry.name}, name these files too: {', '.join(missing)}.")
    return found


def _verify(path: Path, file: RawFile) -> None:
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "md5").hexdigest()
        if digest in (file.md5, file.md5_unpacked):
            return
        with gzip.open(path) as stream:  # compressed anew: the content may be the published one
            digest = hashlib.file_digest(stream, "md5").hexdigest()
    except (EOFError, zlib.error, gzip.BadGzipFile):
        digest = "unreadable"
    if digest != file.md5_unpacked:
        raise UserError(
            f"{path} is damaged or not the published {file.name} (MD5 {file.md5}); "
            f"fetch it again from {file.urls[0]}."
        )


def _unpacked(name: str) -> str:
    return name.removesuffix(".gz")
