"""`make shop`: what it tells of somebody's orders, and what it writes."""

from __future__ import annotations

import csv
import datetime
import re
from pathlib import Path

import pytest
import yaml

from conftest import PROJECT
from customer_segmentation.__main__ import main
from customer_segmentation.commands import shop
from customer_segmentation.publishing import CommandError, with_chosen_clusters, with_shop
from customer_segmentation.shop import ClusterChoice


@pytest.fixture
def any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no models compared where a test looks at something else than their number."""
    choice = ClusterChoice(n_clusters=4, reason="so", as_of_date=datetime.date(2021, 4, 1))
    monkeypatch.setattr(shop, "choose_clusters", lambda *_, **__: choice)


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """Write the orders of 600 people over half a year, in two files."""
    first = datetime.date(2021, 1, 1)
    rows = [
        (
            f"R{number}",
            f"k{number % 600:04}",
            first + datetime.timedelta(number % 180),
            10 + number % 7,
        )
        for number in range(1_800)
    ]
    for part in range(2):
        with (tmp_path / f"part_{part}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["Receipt", "Client", "Sold at", "Total EUR"])
            writer.writerows(rows[part::2])
    return tmp_path


def test_it_tells_what_the_orders_are_and_writes_how_they_are_read(
    orders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(PROJECT)
    file = orders / "corner.yml"
    assert main(["shop", f"{orders}/part_*.csv", "--to", str(file), "--notice", "Ours"]) == 0
    told = capsys.readouterr().out
    for sentence in (
        "1,800 rows, 0 of them",
        "600 customers, 1,800 orders, net 23,397.00 EUR",
        "2021-01-01 to 2021-06-29; the last month may be incomplete",
        "4 as-of dates, from 2021-04-01 to 2021-06-30",
        "Missing, and left out of what is built: reviews",
        f"make build SHOP={file}",
    ):
        assert sentence in told
    assert yaml.safe_load(file.read_text()) == {
        "adapter": "orders",
        "shop": {
            "name": "corner",
            "orders": f"{orders}/part_*.csv",
            "customer_id": "Client",
            "ordered_at": "Sold at",
            "amount": "Total EUR",
            "order_id": "Receipt",
            "currency": "EUR",
            "time_zone": "UTC",
            "notice": "Ours",
        },
        "n_clusters": 6,
    }
    assert "6 segments, as of 2021-04-01: the largest number whose clusters are all found" in told
    # What the command writes is what setting study stands for.
    file.write_text(file.read_text().replace("n_clusters: 6", "n_clusters: study"))
    options = with_chosen_clusters(with_shop(["--quiet"], file))
    assert yaml.safe_load(options[-1])["n_clusters"] == 6
    assert "n_clusters 6, as of 2021-04-01: the largest number" in capsys.readouterr().out


def test_orders_that_cannot_be_used_end_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(PROJECT)
    assert main(["shop", str(tmp_path / "none.csv"), "--to", str(tmp_path / "shop.yml")]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"shop: there is no file {tmp_path}/none.csv")
    assert "Traceback" not in said
    assert not (tmp_path / "shop.yml").exists()


@pytest.mark.parametrize(
    "content", ["# notes\n", "", "who,when\na,2020-01-01\n", "a: [", b"\xff\xfe\0"]
)
def test_a_file_of_something_else_is_never_overwritten(
    orders: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: str | bytes,
) -> None:
    monkeypatch.chdir(PROJECT)
    file = orders / "notes.md"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = file.read_bytes()
    part = orders / "part_0.csv"
    for to in (file, part, orders):
        was = part.read_bytes()
        status = main(["shop", f"{orders}/part_*.csv", "--to", str(to)])
        said = capsys.readouterr().err
        assert status == 1
        assert "it is left as it is" in said or "is a folder; name a file with TO=" in said
        assert part.read_bytes() == was
    assert file.read_bytes() == before


@pytest.mark.usefixtures("any_number")
def test_what_somebody_has_corrected_is_kept(
    orders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(PROJECT)
    file = orders / "corner.yml"
    look = ["shop", f"{orders}/part_*.csv", "--to", str(file)]
    assert main(look) == 0
    assert main(look) == 0
    assert not (orders / "corner.yml.before").exists()
    corrected = file.read_text().replace("amount: Total EUR", "amount: '\"Total EUR\" / 2'")
    file.write_text(corrected)
    capsys.readouterr()
    assert main(look) == 0
    assert "said something else; what it said is in" in capsys.readouterr().out
    assert (orders / "corner.yml.before").read_text() == corrected


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            "segmentation_features: [frequency, review_count]",
            "write the number, such as n_clusters: 4",
        ),
        ("feature_transforms: {monetary: quantile}", "write the number, such as n_clusters: 4"),
        ("minimum_customers: 0", "minimum_customers is 0"),
        ("first_as_of_date: 2031-01-01", "the orders go from 2021-01-01 to 2021-06-29"),
    ],
)
def test_a_number_that_cannot_be_chosen_is_refused_in_a_sentence(
    orders: Path, monkeypatch: pytest.MonkeyPatch, changes: str, sentence: str
) -> None:
    monkeypatch.chdir(PROJECT)
    file = orders / "corner.yml"
    file.write_text(
        f"shop: {{orders: {orders}/part_*.csv, customer_id: Client, ordered_at: Sold at, amount: Total EUR}}\n"
        f"n_clusters: study\n{changes}\n"
    )
    with pytest.raises(CommandError, match=re.escape(sentence)):
        with_chosen_clusters(with_shop([], file))


def test_vars_of_the_options_go_before_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "shop.yml"
    file.write_text("shop: {orders: x.csv}\nn_clusters: 3\n")
    options = with_shop(["--quiet", "--vars", "{n_clusters: 5}"], file)
    assert options[:3] == ["--quiet", "--vars", "{n_clusters: 5}"]
    assert yaml.safe_load(options[-1]) == {
        "adapter": "orders",
        "shop": {"orders": "x.csv"},
        "n_clusters": 5,
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot be read"),
        ("a: [", "is no YAML"),
        ("n_clusters: 4", "has no mapping `shop`"),
    ],
)
def test_a_file_that_is_none_of_a_shop_is_refused(
    tmp_path: Path, text: str | None, sentence: str
) -> None:
    file = tmp_path / "shop.yml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(CommandError, match=sentence):
        with_shop([], file)


@pytest.mark.usefixtures("any_number")
@pytest.mark.parametrize(
    ("header", "written"), [("Client", "Client"), ("Client no", '"Client no"')]
)
def test_one_id_for_all_who_have_none_is_told(
    orders: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    header: str,
    written: str,
) -> None:
    """Customer 0 of a till would be a person with a third of the orders."""
    monkeypatch.chdir(PROJECT)
    file = orders / "corner.yml"
    look = ["shop", f"{orders}/part_*.csv", "--to", str(file)]
    assert main(look) == 0
    assert "of the orders. If it stands for" not in capsys.readouterr().out
    part = orders / "part_0.csv"
    text = part.read_text()
    (orders / "part_2.csv").write_text("".join(text.splitlines(keepends=True)[:4]))
    assert main(look) == 0
    assert (
        f"3 rows are in two files, such as in {part} and {orders}/part_2.csv."
        in capsys.readouterr().out
    )
    (orders / "part_2.csv").unlink()
    more = "".join(f"G{number},0,2021-03-01,5\n" for number in range(900))
    part.write_text((text + more).replace("Client", header))
    other = orders / "part_1.csv"
    other.write_text(other.read_text().replace("Client", header))
    assert main(look) == 0
    said = capsys.readouterr().out
    assert "0 has 33% of the orders. If it stands for people who are not known" in said
    assert f"write customer_id: nullif({written}, '0')." in said


def write_orders(path: Path, *, customers: int, amount: str) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["order id", "customer", "date", "amount"])
        for number in range(1_800):
            day = datetime.date(2021, 1, 1) + datetime.timedelta(number % 180)
            writer.writerow([f"R{number}", f"k{number % customers}", day, amount])


def test_a_shop_that_gives_everything_away_is_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(PROJECT)
    path = tmp_path / "free.csv"
    write_orders(path, customers=600, amount="0.00")
    options = ["--to", str(tmp_path / "free.yml"), "--currency", "EUR"]
    assert main(["shop", str(path), *options]) == 0
    told = capsys.readouterr().out
    assert "Note: Every order is worth 0: is amount the amount?" in told
    assert "currency is not known" not in told


def test_orders_of_one_customer_are_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(PROJECT)
    path = tmp_path / "one.csv"
    write_orders(path, customers=1, amount="5.00")
    assert main(["shop", str(path), "--to", str(tmp_path / "one.yml")]) == 1
    said = capsys.readouterr().err
    assert "customer would be the customers, and has 1 value in 1,800 rows: too few people" in said
