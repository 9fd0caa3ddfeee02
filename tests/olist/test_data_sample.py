"""The synthetic sample: same bytes for the same request, the awkward rows, the real marginals."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
from collections import Counter
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import ks_2samp

from olist import FILES, SYNTHETIC_MARKER, files, is_real
from olist.folders import DataError
from olist.sample import baskets, cast, catalogue
from olist.sample import write as sample
from olist.verify import sha256_of

TABLES = {
    "customers": files.CUSTOMERS,
    "orders": files.ORDERS,
    "items": files.ORDER_ITEMS,
    "payments": files.ORDER_PAYMENTS,
    "reviews": files.ORDER_REVIEWS,
    "products": files.PRODUCTS,
    "sellers": files.SELLERS,
    "geolocation": files.GEOLOCATION,
}
REAL_CUSTOMERS = 96_096


def open_folder(folder: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 2})
    for table, name in TABLES.items():
        path = folder / name
        source = f"read_csv('{path}', sample_size = -1)"
        if not path.exists():
            source = f"'{path.with_suffix('.parquet')}'"
        connection.execute(f"create table {table} as select * from {source}")
    return connection


def value(connection: duckdb.DuckDBPyConnection, query: str):
    return connection.sql(query).fetchone()[0]


def checksums(folder: Path) -> dict[str, str]:
    return {path.name: sha256_of(path) for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small") / "sample"
    assert sample.write_sample(folder, customers=200)
    return folder


@pytest.fixture(scope="module")
def small_tables(small: Path) -> duckdb.DuckDBPyConnection:
    return open_folder(small)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    folder = tmp_path_factory.mktemp("full") / "sample"
    sample.write_sample(folder, customers=REAL_CUSTOMERS)
    return open_folder(folder)


@pytest.fixture(scope="module")
def real() -> duckdb.DuckDBPyConnection:
    folder = os.environ.get("OLIST_RAW_DIR", "")
    if not folder or not is_real(folder):
        pytest.skip("OLIST_RAW_DIR is not a folder with the real Olist data")
    return open_folder(Path(folder))


# --- files


def test_nine_files_with_the_real_headers_and_a_marker(small: Path):
    assert {path.name for path in small.iterdir()} == {*FILES, SYNTHETIC_MARKER}
    for name, columns in FILES.items():
        with (small / name).open(encoding="utf-8-sig", newline="") as file:
            assert tuple(next(csv.reader(file))) == columns
    marker = json.loads((small / SYNTHETIC_MARKER).read_text())
    assert marker["synthetic"] is True
    assert marker["customers"] == 200


def test_translation_has_byte_order_mark_crlf_and_lacks_two_categories(small: Path):
    content = (small / files.TRANSLATION).read_bytes()
    assert content.startswith(b"\xef\xbb\xbfproduct_category_name,")
    assert content.count(b"\r\n") == content.count(b"\n") == 71
    assert not content.endswith(b"\n")
    assert b"pc_gamer" not in content


def test_sample_is_not_taken_for_the_real_set(small: Path):
    assert not is_real(small)


def test_same_request_same_bytes_whatever_the_threads(small: Path, tmp_path: Path):
    threads = pa.cpu_count()
    pa.set_cpu_count(1)
    try:
        sample.write_sample(tmp_path / "again", customers=200)
    finally:
        pa.set_cpu_count(threads)
    assert checksums(tmp_path / "again") == checksums(small)


def test_blocks_share_no_order_and_no_row():
    world, first, second = sample.generate(customers=2 * sample.PEOPLE_PER_BLOCK, seed=3)
    assert files.ORDERS not in world
    for name, column in ((files.ORDERS, "order_id"), (files.CUSTOMERS, "customer_unique_id")):
        a, b = (set(block[name][column].to_pylist()) for block in (first, second))
        assert not a & b
    # Were the blocks drawn from one stream, every person's second of the hour would come back.
    seconds = [
        np.bincount(
            block[files.ORDERS]["order_purchase_timestamp"].to_numpy().astype(np.int64) % 3_600,
            minlength=3_600,
        )
        for block in (first, second)
    ]
    assert abs(np.corrcoef(seconds)[0, 1]) < 0.2


def test_lines_for_many_sellers_get_different_ones():
    generator = np.random.default_rng(0)
    world = catalogue.build_world(customers=200, seed=0, generator=generator)
    product = np.zeros(5, dtype=np.int64)
    baskets.separate_sellers(world, product=product, many=np.array([0, 2, 4]))
    assert len(set(world.products.seller[product[[0, 2, 4]]])) == 3
    assert product[1] == product[3] == 0


def test_another_seed_gives_other_people(small: Path, tmp_path: Path):
    sample.write_sample(tmp_path / "other", customers=200, seed=1)
    assert (tmp_path / "other" / files.CUSTOMERS).read_bytes() != (
        small / files.CUSTOMERS
    ).read_bytes()


def test_second_run_returns_at_once_and_another_request_replaces(tmp_path: Path):
    folder = tmp_path / "sample"
    assert sample.write_sample(folder, customers=30)
    before = (folder / files.ORDERS).stat().st_mtime_ns
    assert not sample.write_sample(folder, customers=30)
    assert (folder / files.ORDERS).stat().st_mtime_ns == before
    (folder / files.ORDERS).unlink()
    assert sample.write_sample(folder, customers=30), "a sample that lacks a file is made again"
    assert sample.write_sample(folder, customers=31)
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


def test_interrupted_run_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    sample.write_sample(tmp_path / "sample", customers=30)
    before = checksums(tmp_path / "sample")
    monkeypatch.setattr(sample, "build_block", fail)
    with pytest.raises(KeyboardInterrupt):
        sample.write_sample(tmp_path / "sample", customers=40)
    with pytest.raises(KeyboardInterrupt):
        sample.write_sample(tmp_path / "new", customers=40)
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]
    assert checksums(tmp_path / "sample") == before


def test_old_sample_comes_back_when_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rename = Path.rename

    def fail_for_the_new(self: Path, target: Path) -> Path:
        if "-new-" in self.name:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return rename(self, target)

    sample.write_sample(tmp_path / "sample", customers=30)
    before = checksums(tmp_path / "sample")
    monkeypatch.setattr(Path, "rename", fail_for_the_new)
    with pytest.raises(DataError, match=r"sample cannot be written to \(Permission denied\)"):
        sample.write_sample(tmp_path / "sample", customers=40)
    assert checksums(tmp_path / "sample") == before
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


def test_a_folder_with_other_files_is_not_replaced(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="choose another folder"):
        sample.write_sample(tmp_path, customers=30)
    (tmp_path / "notes.txt").rename(tmp_path / files.ORDERS)
    with pytest.raises(DataError, match="not a synthetic sample"):
        sample.write_sample(tmp_path, customers=30)
    assert (tmp_path / files.ORDERS).read_text() == "mine"


@pytest.mark.parametrize(("customers", "seed"), [(0, 1), (-5, 1), (10, -1)])
def test_senseless_request_is_refused(tmp_path: Path, customers: int, seed: int):
    with pytest.raises(DataError, match=r"--customers|--seed"):
        sample.write_sample(tmp_path / "sample", customers=customers, seed=seed)


@pytest.mark.parametrize("customers", [1, 2, 50])
def test_tiny_samples_work(tmp_path: Path, customers: int):
    sample.write_sample(tmp_path / "tiny", customers=customers)
    tables = open_folder(tmp_path / "tiny")
    assert value(tables, "select count(distinct customer_unique_id) from customers") == customers
    assert value(tables, "select count(*) from geolocation") > 0


def test_parquet_has_the_same_rows_and_keeps_zip_prefixes_as_text(
    small_tables: duckdb.DuckDBPyConnection, tmp_path: Path
):
    sample.write_sample(tmp_path / "parquet", customers=200, file_format="parquet")
    tables = open_folder(tmp_path / "parquet")
    assert value(tables, "select typeof(customer_zip_code_prefix) from customers") == "VARCHAR"
    assert value(tables, "select typeof(order_purchase_timestamp) from orders") == "TIMESTAMP"
    for query in (
        "select sum(payment_value)::decimal(14, 2) from payments",
        "select bit_xor(hash(order_id, order_purchase_timestamp::timestamp)) from orders",
        "select bit_xor(hash(review_id, review_score)) from reviews",
        "select count(*) from geolocation",
    ):
        assert value(tables, query) == value(small_tables, query)


# --- awkward rows, from 200 people on

AWKWARD = {
    "first purchase": """select count(*) from orders
        where order_purchase_timestamp = '2016-09-04 21:15:19'""",
    "last purchase": """select count(*) from orders
        where order_purchase_timestamp = '2018-10-17 17:30:18'""",
    "people who moved": """select count(*) from (select customer_unique_id from customers
        group by 1 having count(distinct customer_zip_code_prefix) > 1)""",
    "split payments": "select count(*) from payments where payment_sequential > 1",
    "orders of several sellers": """select count(*) from (select order_id from items
        group by 1 having count(distinct seller_id) > 1)""",
    "a review id used for three orders": """select count(*) from (select review_id from reviews
        group by 1 having count(distinct order_id) = 3)""",
    "leading zeros": "select count(*) from customers where customer_zip_code_prefix like '0%'",
    "cancelled with a delivery date": """select count(*) from orders
        where order_status = 'canceled' and order_delivered_customer_date is not null""",
    "several orders at one instant": """select count(*) from (
        select 1 from orders join customers using (customer_id)
        group by customer_unique_id, order_purchase_timestamp having count(*) > 1)""",
    "orders without items": "select count(*) from orders anti join items using (order_id)",
    "the order without payment": "select count(*) from orders anti join payments using (order_id)",
    "comments with line breaks": """select count(*) from reviews
        where review_comment_message like '%' || chr(10) || '%'""",
    "the comment that is cast": f"""select count(*) from reviews
        where review_comment_message = '{cast.BROKEN_COMMENT}'""",
    "points outside Brazil": "select count(*) from geolocation where geolocation_lat > 6",
}


@pytest.mark.parametrize("what", AWKWARD)
def test_a_small_sample_has_every_awkward_row(small_tables: duckdb.DuckDBPyConnection, what: str):
    assert value(small_tables, AWKWARD[what]) >= 1


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_awkward_rows_do_not_depend_on_the_seed(tmp_path: Path, seed: int):
    sample.write_sample(tmp_path / "seeded", customers=200, seed=seed)
    tables = open_folder(tmp_path / "seeded")
    lacking = [what for what, query in AWKWARD.items() if not value(tables, query)]
    assert not lacking


def test_from_two_thousand_people_on_the_two_outliers_are_there(tmp_path: Path):
    sample.write_sample(tmp_path / "sample", customers=2_000)
    tables = open_folder(tmp_path / "sample")
    most = "select max(n) from (select count(*) as n from customers group by customer_unique_id)"
    assert value(tables, most) == 17
    assert value(tables, "select max(payment_value) from payments") == 13_664.08
    assert value(tables, "select count(*) from payments where payment_value > 13000") == 1


# --- rules the tables obey


@pytest.mark.parametrize(
    "query",
    [
        "select count(*) from orders anti join customers using (customer_id)",
        "select count(*) from customers anti join orders using (customer_id)",
        "select count(*) from items anti join orders using (order_id)",
        "select count(*) from items anti join products using (product_id)",
        "select count(*) from items anti join sellers using (seller_id)",
        "select count(*) from payments anti join orders using (order_id)",
        "select count(*) from reviews anti join orders using (order_id)",
        "select count(*) - count(distinct order_id) from orders",
        "select count(*) - count(distinct customer_id) from customers",
        "select count(*) - count(distinct (order_id, order_item_id)) from items",
        "select count(*) - count(distinct (order_id, payment_sequential)) from payments",
        "select count(*) - count(distinct (review_id, order_id)) from reviews",
        "select count(*) from customers where length(customer_zip_code_prefix) <> 5",
        "select count(*) from orders where not regexp_full_match(order_id, '[0-9a-f]{32}')",
        "select count(*) from orders where order_approved_at < order_purchase_timestamp",
        """select count(*) from orders where order_approved_at >= '2018-10-18'
        or order_delivered_carrier_date >= '2018-10-18'""",
        """select count(*) from orders
        where order_delivered_customer_date < order_delivered_carrier_date""",
        "select count(*) from items where price <= 0 or freight_value < 0",
        "select count(*) from payments where payment_value < 0",
        "select count(*) from reviews where review_score not between 1 and 5",
        "select count(*) from reviews where review_answer_timestamp <= review_creation_date",
        """select count(*) from orders where order_delivered_customer_date > '2018-10-17 17:30:18'
        or order_purchase_timestamp not between '2016-09-04 21:15:19' and '2018-10-17 17:30:18'""",
    ],
)
def test_rule_without_exception(full: duckdb.DuckDBPyConnection, query: str):
    assert value(full, query) == 0


def test_nothing_happens_after_the_last_day_with_another_seed_either(tmp_path: Path):
    sample.write_sample(tmp_path / "sample", customers=40_000, seed=3)
    late = """select count(*) from orders where greatest(
        order_approved_at, order_delivered_carrier_date, order_delivered_customer_date) >= '2018-10-18'"""
    assert value(open_folder(tmp_path / "sample"), late) == 0


def test_payments_are_items_and_freight_but_for_a_few(full: duckdb.DuckDBPyConnection):
    share = value(
        full,
        """select avg((abs(paid - due) < 0.005)::int) from
        (select order_id, sum(payment_value) as paid from payments group by 1)
        join (select order_id, sum(price + freight_value) as due from items group by 1)
        using (order_id)""",
    )
    assert 0.99 < share < 1


def test_identifiers_are_spread_like_checksums(full: duckdb.DuckDBPyConnection):
    first = Counter(row[0] for row in full.sql("select order_id[1:1] from orders").fetchall())
    assert len(first) == 16
    assert max(first.values()) / min(first.values()) < 1.1


def test_late_reviews_are_worse(full: duckdb.DuckDBPyConnection):
    on_time, late = (
        value(
            full,
            f"""select avg(review_score) from reviews join orders using (order_id)
            where order_delivered_customer_date {sign} order_estimated_delivery_date""",
        )
        for sign in ("<=", ">")
    )
    assert on_time > 4.1
    assert late < 3


# --- the published marginals

SHARES = {
    "repeat people": """select 'repeat', avg((n > 1)::int) from
        (select count(*) as n from customers group by customer_unique_id)""",
    "status": "select order_status, count(*) / sum(count(*)) over () from orders group by 1",
    "month": """select strftime(order_purchase_timestamp, '%Y-%m'),
        count(*) / sum(count(*)) over () from orders group by 1""",
    "hour": """select hour(order_purchase_timestamp), count(*) / sum(count(*)) over ()
        from orders group by 1""",
    "Black Friday": """select 'day', avg((order_purchase_timestamp::date = '2017-11-24')::int)
        from orders""",
    "state": "select customer_state, count(*) / sum(count(*)) over () from customers group by 1",
    "leading zero": "select '0', avg((customer_zip_code_prefix like '0%')::int) from customers",
    "payment": "select payment_type, count(*) / sum(count(*)) over () from payments group by 1",
    "several payments": """select 'several', avg((n > 1)::int) from
        (select count(*) as n from payments group by order_id)""",
    "score": "select review_score, count(*) / sum(count(*)) over () from reviews group by 1",
    "title": "select 'title', count(review_comment_title) / count(*) from reviews",
    "comment": "select 'comment', count(review_comment_message) / count(*) from reviews",
    "late": """select 'late', avg((order_delivered_customer_date
        > order_estimated_delivery_date)::int) from orders where order_status = 'delivered'""",
    "items": """select least(n, 5), count(*) / sum(count(*)) over () from
        (select count(*) as n from items group by order_id) group by 1""",
    "category": """select coalesce(product_category_name, '-'), count(*) / sum(count(*)) over ()
        from items join products using (product_id) group by 1""",
    "without items": """select 'none', count(*) / (select count(*) from orders)
        from orders anti join items using (order_id)""",
    "seller state": "select seller_state, count(*) / sum(count(*)) over () from sellers group by 1",
}

PEOPLE = """
    with paid as (select order_id, sum(payment_value) as paid from payments group by 1)
    select
        datediff('day', max(order_purchase_timestamp)::date, date '2018-10-18')::double as recency,
        count(*)::double as frequency,
        coalesce(sum(paid), 0)::double as monetary
    from customers join orders using (customer_id) left join paid using (order_id)
    group by customer_unique_id
"""


def four_groups(people: dict[str, np.ndarray]) -> np.ndarray:
    """Return the shares of the four kinds of customers, by rules close to what K-means finds."""
    repeat = people["frequency"] > 1
    big = ~repeat & (people["monetary"] > 700)
    recent = ~repeat & ~big & (people["recency"] < 305)
    lapsed = ~repeat & ~big & ~recent
    return np.array([group.mean() for group in (recent, lapsed, repeat, big)])


@pytest.mark.real
def test_distributions_are_close_to_the_real_ones(
    real: duckdb.DuckDBPyConnection, full: duckdb.DuckDBPyConnection
):
    measured, made = real.sql(PEOPLE).fetchnumpy(), full.sql(PEOPLE).fetchnumpy()
    for name in ("recency", "frequency", "monetary"):
        assert ks_2samp(measured[name], made[name]).statistic < 0.05, name
    assert np.abs(four_groups(measured) - four_groups(made)).max() < 0.015
    assert made["monetary"].mean() == pytest.approx(measured["monetary"].mean(), rel=0.06)


@pytest.mark.real
@pytest.mark.parametrize("what", SHARES)
def test_shares_are_within_a_point_of_the_real_ones(
    real: duckdb.DuckDBPyConnection, full: duckdb.DuckDBPyConnection, what: str
):
    measured, made = (dict(tables.sql(SHARES[what]).fetchall()) for tables in (real, full))
    for key in measured.keys() | made.keys():
        assert made.get(key, 0) == pytest.approx(measured.get(key, 0), abs=0.01), key


@pytest.mark.real
def test_no_row_of_the_real_set_is_in_the_sample(
    real: duckdb.DuckDBPyConnection, full: duckdb.DuckDBPyConnection
):
    for table, column in (
        ("orders", "order_id"),
        ("customers", "customer_unique_id"),
        ("products", "product_id"),
        ("sellers", "seller_id"),
        # Shorter ones are set phrases, like "Chegou antes do prazo".
        ("reviews", "review_comment_message"),
    ):
        longer = 45 if column == "review_comment_message" else 0
        query = f"select distinct {column} from {table} where length({column}) > {longer}"
        measured, made = ({row[0] for row in t.sql(query).fetchall()} for t in (real, full))
        assert not measured & made


# --- the same without the real set: totals of its README


def test_totals_are_those_of_the_published_set(full: duckdb.DuckDBPyConnection):
    totals = {
        "select count(distinct customer_unique_id) from customers": (96_096, 0),
        "select count(*) from orders": (99_441, 0.005),
        "select count(*) from items": (112_650, 0.01),
        "select count(*) from payments": (103_886, 0.01),
        "select count(*) from reviews": (99_224, 0.005),
        "select count(*) from products": (32_951, 0),
        "select count(*) from sellers": (3_095, 0),
        "select count(*) from geolocation": (1_000_163, 0.03),
        "select sum(payment_value) from payments": (16_008_872.12, 0.06),
        "select count(*) from orders anti join items using (order_id)": (775, 0.15),
        "select max(payment_value) from payments": (13_664.08, 0),
        """select count(*) from orders
        where order_purchase_timestamp::date = '2017-11-24'""": (1_176, 0.1),
    }
    for query, (expected, tolerance) in totals.items():
        assert value(full, query) == pytest.approx(expected, rel=tolerance), query
    months = dict(
        full.sql(
            "select strftime(order_purchase_timestamp, '%Y-%m'), count(*) from orders group by 1"
        ).fetchall()
    )
    assert "2016-11" not in months
    assert months["2016-12"] == 1
    assert 15 <= months["2018-09"] + months["2018-10"] <= 25


def test_no_path_of_a_machine_in_the_package():
    package = Path(sample.__file__).parent
    for path in package.parent.rglob("*"):
        if path.suffix in {".py", ".json"}:
            assert not re.search(r"/(home|work|root|tmp)/", path.read_text(encoding="utf-8")), path
