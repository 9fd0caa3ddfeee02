"""Bring the real set into a folder: from Kaggle, from a folder or from a zip file."""

from __future__ import annotations

import contextlib
import importlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

from tqdm import tqdm

from olist import files
from olist.folders import DataError, replaced_folder
from olist.verify import Report, is_real, verify

DATA_SET = "olistbr/brazilian-ecommerce"
CHUNK = 1 << 20
BY_HAND = (
    f"Without a network: download the zip of Kaggle's {DATA_SET} elsewhere, then "
    "make data FROM=path/to/archive.zip"
)


def download(*, progress: bool) -> Path:
    """Download the data set with kagglehub, without an account.

    Parameters
    ----------
    progress : bool
        Let kagglehub show its progress bar.

    Returns
    -------
    Path
        Folder in the cache of kagglehub.

    Raises
    ------
    DataError
        If kagglehub is not installed or the download fails.
    """
    try:
        kagglehub = importlib.import_module("kagglehub")
    except ImportError as error:
        msg = (
            "kagglehub is not installed: make data installs it, by hand it is "
            "pip install -r requirements-fetch.txt. " + BY_HAND
        )
        raise DataError(msg) from error
    quiet = contextlib.nullcontext() if progress else contextlib.redirect_stderr(io.StringIO())
    try:
        with quiet:
            return Path(kagglehub.dataset_download(DATA_SET))
    # kagglehub raises its own and its HTTP library's errors, which share no base but this one.
    except Exception as error:
        first_line = (str(error).strip().splitlines() or [""])[0]
        reason = f"{type(error).__name__}: {first_line}"
        msg = f"could not download {DATA_SET} from Kaggle ({reason}). {BY_HAND}"
        raise DataError(msg) from error


def copy_stream(source: IO[bytes], target: Path, bar: tqdm) -> None:
    """Copy a stream into a file and move the progress bar on."""
    with target.open("wb") as file:
        while chunk := source.read(CHUNK):
            file.write(chunk)
            bar.update(len(chunk))


def nearest(paths: list[Any], place: str) -> dict[str, Any]:
    """Choose for each of the nine names the path with the fewest folders above it.

    Parameters
    ----------
    paths : list of path
        Paths whose last part is one of the nine names.
    place : str
        Where they were found, for the message.

    Returns
    -------
    dict of str to path
        One path per name.

    Raises
    ------
    DataError
        If a name is missing, or two files claim it equally.
    """
    chosen: dict[str, Any] = {}
    for name in files.FILES:
        candidates = sorted(
            (path for path in paths if path.name == name), key=lambda path: len(path.parts)
        )
        if len(candidates) > 1 and len(candidates[0].parts) == len(candidates[1].parts):
            msg = (
                f"{place} has {name} more than once ({candidates[0]}, {candidates[1]}); "
                "name the folder that is meant with --from"
            )
            raise DataError(msg)
        if candidates:
            chosen[name] = candidates[0]
    missing = [name for name in files.FILES if name not in chosen]
    if missing:
        msg = f"{place} lacks {', '.join(missing)}; {len(files.FILES)} files are needed"
        raise DataError(msg)
    return chosen


def copy_folder(source: Path, target: Path, *, progress: bool) -> None:
    """Copy the nine files out of a folder, wherever they lie in it."""
    found = nearest(
        [path for path in source.rglob("*.csv") if path.name in files.FILES and path.is_file()],
        str(source),
    )
    total = sum(path.stat().st_size for path in found.values())
    with tqdm(total=total, desc="copy", unit="B", unit_scale=True, disable=not progress) as bar:
        for name, path in found.items():
            with path.open("rb") as stream:
                copy_stream(stream, target / name, bar)


def unpack(source: Path, target: Path, *, progress: bool) -> None:
    """Take the nine files out of a zip file.

    Only the last part of a member's name counts, and only if it is one of the nine: no member can
    choose where it is written.

    Parameters
    ----------
    source : Path
        Zip file.
    target : Path
        Existing folder.
    progress : bool
        Show a progress bar.

    Raises
    ------
    DataError
        If the file is no zip file, is damaged or encrypted, or lacks a name.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            members = {
                PurePosixPath(member.filename): member
                for member in archive.infolist()
                if not member.is_dir() and PurePosixPath(member.filename).name in files.FILES
            }
            found = nearest(list(members), str(source))
            total = sum(members[path].file_size for path in found.values())
            with tqdm(
                total=total, desc="unpack", unit="B", unit_scale=True, disable=not progress
            ) as bar:
                for name, path in found.items():
                    with archive.open(members[path]) as stream:
                        copy_stream(stream, target / name, bar)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
        msg = f"{source} cannot be unpacked ({error}); download the zip file again"
        raise DataError(msg) from error


def bring(source: Path, target: Path, *, progress: bool) -> None:
    """Copy or unpack the nine files from a folder or zip file."""
    if source.is_dir():
        copy_folder(source, target, progress=progress)
    elif source.is_file():
        unpack(source, target, progress=progress)
    else:
        msg = f"--from {source}: no such folder or zip file"
        raise DataError(msg)


def fetch(
    target: Path,
    *,
    source: Path | None = None,
    manifest: Mapping[str, Any] | None = None,
    progress: bool = False,
) -> Report | None:
    """Bring the real set into a folder, verified, whole or not at all.

    Parameters
    ----------
    target : Path
        Folder for the nine files.
    source : Path, optional
        Folder or zip file to take them from; Kaggle if not given.
    manifest : mapping, optional
        Other manifest than that of the real set.
    progress : bool
        Show progress bars.

    Returns
    -------
    Report or None
        The verification, or None if the real set was already there.

    Raises
    ------
    DataError
        If the files cannot be had or are not those of the manifest; the target is as before.
    """
    if is_real(target, manifest=manifest):
        return None
    with replaced_folder(target) as work:
        if source is None:
            source = download(progress=progress)
        bring(source, work, progress=progress)
        report = verify(work, manifest=manifest, progress=progress)
        if not report.is_real:
            found = "\n".join(f"  {problem}" for problem in report.problems)
            msg = f"{source} is not the real set, {target} stays as it was:\n{found}"
            raise DataError(msg)
    report.folder = target
    return report
