"""Functions that end in other bits in Java than in C, as C has them.

Of the logarithms of all amounts up to 14,000 in steps of a hundredth, Java's StrictMath, which Spark calls,
gives 1.2 per cent another last bit than the C library, which DuckDB and Python call. A fit on them ends in other
bits, and a border now and then on another customer.
"""

from __future__ import annotations

from pyspark.sql import SparkSession
from pyspark.sql.types import DoubleType


def register_functions(session: SparkSession) -> None:
    """Make ``c_logarithm`` and ``c_exponential`` known to a session.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
    """

    # Within a function, so that executors, which have no dbt, need not find this module.
    def logarithm(number: float | None) -> float | None:
        import math

        return None if number is None else math.log(number)

    def exponential(number: float | None) -> float | None:
        import math

        return None if number is None else math.exp(number)

    session.udf.register("c_logarithm", logarithm, DoubleType())
    session.udf.register("c_exponential", exponential, DoubleType())
