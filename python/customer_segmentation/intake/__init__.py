"""What is looked at before dbt starts: whether Olist's raw files, the seeds and the settings can be used.

Somebody's own orders are the business of room ``shop``.

``raw_folder``   which file each table is in, and everything that is wrong with the folder; which columns it must have,
                 models/adapters/olist/staging/_sources.yml says
``raw_csv``      how a CSV file is read: delimiter, quotes, header
``raw_text``     its bytes: compression, encoding, line ends
``raw_parquet``  Parquet files, and folders of them
``raw_table``    the SQL that reads a table
``raw_spark``    the SQL by which Spark reads it
``raw_answers``  what the macros of dbt ask
``raw_plugin``   how those of DuckDB ask it, a plugin of dbt-duckdb
``row_groups``   how the tables lie in the file that a build makes
``seed_files``   the seeds
``settings``     the settings that dbt_project.yml states
"""

from customer_segmentation.intake.raw_answers import RawAnswers
from customer_segmentation.intake.raw_csv import CsvFile, look_at_any, write_copy
from customer_segmentation.intake.raw_folder import look_into, needed_columns, problems
from customer_segmentation.intake.raw_parquet import is_parquet
from customer_segmentation.intake.raw_spark import (
    NUMBER,
    SparkReading,
    SparkView,
    spark_reading,
)
from customer_segmentation.intake.raw_text import RawFileError
from customer_segmentation.intake.row_groups import ROW_GROUP_ROWS, open_with_row_groups
from customer_segmentation.intake.seed_files import problems as seed_problems
from customer_segmentation.intake.settings import (
    default_settings,
    project_vars,
    settings_problems,
)

__all__ = [
    "NUMBER",
    "ROW_GROUP_ROWS",
    "CsvFile",
    "RawAnswers",
    "RawFileError",
    "SparkReading",
    "SparkView",
    "default_settings",
    "is_parquet",
    "look_at_any",
    "look_into",
    "needed_columns",
    "open_with_row_groups",
    "problems",
    "project_vars",
    "seed_problems",
    "settings_problems",
    "spark_reading",
    "write_copy",
]
