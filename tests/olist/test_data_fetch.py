"""Fetching: from a folder, a zip file or Kaggle, verified, whole or not at all."""

from __future__ import annotations

import shutil
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import pytest

from olist import __main__ as command
from olist import files, is_real
from olist import manifest as manifests
from olist.fetch import fetch
from olist.folders import DataError
from olist.sample import write as sample
from olist.verify import sha256_of
from tools import write_manifest as describe


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that stands for the real set."""
    folder = tmp_path_factory.mktemp("fetch") / "source"
    sample.write_sample(folder, customers=60)
    (folder / files.SYNTHETIC_MARKER).unlink()
    return folder


@pytest.fixture(autouse=True)
def manifest(source: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    described = describe.describe_folder(source)
    monkeypatch.setattr(manifests, "load", lambda: described)
    return described


def zip_of(source: Path, target: Path, *, inside: str = "") -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in files.FILES:
            archive.write(source / name, inside + name)
    return target


def assert_same(source: Path, target: Path) -> None:
    assert {path.name for path in target.iterdir()} == set(files.FILES)
    for name in files.FILES:
        assert sha256_of(source / name) == sha256_of(target / name)


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_from_folder_at_any_depth(source: Path, tmp_path: Path):
    shutil.copytree(source, tmp_path / "deep" / "er" / "olist")
    report = fetch(tmp_path / "data" / "olist", source=tmp_path / "deep")
    assert report is not None
    assert report.is_real
    assert_same(source, tmp_path / "data" / "olist")
    assert not leftovers(tmp_path / "data")


def test_from_zip(source: Path, tmp_path: Path):
    archive = zip_of(source, tmp_path / "archive.zip", inside="some/folder/")
    fetch(tmp_path / "olist", source=archive)
    assert_same(source, tmp_path / "olist")
    assert is_real(tmp_path / "olist")


def test_zip_members_cannot_choose_their_place(source: Path, tmp_path: Path):
    archive = tmp_path / "inner" / "archive.zip"
    archive.parent.mkdir()
    zip_of(source, archive, inside="../../escaped/")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("../evil.csv", "x")
        file.writestr("/absolute/evil.txt", "x")
    fetch(tmp_path / "inner" / "olist", source=archive)
    assert_same(source, tmp_path / "inner" / "olist")
    assert not list(tmp_path.rglob("evil*"))
    assert not (tmp_path / "escaped").exists()


def test_second_fetch_returns_at_once(source: Path, tmp_path: Path):
    fetch(tmp_path / "olist", source=source)
    assert fetch(tmp_path / "olist", source=tmp_path / "not needed") is None


def test_target_may_be_the_source(source: Path, tmp_path: Path):
    shutil.copytree(source, tmp_path / "olist")
    assert fetch(tmp_path / "olist", source=tmp_path / "olist") is None


def test_wrong_data_leaves_the_target_as_it_was(source: Path, tmp_path: Path):
    shutil.copytree(source, tmp_path / "bad")
    path = tmp_path / "bad" / files.ORDERS
    path.write_bytes(path.read_bytes().replace(b'"delivered"', b'"devoured"', 1))
    sample.write_sample(tmp_path / "olist", customers=5)
    with pytest.raises(DataError, match=r"(?s)stays as it was.*column order_status"):
        fetch(tmp_path / "olist", source=tmp_path / "bad")
    assert (tmp_path / "olist" / files.SYNTHETIC_MARKER).exists()
    with pytest.raises(DataError):
        fetch(tmp_path / "new", source=tmp_path / "bad")
    assert not (tmp_path / "new").exists()
    assert not leftovers(tmp_path)


def test_synthetic_sample_in_the_target_is_replaced(source: Path, tmp_path: Path):
    sample.write_sample(tmp_path / "olist", customers=5)
    fetch(tmp_path / "olist", source=source)
    assert_same(source, tmp_path / "olist")


def test_target_with_other_files_is_refused(source: Path, tmp_path: Path):
    (tmp_path / "olist").mkdir()
    (tmp_path / "olist" / "thesis.docx").write_text("mine")
    with pytest.raises(DataError, match=r"thesis\.docx"):
        fetch(tmp_path / "olist", source=source)
    assert (tmp_path / "olist" / "thesis.docx").read_text() == "mine"


def test_source_that_lacks_files_says_which(source: Path, tmp_path: Path):
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(source / files.ORDERS, files.ORDERS)
    with pytest.raises(DataError, match=f"lacks.*{files.SELLERS}"):
        fetch(tmp_path / "olist", source=archive)


def test_source_with_two_candidates_is_refused(source: Path, tmp_path: Path):
    for name in ("a", "b"):
        shutil.copytree(source, tmp_path / "both" / name)
    with pytest.raises(DataError, match="more than once"):
        fetch(tmp_path / "olist", source=tmp_path / "both")


def test_damaged_zip_and_missing_source(source: Path, tmp_path: Path):
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK not really")
    with pytest.raises(DataError, match=r"broken\.zip cannot be unpacked"):
        fetch(tmp_path / "olist", source=broken)
    archive = zip_of(source, tmp_path / "archive.zip")
    content = bytearray(archive.read_bytes())
    content[300:340] = bytes(40)
    archive.write_bytes(bytes(content))
    with pytest.raises(DataError, match="cannot be unpacked"):
        fetch(tmp_path / "olist", source=archive)
    with pytest.raises(DataError, match="no such folder or zip file"):
        fetch(tmp_path / "olist", source=tmp_path / "nowhere")
    assert not (tmp_path / "olist").exists()


def pretend_kagglehub(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[str]:
    asked: list[str] = []

    def dataset_download(name: str) -> str:
        asked.append(name)
        print("downloading", file=sys.stderr)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    module = types.SimpleNamespace(dataset_download=dataset_download)
    monkeypatch.setitem(sys.modules, "kagglehub", module)
    return asked


def test_from_kaggle_quietly(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    asked = pretend_kagglehub(monkeypatch, source)
    assert command.main(["fetch", "--to", str(tmp_path / "olist")]) == 0
    assert asked == ["olistbr/brazilian-ecommerce"]
    assert_same(source, tmp_path / "olist")
    assert capsys.readouterr().err == ""


def test_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    pretend_kagglehub(monkeypatch, ConnectionError("Name or service not known\nmore"))
    assert command.main(["fetch", "--to", str(tmp_path / "olist")]) == 1
    message = capsys.readouterr().err
    assert "ConnectionError: Name or service not known" in message
    assert "make data FROM=" in message
    assert not list(tmp_path.iterdir())


def test_kagglehub_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    assert command.main(["fetch", "--to", str(tmp_path / "olist")]) == 1
    message = capsys.readouterr().err
    assert "pip install -r requirements-fetch.txt" in message
    assert not list(tmp_path.iterdir())


def test_command_with_from(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["fetch", "--to", str(tmp_path / "olist"), "--from", str(source)]
    assert command.main(arguments) == 0
    assert "verified" in capsys.readouterr().out
    assert command.main(arguments) == 0
    assert "already there" in capsys.readouterr().out


def test_a_folder_with_blanks_and_accents_below_home(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("HOME", str(tmp_path))
    source.rename(tmp_path / "Mes données à moi")
    arguments = ["fetch", "--to", str(tmp_path / "olist"), "--from", "~/Mes données à moi"]
    assert command.main(arguments) == 0
    assert "verified" in capsys.readouterr().out
