"""What somebody's orders may have beside who, when and how much: traits, a file of customers, reviews."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from conftest import PROJECT
from customer_segmentation.shop import (
    ShopError,
    guess_customer_file,
    guess_mapping,
    guess_review_file,
    look_at,
    open_source,
    problems_of,
)
from customer_segmentation.shop.look import read_lines

NEEDS = {"project": PROJECT, "minimum_customers": 1, "minimum_history_days": 1}
ROWS = (
    "number,buyer,bought,paid,land,stars,rated\n"
    "1,a,2020-01-01,10,DE,5,2020-01-08 10:00:00\n"
    "1,a,2020-01-01,2,DE,5,2020-01-08 10:00:00\n"
    "2,b,2020-02-01,3,FR,,\n"
    "3,a,2020-03-01,4,AT,1,\n"
)
SHOP = {"customer_id": "buyer", "ordered_at": "bought", "amount": "paid", "order_id": "number"}
REVIEWS = {"score": "stars", "answered_at": "rated"}


def shop_of(folder: Path, rows: str = ROWS, **more: object) -> dict[str, object]:
    path = folder / "orders.csv"
    path.write_text(rows, encoding="utf-8")
    both = {"orders": str(path), **SHOP, **more}
    return {key: value for key, value in both.items() if value is not None}


def beside(folder: Path, name: str, rows: str) -> str:
    (folder / name).write_text(rows, encoding="utf-8")
    return str(folder / name)


def test_reviews_of_columns_count_once_an_order_and_only_with_a_time(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, traits={"country": "land"}, reviews=REVIEWS)
    look = look_at(shop, **NEEDS)
    assert (look.traits, look.reviews, look.reviews_elsewhere) == ({"country": 3}, 1, 0)
    with duckdb.connect() as connection:
        read_lines(connection, shop)
        assert connection.execute(
            "select order_id, review_score, review_answered_at::varchar from shop_reviews order by all"
        ).fetchall() == [("1", 5, "2020-01-08 10:00:00"), ("3", 1, None)]


def test_a_score_may_be_an_expression_on_columns_of_text(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, reviews={**REVIEWS, "score": "ceil((stars + 4) / 2)"})
    with duckdb.connect() as connection:
        read_lines(connection, shop)
        assert connection.execute(
            "select order_id, review_score from shop_reviews order by all"
        ).fetchall() == [("1", 5), ("3", 3)]


def test_without_an_order_id_a_review_is_of_the_day(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, order_id=None, reviews=REVIEWS)
    assert look_at(shop, **NEEDS).reviews == 1


def test_reviews_of_a_file_are_of_orders_and_those_of_others_are_counted(tmp_path: Path) -> None:
    file = beside(
        tmp_path, "r.csv", "order,score,when\n1.0,4,01.02.2020\n2,5.0,28.02.2020\n9,1,03.03.2020\n"
    )
    reviews = {"from": file, "order_id": "order", "score": "score", "answered_at": "when"}
    look = look_at(shop_of(tmp_path, reviews=reviews), **NEEDS)
    assert (look.reviews, look.reviews_elsewhere) == (2, 1)


def test_a_file_of_customers_gives_them_traits(tmp_path: Path) -> None:
    file = beside(tmp_path, "c.csv", "id,Ort\na,Ulm\nb,Bonn\nc,Kiel\n")
    shop = shop_of(
        tmp_path, customers={"from": file, "customer_id": "id", "traits": {"city": "Ort"}}
    )
    assert look_at(shop, **NEEDS).traits == {"city": 2}
    with duckdb.connect() as connection:
        read_lines(connection, shop)
        assert connection.execute(
            "select customer_unique_id, trait_city, count(*) from shop_lines group by all order by all"
        ).fetchall() == [("a", "Ulm", 3), ("b", "Bonn", 1)]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"traits": {"country": "nation"}}, "trait country is nation, and"),
        ({"traits": {"Country": "land"}}, "the name of a trait is small letters"),
        ({"traits": {"review_score": "land"}}, "which segments are compared by anyway"),
        ({"traits": ["land"]}, "it is names and columns, such as {country: Country}"),
        ({"traits": {"country": "nullif(land, land)"}}, "trait country is empty in all rows"),
        ({"reviews": {"score": "stars"}}, "reviews does not say what answered_at is"),
        ({"reviews": {**REVIEWS, "scor": "x"}}, "reviews has no key scor; did you mean score?"),
        ({"reviews": {**REVIEWS, "score": "stars + 4"}}, "scores in stars + 4"),
        (
            {"reviews": {"score": "paid", "answered_at": "rated"}},
            "are none of 1 to 5, such as '10'",
        ),
        ({"reviews": {"score": "stars", "answered_at": "land"}}, "times in land of"),
        (
            {"reviews": {"from": "r.csv", "order_id": "x", **REVIEWS}, "order_id": None},
            "these orders have none: give order_id",
        ),
        (
            {"customers": {"from": "nowhere.csv", "customer_id": "id", "traits": {"city": "Ort"}}},
            "there is no file nowhere.csv",
        ),
        (
            {"reviews": {"score": "stars", "answered_at": "rated + interval 9999 month"}},
            "the mapping is no SQL that can be run",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(
    tmp_path: Path, more: dict[str, object], sentence: str
) -> None:
    shop = {key: value for key, value in {**shop_of(tmp_path), **more}.items() if value is not None}
    assert sentence in "\n".join(problems_of(shop, **NEEDS))


def test_a_trait_with_very_many_values_and_people_with_two_rows_are_refused(tmp_path: Path) -> None:
    rows = "number,buyer,bought,paid,land\n" + "".join(
        f"{n},p{n},2020-01-{1 + n % 28:02},1,land {n}\n" for n in range(300)
    )
    (found,) = problems_of(shop_of(tmp_path, rows, traits={"country": "land"}), **NEEDS)
    assert "trait country has 300 different values, and at most 200" in found
    assert problems_of(shop_of(tmp_path, rows, traits={"city": "land"}), **NEEDS) == []
    file = beside(tmp_path, "c.csv", "id,Ort\np1,Ulm\np1,Bonn\n")
    customers = {"from": file, "customer_id": "id", "traits": {"state": "Ort"}}
    (found,) = problems_of(shop_of(tmp_path, rows, customers=customers), **NEEDS)
    assert "1 customer of" in found
    assert "has several rows that differ, such as p1" in found


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("order,user,day,total,Country", "{n},{m},2020-01-0{n},1.5,c{m}", {"country": "Country"}),
        ("order,user,day,total,Bundesland,Zahlungsart", "{n},{m},2020-01-0{n},1.5,c{m},z{m}",
         {"state": "Bundesland", "payment_type": "Zahlungsart"}),
        ("order,user,day,total,Ville,Canal de vente,Rayon", "{n},{m},2020-01-0{n},1.5,c{m},v{m},r{m}",
         {"city": "Ville", "sales_channel": "Canal de vente", "product_category": "Rayon"}),
        # Codes, names, dates, a status and what everybody has are no traits.
        ("order,user,day,total,city_id,category name,state,channel", "{n},{m},2020-01-0{n},1.5,{m},n{m},paid,web",
         None),
    ],
)  # fmt: skip
def test_traits_are_guessed_by_names_and_values(
    tmp_path: Path, header: str, row: str, expected: dict[str, str] | None
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("\n".join([header, *(row.format(n=n, m=n % 3) for n in range(1, 8))]), "utf-8")
    with duckdb.connect() as connection:
        guess = guess_mapping(connection, open_source(connection, str(path)))
    assert guess.shop.get("traits") == expected


def test_reviews_are_guessed_with_their_time_and_left_out_without(tmp_path: Path) -> None:
    header = "order,user,day,total,rating,review_date"
    for columns, expected in ((6, {"score": "rating", "answered_at": "review_date"}), (5, None)):
        path = tmp_path / f"orders_{columns}.csv"
        rows = [
            header,
            *(f"{n},{n % 3},2020-01-0{n},9.5,{n % 5 + 1},2020-02-0{n}" for n in range(1, 8)),
        ]
        path.write_text("\n".join(",".join(row.split(",")[:columns]) for row in rows), "utf-8")
        with duckdb.connect() as connection:
            guess = guess_mapping(connection, open_source(connection, str(path)))
        assert guess.shop.get("reviews") == expected
        assert guess.shop["ordered_at"] == "day"
        assert any("rating looks like a review" in note for note in guess.notes) == (columns == 5)


def test_files_beside_the_orders_are_guessed(tmp_path: Path) -> None:
    reviews = beside(
        tmp_path, "r.csv", "id,order_no,stars,submitted_at\n1,7,5,2020-01-01\n2,8,4,2020-01-02\n"
    )
    people = beside(tmp_path, "c.csv", "buyer,full name,State,Town\na,A,Ohio,X\nb,B,Iowa,Y\n")
    with duckdb.connect() as connection:
        source = open_source(connection, reviews, alias="shop_reviews")
        assert guess_review_file(connection, source, reviews, order_id="number") == {
            "from": reviews, "order_id": "order_no", "score": "stars", "answered_at": "submitted_at",
        }  # fmt: skip
        source = open_source(connection, people, alias="shop_customers")
        assert guess_customer_file(connection, source, people, customer_id="buyer") == {
            "from": people, "customer_id": "buyer", "traits": {"state": "State", "city": "Town"},
        }  # fmt: skip
        with pytest.raises(ShopError, match="no column looks like score"):
            guess_review_file(connection, source, people, order_id="buyer")


def test_addresses_of_mail_are_the_same_in_capitals(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(
        "order,Email,day,total\n1,A@x.org,2020-01-01,1.5\n2,a@x.org,2020-01-02,1.5\n3,b@x.org,2020-01-03,1.5\n",
        "utf-8",
    )
    with duckdb.connect() as connection:
        guess = guess_mapping(connection, open_source(connection, str(path)))
    assert guess.shop["customer_id"] == "lower(Email)"
    assert (
        "Email has 2 addresses in 3 spellings: capitals are read as small letters." in guess.notes
    )


@pytest.mark.parametrize(
    ("changes", "file"),
    [
        (
            {"customers": {"customer_id": "id", "traits": {"country": "cast(place as int)"}}},
            "c.csv",
        ),
        ({"traits": {"country": "cast(cast(land as int) as varchar)"}}, "orders.csv"),
        ({"reviews": {"score": "cast(land as int)", "answered_at": "rated"}}, "orders.csv"),
    ],
)
def test_an_expression_that_fails_on_a_value_is_told_with_its_file(
    tmp_path: Path, changes: dict[str, dict], file: str
) -> None:
    if "customers" in changes:
        changes["customers"]["from"] = beside(tmp_path, "c.csv", "id,place\na,Rome\nb,Oslo\n")
    (found,) = problems_of(shop_of(tmp_path, **changes), **NEEDS)
    assert f"{file} cannot be read as var shop says: Conversion Error: Could not convert" in found
