"""From raw files to orders, RFM, traits and segments."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.job import Job, Meter
from benchmarks.parts.base import Check, ModelPart, largest_gap
from benchmarks.plain import rfm, segments, tables, traits


class Load(ModelPart):
    """The nine raw files to one row per order, and one per zip-code prefix."""

    name, title = "load", "Raw files to orders and zip-code centres"
    made = (
        *("orders", "stg_products", "stg_sellers", "stg_product_categories"),
        "int_zip_code_centres",
    )
    largest_size = 10
    expert_tools = ("polars",)
    # What rows are, what must be the same, and which numbers of them are compared.
    compared = (
        ("orders", "an order", ("order_id",), ("order_value", "payment_installments")),
        (
            "zip-code prefixes",
            "a zip-code prefix",
            ("zip_code_prefix", "state", "point_count", "points_outside_brazil"),
            ("latitude", "longitude", "spread_km"),
        ),
    )

    def prepare_ours(self, job: Job) -> Any:
        warehouse = job.warehouse(forget=[])
        self.models = upstream(warehouse.nodes, *self.made)
        return warehouse

    def collect_ours(self, job: Job, inputs: Any, outcome: Any) -> Any:
        orders = inputs.frame(
            "select order_id, customer_unique_id, order_value::double as order_value,"
            " payment_installments::double as payment_installments"
            " from marts.orders order by order_id"
        )
        return orders, inputs.frame(
            "from intermediate.int_zip_code_centres order by zip_code_prefix"
        )

    def prepare_plain(self, job: Job) -> Any:
        return job.raw_dir

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        raw = tables.read_tables(inputs)
        orders = tables.make_orders(raw)
        return orders, tables.make_centres(raw), tables.make_reviews(raw, orders)

    def collect_plain(self, job: Job, inputs: Any, outcome: Any) -> Any:
        orders, centres, _ = outcome
        return orders.sort_values("order_id", ignore_index=True), centres

    def prepare_expert(self, job: Job) -> Any:
        import benchmarks.expert.tables  # noqa: F401

        return job.raw_dir

    def expert(self, job: Job, inputs: Any, meter: Meter) -> Any:
        from benchmarks.expert import tables

        raw = tables.read_tables(inputs)
        orders = tables.make_orders(raw)
        # All nine tables are there, as they are on our side.
        return orders, tables.make_centres(raw), tables.make_reviews(raw, orders), raw

    def collect_expert(self, job: Job, inputs: Any, outcome: Any) -> Any:
        orders, centres, *_ = outcome
        return orders.to_pandas().sort_values("order_id", ignore_index=True), centres.to_pandas()

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        checks = []
        for (rows, row, keys, names), one, other in zip(self.compared, ours, plain, strict=True):
            is_same = all(list(one[name]) == list(other[name]) for name in keys)
            checks.append(Check(f"{rows} that only one side has", 0.0 if is_same else 1.0, 0.0))
            if is_same:
                checks += [
                    Check(f"{name} of {row}", largest_gap(one[name], other[name]), 1e-6)
                    for name in names
                ]
        return checks


class Rfm(ModelPart):
    """RFM of every customer at every date, from orders and reviews."""

    name, title = "rfm", "RFM at all dates"
    models = ("rfm",)
    largest_size = 10
    expert_tools = ("polars",)
    columns = (
        "recency_days",
        "frequency",
        "monetary",
        "average_review_score",
        "review_count",
        "tenure_days",
        "is_monetary_imputed",
    )

    def collect_ours(self, job: Job, inputs: Any, outcome: Any) -> Path:
        path = job.work / "rfm-ours.parquet"
        inputs.connection.execute(f"copy marts.rfm to '{path}' (format parquet)")
        return path

    def prepare_plain(self, job: Job) -> Any:
        raw = tables.read_tables(job.raw_dir)
        orders = tables.make_orders(raw)
        return orders, tables.make_reviews(raw, orders)

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        found = rfm.rfm_at_all_dates(*inputs, first=job.settings()["first_as_of_date"])
        # Both sides end with a stored table.
        path = job.work / "rfm-plain.parquet"
        found.to_parquet(path, index=False)
        return path

    def collect_plain(self, job: Job, inputs: Any, outcome: Any) -> Path:
        return outcome

    def prepare_expert(self, job: Job) -> Any:
        from benchmarks.expert import rfm as expert_rfm
        from benchmarks.expert import tables as expert_tables

        raw = expert_tables.read_tables(job.raw_dir)
        orders = expert_tables.make_orders(raw)
        reviews = expert_tables.make_reviews(raw, orders)
        return expert_rfm, orders, reviews

    def expert(self, job: Job, inputs: Any, meter: Meter) -> Any:
        module, orders, reviews = inputs
        last = orders["purchased_at"].max().replace(hour=0, minute=0, second=0)
        dates = pd.date_range(job.settings()["first_as_of_date"], last, freq="MS")
        dates = [*dates.to_pydatetime(), last + datetime.timedelta(days=1)]
        path = job.work / "rfm-expert.parquet"
        module.rfm_at_all_dates(orders, reviews, dates=dates).write_parquet(path)
        return path

    def compare(self, job: Job, ours: Path, plain: Path) -> list[Check]:
        import duckdb

        # Doubles on both sides: amounts with two decimals are the same double.
        columns = ", ".join(f"{name}::double as {name}" for name in self.columns)
        one, other = (
            f"select as_of_date::date as as_of_date, customer_unique_id, {columns} from '{path}'"
            for path in (ours, plain)
        )
        with duckdb.connect() as connection:
            (different,) = connection.execute(
                f"select count(*) from (({one} except all {other})"
                f" union all ({other} except all {one}))"
            ).fetchone()
        return [Check("rows of marts.rfm that differ", float(different), 0.0)]


class Traits(ModelPart):
    """Traits of the segments, from orders, lines, payments and reviews.

    Of model study_description what the yardsticks do too: it also says what traits owe to the features, and how far
    apart segments are, which is a part of its own.
    """

    name, title = "traits", "Traits of the segments"
    models = ("order_items", "order_payments", "customer_facts")
    expert_tools = ("polars",)

    def prepare_ours(self, job: Job) -> Any:
        import customer_segmentation.steps  # noqa: F401

        return job.warehouse(forget=[])

    def ours(self, job: Job, inputs: Any) -> Any:
        from customer_segmentation.steps import (
            count_traits,
            described_customers,
            engine_of,
            known_traits,
            segment_traits,
            trait_numbers,
            traits_of,
        )

        inputs.make(self.models)
        stated = traits_of(inputs.config("study_description")["features"])
        engine = engine_of(inputs.connection)

        def table(name: str) -> Any:
            # A view has no table.
            return inputs.connection.sql(f"from {name}")

        customers = described_customers(
            engine,
            periods=table("marts.periods"),
            segments=table("segmentation.customer_segments"),
            facts=table("marts.customer_facts"),
            rfm=table("marts.rfm"),
        )
        counts = known_traits(count_traits(engine, customers, stated))
        numbers = trait_numbers(engine, customers, stated)
        unknown = ["trait", "origin", "origin_reason", "dependence", "dependence_feature"]
        return segment_traits(counts, numbers, pd.DataFrame(columns=unknown))

    def collect_ours(self, job: Job, inputs: Any, outcome: Any) -> Any:
        return outcome[outcome["unit"] == "customer"]

    def prepare_plain(self, job: Job) -> Any:
        raw = tables.read_tables(job.raw_dir)
        segments_of = job.frame(
            "select s.as_of_date, s.customer_unique_id, cluster, average_review_score"
            " from segmentation.customer_segments as s"
            " inner join marts.rfm using (as_of_date, customer_unique_id)"
            " where as_of_date = (select as_of_date from marts.periods where is_described)"
        ).set_index("customer_unique_id")
        regions = job.frame("select state_code, region from seeds.states")
        return raw, tables.make_orders(raw), segments_of, regions.set_index("state_code")["region"]

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        raw, orders, segments_of, regions = inputs
        of_customers = traits.customer_traits(
            raw,
            orders,
            segments_of["average_review_score"],
            regions,
            as_of_date=segments_of["as_of_date"].iloc[0],
        )
        return traits.segment_traits(of_customers, segments_of["cluster"])

    def prepare_expert(self, job: Job) -> Any:
        import polars as pl

        from benchmarks.expert import tables as expert_tables
        from benchmarks.expert import traits as expert_traits

        raw = expert_tables.read_tables(job.raw_dir)
        _, _, segments_of, regions = self.prepare_plain(job)
        day = segments_of["as_of_date"].iloc[0].to_pydatetime()
        columns = ["customer_unique_id", "cluster", "average_review_score"]
        of_customers = pl.from_pandas(segments_of.reset_index()[columns])
        states = pl.from_pandas(regions.reset_index())
        return expert_traits, (raw, expert_tables.make_orders(raw), of_customers, states), day

    def expert(self, job: Job, inputs: Any, meter: Meter) -> Any:
        module, given, day = inputs
        return module.segment_traits(module.customer_traits(*given, as_of_date=day))

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        both = ours.merge(
            plain, on=["cluster", "trait", "value"], suffixes=("", "_plain"), how="outer"
        )
        alone = both[both["customers"].isna() | both["customers_plain"].isna()]
        names = ("customers", "share_in_segment", "lift", "share_low", "share_high", "cramers_v")
        return [
            Check("rows that only one side has", float(len(alone)), 0.0),
            *(
                Check(name, largest_gap(both[name], both[f"{name}_plain"]), 1e-9)
                for name in (*names, "eta_squared")
            ),
        ]


class Segments(ModelPart):
    """The segment of every customer at every date, profiles, written out."""

    name, title = "segments", "Assign, profile and write the segments"
    models = ("kmeans_assignments", "customer_segments", "segment_profiles")
    expert_tools = ("polars",)

    def prepare_ours(self, job: Job) -> Any:
        import customer_segmentation.steps  # noqa: F401

        return job.warehouse(forget=[])

    def collect_ours(self, job: Job, inputs: Any, outcome: Any) -> Any:
        return inputs.frame(
            "select as_of_date, customer_unique_id, cluster, distance_to_centroid"
            " from segmentation.customer_segments where cluster is not null"
        )

    def prepare_plain(self, job: Job) -> Any:
        return job.frame("from segmentation_work.segmentation_features"), job.models(in_use=True)

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        features, models = inputs
        assigned = segments.assign(features, models, columns=job.features())
        profiles = segments.profiles(assigned, features, columns=job.features())
        segments.write(
            {"customer_segments": assigned, "segment_profiles": profiles}, job.work / "plain"
        )
        return assigned

    def prepare_expert(self, job: Job) -> Any:
        import polars as pl

        from benchmarks.expert import segments as expert_segments

        features, models = self.prepare_plain(job)
        frame = pl.from_pandas(features).with_columns(pl.col("as_of_date").cast(pl.Date))
        return expert_segments, frame, models

    def expert(self, job: Job, inputs: Any, meter: Meter) -> Any:
        module, features, models = inputs
        assigned = module.assign(features, models, columns=job.features())
        described = module.profiles(assigned, columns=job.features())
        module.write(assigned, described, job.work / "expert")
        return assigned

    def collect_expert(self, job: Job, inputs: Any, outcome: Any) -> Any:
        keys = ["as_of_date", "customer_unique_id", "cluster", "distance_to_centroid"]
        found = outcome.select(keys).to_pandas()
        return found.assign(as_of_date=pd.to_datetime(found["as_of_date"]))

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        both = ours.merge(plain, on=["as_of_date", "customer_unique_id"], suffixes=("", "_plain"))
        return [
            Check(
                "rows that only one side has", float(len(ours) + len(plain) - 2 * len(both)), 0.0
            ),
            Check(
                "customers in another cluster",
                float((both["cluster"] != both["cluster_plain"]).sum()),
                0.0,
            ),
            Check(
                "distance to the centroid",
                largest_gap(both.distance_to_centroid, both.distance_to_centroid_plain),
                1e-9,
            ),
        ]


def upstream(nodes: dict[str, Any], *names: str) -> tuple[str, ...]:
    """List models and all models that they are made from, in an order in which to make them."""
    found: list[str] = []

    def visit(name: str) -> None:
        node = nodes.get(name)
        if node is None or name in found or node["resource_type"] != "model":
            return
        for parent in node["depends_on"]["nodes"]:
            visit(parent.split(".")[-1])
        found.append(name)

    for name in names:
        visit(name)
    return tuple(found)
