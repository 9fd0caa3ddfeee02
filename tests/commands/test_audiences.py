"""Files of who is in a segment: complete, in a stable shape, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import os
import re
import shutil
import stat
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from conftest import query
from customer_segmentation.__main__ import main
from customer_segmentation.commands import audience as audiences
from customer_segmentation.commands.audience import (
    COLUMNS,
    HEADINGS,
    Segment,
    find_segment,
    find_segments,
    safe_cell,
)
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


def test_several_segments_are_taken_apart_at_commas() -> None:
    found = find_segments(["big,Acheteurs fidèles", "repeat"], SEGMENTS)
    assert [(one.code, language) for one, language in found] == [
        ("big", "en"),
        ("repeat", "fr"),
        ("repeat", "en"),
    ]
    odd = [*SEGMENTS, Segment("both", "Big, and often", "Gros, et souvent")]
    assert [one.code for one, _ in find_segments(["big, and often"], odd)] == ["both"]
    with pytest.raises(CommandError, match="no segment 'VIP'"):
        find_segments(["big,VIP"], SEGMENTS)


def read_csv(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


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
        f"{code}_{latest}_SYNTHETIC.{kind}"
        for code in expected
        for kind in ("csv", "parquet", "md")
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
        confidences = [float(row["confidence"]) for row in rows]
        assert confidences == sorted(confidences, reverse=True)
        assert all(row["reason"].startswith("Last order ") for row in rows)
        assert all(int(row["reason"].split()[2]) == int(row["recency_days"]) for row in rows)
        assert all(f" {row['monetary']} BRL: " in row["reason"] for row in rows)
        for row in rows:
            sureness = float(row["confidence"])
            assert ("well inside" in row["reason"]) == (sureness >= 0.5) or sureness == 0.5
            assert ("at the border" in row["reason"]) == (sureness < 0.2) or sureness == 0.2
        assert {row["group"] for row in rows} == {"treated", "control"}
        # Nothing is the same in every row but the segment.
        same = {name for name in COLUMNS if len({row[name] for row in rows}) == 1}
        assert same <= {"segment_code", "action_number", "frequency"}
        about = (tmp_path / f"{code}_{latest}_SYNTHETIC.md").read_text("utf-8")
        assert f"{customers:,} customers as of {latest}" in about
        assert "SYNTHETIC" in about
        # Whoever is asked how the order was has ordered lately.
        for line in about.splitlines():
            cells = line.strip("| ").split(" | ")
            if cells[0] == code:
                chosen = [row for row in rows if row["action_number"] == cells[1]]
                days = [int(row["recency_days"]) for row in chosen]
                assert cells[2:4] == [f"{min(days)}–{max(days)}", f"{len(chosen):,}"]
                assert max(days) < 60 or "How was your order?" not in line
        assert f"{customers:,} customers" in written


@pytest.mark.build
def test_the_files_are_the_same_every_time(sample_database: Path, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        command = ["--segment", "gros acheteurs", "--as-of", "2018-05-01"]
        command += ["--database", str(sample_database), "--to", str(tmp_path / folder)]
        assert main(["audience", *command]) == 0
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == [f"big_2018-05-01_fr_SYNTHETIC.{kind}" for kind in ("csv", "md", "parquet")]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    row = read_csv(tmp_path / "one" / names[0], delimiter=";")[0]
    assert tuple(row) == tuple(HEADINGS.values())
    assert row["raison"].startswith("Dernière commande il y a ")
    assert f" {row['montant']} BRL : " in row["raison"]
    assert re.fullmatch(r"\d+,\d\d", row["montant"])
    assert re.fullmatch(r"[01],\d+", row["confiance"])
    assert row["groupe"] in ("traité", "témoin")
    parquet = pq.read_table(tmp_path / "one" / names[2])
    assert tuple(parquet.column_names) == COLUMNS
    assert set(parquet["group"].to_pylist()) == {"treated", "control"}
    about = (tmp_path / "one" / names[1]).read_text("utf-8")
    assert about.startswith("# Gros acheteurs\n")
    assert "clients au 01/05/2018" in about
    # As a French page writes them.
    assert "- **Gros acheteurs** (`big`)\u00a0: " in about
    assert [audiences.whole(number, "fr") for number in (7, 2561)] == ["7", "2\u202f561"]
    assert audiences.whole(2561, "en") == "2,561"


@pytest.mark.build
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_only_the_owner_can_read_who_is_in_a_segment(
    sample_database: Path, tmp_path: Path, monkeypatch, umask: int
) -> None:
    seen = []
    safe_rows = audiences.safe_rows

    def look_and_go_on(batch: object, **options: str) -> object:
        seen.extend(mode_of(path) for path in folder.iterdir())
        return safe_rows(batch, **options)

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
            (f"big_2018-05-01_SYNTHETIC.{kind}", 0o600) for kind in ("csv", "md", "parquet")
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
        connection.execute("alter view bi.audience_members rename to members")
        connection.execute(
            "create view bi.audience_members as select * replace (? || customer_unique_id as customer_unique_id)"
            " from bi.members".replace("?", "'" + formula + "'")
        )
    command = ["--segment", "big", "--database", str(database), "--to", str(tmp_path / "out")]
    assert main(["audience", *command]) == 0
    (text,) = (tmp_path / "out").glob("*.csv")
    assert all(row["customer_unique_id"].startswith("'" + formula) for row in read_csv(text))
    (parquet,) = (tmp_path / "out").glob("*.parquet")
    # No spreadsheet reads this one: the text as it is.
    customers = pq.read_table(parquet)["customer_unique_id"].to_pylist()
    assert all(customer.startswith(formula) for customer in customers)


@pytest.mark.build
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--segment", "VIP"], "Known segments"),
        (["--segment", ""], "Known segments"),
        (["--segment", "big", "--as-of", "2010-01-01"], "Known dates: 2017-"),
        (["--segment", "big", "--as-of", "today"], "Known dates: 2017-"),
        (["--segment", "big", "--state", "Paris"], "Known states: "),
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

    def full_disk(batch: object, **options: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(audiences, "safe_rows", full_disk)
    assert main(["audience", *command]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.build
def test_a_campaign_takes_the_part_that_it_asks_for(sample_database: Path, tmp_path: Path) -> None:
    command = [
        "--segment",
        "big,Repeat buyers",
        "--state",
        "sp,RJ",
        "--group",
        "treated",
        "--order",
        "value",
    ]
    command += ["--limit", "7", "--database", str(sample_database), "--to", str(tmp_path)]
    assert main(["audience", *command]) == 0
    (path,) = tmp_path.glob("*.csv")
    assert path.name.startswith("big+repeat_")
    assert "_sp_rj_treated_by-value_first-7_SYNTHETIC" in path.name
    rows = read_csv(path)
    expected = query(
        sample_database,
        "select customer_unique_id, monetary from bi.audience_members where segment_code in ('big', 'repeat')"
        " and customer_state in ('SP', 'RJ') and not is_control"
        " and as_of_date = (select max(as_of_date) from segmentation.segment_profiles)"
        " order by monetary desc, customer_unique_id limit 7",
    )
    assert [(row["customer_unique_id"], row["monetary"]) for row in rows] == [
        (customer, str(money)) for customer, money in expected
    ]
    about = path.with_suffix(".md").read_text("utf-8")
    assert ": 7 customers as of" in about
