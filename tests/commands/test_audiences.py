"""Files of who is in a segment: complete, in a stable shape, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import os
import shutil
import stat
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from conftest import query
from customer_segmentation.__main__ import main
from customer_segmentation.commands import audience as audiences
from customer_segmentation.commands.audience import COLUMNS, Segment, find_segment, safe_cell
from customer_segmentation.publishing import CommandError

SEGMENTS = [
    Segment("big", "Big spenders", "Gros acheteurs"),
    Segment("repeat", "Repeat buyers", "Acheteurs fidèles"),
]


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+33 6 00",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\u00a0=1",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        '=HYPERLINK("x";"y")',
    ],
)
def test_a_cell_that_is_a_formula_becomes_a_text(cell: str) -> None:
    assert safe_cell(cell) == "'" + cell


@pytest.mark.parametrize(
    "unseen",
    [
        *"\u200b\u200c\u200d\u200e\u200f\ufeff\u2060\u2061\u00ad\u034f\u061c\u180e\u2065\ufff9",
        *"\u00a0\u1680\u2000\u2007\u2009\u200a\u202f\u205f\u3000\u2028\u2029",
        *"\t\r\n\v\f\0\x1f\x7f\x85 ",
        *"\u202a\u202e\u2066\u2069\ufe0f\U000e0001\U000e0020\U000e0100\u115f\u1160\u3164\uffa0\u2800",
        " \u200b\ufeff\t ",
    ],
)
def test_what_is_not_seen_does_not_hide_a_formula(unseen: str) -> None:
    for start in "=+-@＝＋－＠﹦﹢﹣﹫\N{MINUS SIGN}":
        assert safe_cell(f"{unseen}{start}1+1") == f"'{unseen}{start}1+1"
    # Before a text it is no harm; a tab or a break there moves a cell, so it is quoted as well.
    moves = unseen in ("\t", "\r", "\n")
    assert safe_cell(f"{unseen}text =1") == ("'" if moves else "") + f"{unseen}text =1"


@pytest.mark.parametrize(
    "cell",
    [
        None,
        "",
        "text",
        "a=b",
        "2018-01-01",
        " text",
        "'=1",
        "é",
        "\u200b",
        "\u00a0 ",
        "—5",
        "x\u200b=1",
    ],
)
def test_another_cell_stays_as_it_is(cell: str | None) -> None:
    assert safe_cell(cell) == cell


@pytest.mark.parametrize(
    ("asked", "code", "language"),
    [
        ("big", "big", "en"),
        ("Big spenders", "big", "en"),
        ("  BIG   spenders ", "big", "en"),
        ("Gros acheteurs", "big", "fr"),
        ("acheteurs fideles", "repeat", "fr"),
    ],
)
def test_a_segment_is_found_by_code_and_names(asked: str, code: str, language: str) -> None:
    segment, found_language = find_segment(asked, SEGMENTS)
    assert (segment.code, found_language) == (code, language)
    assert find_segment(asked, SEGMENTS, language="fr")[1] == "fr"


def test_an_unknown_segment_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CommandError, match=r"(?s)no segment 'VIP'.*big .*Gros acheteurs.*repeat"):
        find_segment("VIP", SEGMENTS)


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.build
def test_every_member_is_in_both_files(sample_database: Path, tmp_path: Path, capsys) -> None:
    command = ["--all", "--database", str(sample_database), "--to", str(tmp_path)]
    assert main(["audience", *command]) == 0
    written = capsys.readouterr().out
    expected = dict(
        query(
            sample_database,
            "select segment_code, count(*) from bi.audience_members"
            " where as_of_date = (select max(as_of_date) from segmentation.segment_profiles) group by 1",
        )
    )
    latest = query(sample_database, "select max(as_of_date) from segmentation.segment_profiles")[0][
        0
    ]
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{code}_{latest}_SYNTHETIC.{kind}" for code in expected for kind in ("csv", "parquet")
    }
    for code, customers in expected.items():
        rows = read_csv(tmp_path / f"{code}_{latest}_SYNTHETIC.csv")
        table = pq.read_table(tmp_path / f"{code}_{latest}_SYNTHETIC.parquet")
        assert len(rows) == table.num_rows == customers
        assert tuple(rows[0]) == tuple(table.column_names) == COLUMNS
        assert [row["customer_unique_id"] for row in rows] == table[
            "customer_unique_id"
        ].to_pylist()
        assert {row["segment_code"] for row in rows} == {code}
        assert {row["data"] for row in rows} == {"SYNTHETIC"}
        assert {row["as_of_date"] for row in rows} == {latest.isoformat()}
        confidences = [float(row["confidence"]) for row in rows]
        assert confidences == sorted(confidences, reverse=True)
        assert all(row["reason"].startswith("Last order ") for row in rows)
        # Whoever is asked how the order was has ordered lately.
        asked = [row for row in rows if row["message"].startswith("How was your order?")]
        assert all(int(row["reason"].split()[2]) < 60 for row in asked)
        assert {row["group"] for row in rows} == {"treated", "control"}
        assert len({row["rule"] for row in rows}) == 1
        assert f"{customers:,} customers" in written


@pytest.mark.build
def test_the_files_are_the_same_every_time(sample_database: Path, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        command = ["--segment", "gros acheteurs", "--as-of", "2018-05-01"]
        command += ["--database", str(sample_database), "--to", str(tmp_path / folder)]
        assert main(["audience", *command]) == 0
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == [f"big_2018-05-01_fr_SYNTHETIC.{kind}" for kind in ("csv", "parquet")]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    row = read_csv(tmp_path / "one" / names[0])[0]
    assert row["segment"] == "Gros acheteurs"
    assert row["reason"].startswith("Dernière commande il y a ")


@pytest.mark.build
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_only_the_owner_can_read_who_is_in_a_segment(
    sample_database: Path, tmp_path: Path, monkeypatch, umask: int
) -> None:
    seen = []
    safe_rows = audiences.safe_rows

    def look_and_go_on(batch: object) -> object:
        seen.extend(mode_of(path) for path in folder.iterdir())
        return safe_rows(batch)

    monkeypatch.setattr(audiences, "safe_rows", look_and_go_on)
    monkeypatch.chdir(tmp_path)
    folder = Path(audiences.DEFAULT_FOLDER)
    old = os.umask(umask)
    try:
        for _ in range(2):
            assert main(["audience", "--all", "--database", str(sample_database)]) == 0
    finally:
        os.umask(old)
    assert mode_of(folder) == 0o700
    # Those that are half written, too.
    assert set(seen) == {mode_of(path) for path in folder.iterdir()} == {0o600}


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.build
def test_a_folder_of_somebody_keeps_its_mode_and_our_own_is_closed(
    sample_database: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, mode in (("theirs", 0o775), (audiences.DEFAULT_FOLDER, 0o755)):
        Path(name).mkdir()
        Path(name).chmod(mode)
        # What a killed run may have left, readable by all.
        Path(name, ".big_2018-05-01_SYNTHETIC.csv.part").touch(0o644)
        command = ["--segment", "big", "--as-of", "2018-05-01", "--to", name]
        assert main(["audience", *command, "--database", str(sample_database)]) == 0
        assert sorted((path.name, mode_of(path)) for path in Path(name).iterdir()) == [
            (f"big_2018-05-01_SYNTHETIC.{kind}", 0o600) for kind in ("csv", "parquet")
        ]
    assert mode_of(Path("theirs")) == 0o775
    assert mode_of(Path(audiences.DEFAULT_FOLDER)) == 0o700


@pytest.mark.build
def test_formulas_in_the_playbook_do_not_reach_a_spreadsheet(
    sample_database: Path, tmp_path: Path
) -> None:
    database = tmp_path / "olist.duckdb"
    shutil.copy(sample_database, database)
    formula = '\u200b\ufeff=HYPERLINK("http://localhost";"gift")'
    with duckdb.connect(str(database)) as connection:
        connection.execute("update seeds.segment_actions set action = ?", [formula])
    command = ["--segment", "big", "--database", str(database), "--to", str(tmp_path / "out")]
    assert main(["audience", *command]) == 0
    (text,) = (tmp_path / "out").glob("*.csv")
    assert {row["action"] for row in read_csv(text)} == {"'" + formula}
    (parquet,) = (tmp_path / "out").glob("*.parquet")
    # No spreadsheet reads this one: the text as it is.
    assert set(pq.read_table(parquet)["action"].to_pylist()) == {formula}


@pytest.mark.build
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--segment", "VIP"], "Known segments"),
        (["--segment", ""], "Known segments"),
        (["--segment", "big", "--as-of", "2010-01-01"], "Known dates: 2017-"),
        (["--segment", "big", "--as-of", "today"], "Known dates: 2017-"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(
    sample_database: Path, tmp_path: Path, capsys, options: list[str], message: str
) -> None:
    command = [*options, "--database", str(sample_database), "--to", str(tmp_path / "out")]
    assert main(["audience", *command]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_missing_or_foreign_database_is_said_to_be_so(tmp_path: Path, capsys) -> None:
    missing = tmp_path / "none.duckdb"
    assert main(["audience", "--all", "--database", str(missing)]) == 1
    assert "run `make build`" in capsys.readouterr().err
    duckdb.connect(str(missing)).close()
    assert main(["audience", "--all", "--database", str(missing)]) == 1
    assert "run `make build` without a selection" in capsys.readouterr().err
    for content in (b"", b"no database at all", b"SQLite format 3\0" + bytes(5000)):
        missing.write_bytes(content)
        assert main(["audience", "--all", "--database", str(missing)]) == 1
        said = capsys.readouterr().err
        assert str(missing) in said
        assert said.count("\n") == 1


@pytest.mark.build
def test_a_failed_export_leaves_the_old_file(
    sample_database: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    command = ["--segment", "big", "--database", str(sample_database), "--to", str(tmp_path)]
    assert main(["audience", *command]) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full_disk(batch: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(audiences, "safe_rows", full_disk)
    assert main(["audience", *command]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
