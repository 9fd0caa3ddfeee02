"""Verification: what is wrong is found, located and named, with a way to mend it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from olist import __main__ as command
from olist import files, is_real
from olist import manifest as manifests
from olist.sample import write as sample
from olist.verify import verify
from tools import write_manifest as describe

CUSTOMERS = 2_500


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that stands for the real set."""
    folder = tmp_path_factory.mktemp("verify") / "original"
    sample.write_sample(folder, customers=CUSTOMERS)
    (folder / files.SYNTHETIC_MARKER).unlink()
    return folder


@pytest.fixture(scope="module")
def manifest(original: Path) -> dict[str, Any]:
    described = describe.describe_folder(original)
    # As with the real set: the bytes of the reviews are not those of the manifest.
    described["files"][files.ORDER_REVIEWS]["sha256"] = ["0" * 64]
    return described


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "copy"))


def problems(folder: Path, manifest: dict[str, Any]) -> list[str]:
    report = verify(folder, manifest=manifest)
    assert is_real(folder, manifest=manifest) == (
        not [p for p in report.problems if p.file in files.FILES]
    )
    return [str(problem) for problem in report.problems]


def edit(path: Path, change: Callable[[list[bytes]], None]) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    change(lines)
    path.write_bytes(b"".join(lines))


def test_the_original_passes_with_a_note_on_the_reviews(original: Path, manifest: dict[str, Any]):
    report = verify(original, manifest=manifest)
    assert report.is_real
    assert len(report.notes) == 1
    assert report.notes[0].startswith(files.ORDER_REVIEWS)
    assert "were not compared" in report.notes[0]
    assert is_real(original, manifest=manifest)


def test_known_bytes_of_the_reviews_say_which_version_it_is(original: Path):
    described = describe.describe_folder(original)
    (note,) = verify(original, manifest=described).notes
    assert "not byte for byte Kaggle's" in note


def test_missing_and_strange_files_are_all_named(copy: Path, manifest: dict[str, Any]):
    (copy / files.SELLERS).unlink()
    (copy / files.ORDERS).rename(copy / "olist_orders_dataset (1).csv")
    (copy / "README.md").write_text("other files may lie beside the nine")
    found = problems(copy, manifest)
    assert len(found) == 3
    assert found[0].startswith("olist_orders_dataset (1).csv: not one of the nine files")
    assert {line.split(":")[0] for line in found[1:]} == {files.SELLERS, files.ORDERS}
    assert all("make data" in line for line in found[1:])


def test_missing_folder(tmp_path: Path, manifest: dict[str, Any]):
    (found,) = verify(tmp_path / "nowhere", manifest=manifest).problems
    assert "no such folder" in str(found)
    assert not is_real(tmp_path / "nowhere", manifest=manifest)


def test_synthetic_folder_is_called_synthetic(copy: Path, manifest: dict[str, Any]):
    (copy / files.SYNTHETIC_MARKER).write_text("{}")
    (found,) = problems(copy, manifest)
    assert "synthetic sample" in found


def test_renamed_missing_and_extra_columns(copy: Path, manifest: dict[str, Any]):
    def rename(lines: list[bytes]) -> None:
        lines[0] = lines[0].replace(b"order_status", b"status")

    def shorten(lines: list[bytes]) -> None:
        lines[:] = [line.rsplit(b",", 1)[0] + b"\n" for line in lines]

    def widen(lines: list[bytes]) -> None:
        lines[:] = [line.rstrip(b"\n") + b",x\n" for line in lines]

    edit(copy / files.ORDERS, rename)
    edit(copy / files.SELLERS, shorten)
    edit(copy / files.CUSTOMERS, widen)
    found = problems(copy, manifest)
    assert any("order_status is called 'status'; rename it to order_status" in f for f in found)
    assert any(f"{files.SELLERS}: column seller_state is missing" in line for line in found)
    assert any(f"{files.CUSTOMERS}: column 'x' is not of the set" in line for line in found)


def test_columns_in_another_order(copy: Path, manifest: dict[str, Any]):
    def swap(lines: list[bytes]) -> None:
        lines[0] = b"order_id,payment_type,payment_sequential,payment_installments,payment_value\n"

    edit(copy / files.ORDER_PAYMENTS, swap)
    assert any("columns are in the order" in line for line in problems(copy, manifest))


def test_one_changed_value_is_located_by_file_column_and_rows(copy: Path, manifest: dict[str, Any]):
    def change(lines: list[bytes]) -> None:
        fields = lines[1_500].split(b",")
        fields[2] = b'"misplaced"'
        lines[1_500] = b",".join(fields)

    edit(copy / files.ORDERS, change)
    (found,) = problems(copy, manifest)
    assert found.startswith(
        f"{files.ORDERS}: rows 1,001-2,000 differ from the real set in column order_status"
    )


def test_neighbouring_blocks_are_joined_and_the_last_range_ends_with_the_file(
    copy: Path, manifest: dict[str, Any]
):
    rows = manifest["files"][files.ORDERS]["rows"]

    def change(lines: list[bytes]) -> None:
        for number in (1_001, 2_001):
            fields = lines[number].split(b",")
            fields[2] = b'"misplaced"'
            lines[number] = b",".join(fields)

    edit(copy / files.ORDERS, change)
    (found,) = problems(copy, manifest)
    assert f"rows 1,001-{rows:,} differ" in found


def test_values_of_the_wrong_shape_are_named_with_row_and_line(
    copy: Path, manifest: dict[str, Any]
):
    def change(lines: list[bytes]) -> None:
        fields = lines[7].split(b",")
        fields[2] = b"1037"
        lines[7] = b",".join(fields)

    edit(copy / files.CUSTOMERS, change)
    found = problems(copy, manifest)
    assert any(
        "row 7 (line 8), column customer_zip_code_prefix: '1037' is not five digits" in line
        for line in found
    )


def test_row_with_too_few_fields_is_named(copy: Path, manifest: dict[str, Any]):
    def change(lines: list[bytes]) -> None:
        lines[1_234] = lines[1_234].rsplit(b",", 1)[0] + b"\n"

    edit(copy / files.ORDER_ITEMS, change)
    found = problems(copy, manifest)
    assert any("row 1,234 (line 1,235) has 6 fields instead of 7" in line for line in found)


def test_missing_rows_are_counted_and_the_first_difference_located(
    copy: Path, manifest: dict[str, Any]
):
    edit(copy / files.ORDERS, lambda lines: lines.__delitem__(slice(1_200, 1_203)))
    rows = manifest["files"][files.ORDERS]["rows"]
    found = problems(copy, manifest)
    assert f"{rows - 3:,} rows instead of {rows:,} (3 missing)" in found[0]
    assert "the first difference is in rows 1,001-2,000" in found[1]
    assert len(found) == 2


def test_file_cut_off_at_the_end(copy: Path, manifest: dict[str, Any]):
    path = copy / files.GEOLOCATION
    path.write_bytes(path.read_bytes()[:-200])
    assert any("missing)" in line for line in problems(copy, manifest))


@pytest.mark.parametrize("name", [files.ORDERS, files.ORDER_REVIEWS])
def test_empty_file(copy: Path, manifest: dict[str, Any], name: str):
    (copy / name).write_bytes(b"")
    (found,) = problems(copy, manifest)
    assert found.startswith(f"{name}: the file is empty")


def test_other_line_ends_are_one_problem_not_thousands(copy: Path, manifest: dict[str, Any]):
    path = copy / files.SELLERS
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (found,) = problems(copy, manifest)
    assert "line ends are not LF" in found


def test_header_with_other_quotes(copy: Path, manifest: dict[str, Any]):
    edit(copy / files.SELLERS, lambda lines: lines.__setitem__(0, lines[0].replace(b'"', b"")))
    (found,) = problems(copy, manifest)
    assert "the header has other bytes" in found


def test_many_wrong_rows_are_shortened(copy: Path, manifest: dict[str, Any]):
    def spoil(lines: list[bytes]) -> None:
        lines[1:] = [line.rstrip(b"\n") + b",x\n" for line in lines[1:]]

    edit(copy / files.PRODUCTS, spoil)
    found = problems(copy, manifest)
    assert len(found) < 12
    assert any("more of this kind" in line for line in found)


def test_reviews_in_crlf_with_other_texts_still_pass(copy: Path, manifest: dict[str, Any]):
    path = copy / files.ORDER_REVIEWS
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n").replace(b"Bom produto", b"Bom"))
    assert problems(copy, manifest) == []


def test_reviews_in_another_order_still_pass(copy: Path, manifest: dict[str, Any]):
    lines = (copy / files.ORDER_REVIEWS).read_bytes().splitlines(keepends=True)
    whole = [n for n, line in enumerate(lines[:200]) if n and line.count(b'"') == 4]
    first, second = whole[:2]
    lines[first], lines[second] = lines[second], lines[first]
    (copy / files.ORDER_REVIEWS).write_bytes(b"".join(lines))
    assert problems(copy, manifest) == []


def test_a_changed_score_is_located(copy: Path, manifest: dict[str, Any]):
    path = copy / files.ORDER_REVIEWS
    path.write_bytes(path.read_bytes().replace(b'",5,', b'",4,', 1))
    (found,) = problems(copy, manifest)
    assert "rows 1-1,000 differ from the real set in column review_score" in found


def test_lost_reviews_are_counted(copy: Path, manifest: dict[str, Any]):
    path = copy / files.ORDER_REVIEWS
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b'\n"')] + b"\n")
    (found,) = problems(copy, manifest)
    assert "(1 missing)" in found


def test_manifest_survives_being_written(manifest: dict[str, Any], tmp_path: Path):
    describe.write(manifest, tmp_path / "manifest.json")
    assert manifests.json.loads((tmp_path / "manifest.json").read_text()) == manifest


def test_manifest_of_the_real_set_has_the_published_counts():
    entries = manifests.load()["files"]
    assert {name: tuple(entry["columns"]) for name, entry in entries.items()} == dict(files.FILES)
    assert [entry["rows"] for entry in entries.values()] == [
        99_441, 1_000_163, 112_650, 103_886, 99_224, 99_441, 32_951, 3_095, 71
    ]  # fmt: skip


def test_command_prints_every_problem_and_fails(
    copy: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    manifest: dict[str, Any],
):
    monkeypatch.setattr(manifests, "load", lambda: manifest)
    assert command.main(["verify", str(copy)]) == 0
    assert "the real set, verified" in capsys.readouterr().out
    (copy / files.SELLERS).unlink()
    (copy / files.PRODUCTS).write_bytes(b"")
    assert command.main(["verify", str(copy)]) == 1
    printed = capsys.readouterr().out
    assert files.SELLERS in printed
    assert files.PRODUCTS in printed
    assert "2 problems" in printed


@pytest.mark.real
def test_the_real_set_is_real():
    folder = os.environ.get("OLIST_RAW_DIR", "")
    if not folder or not (Path(folder) / files.ORDERS).exists():
        pytest.skip("OLIST_RAW_DIR is not a folder with the Olist data")
    if (Path(folder) / files.SYNTHETIC_MARKER).exists():
        pytest.skip("OLIST_RAW_DIR is a synthetic sample")
    assert verify(Path(folder)).problems == []
    assert is_real(folder)
