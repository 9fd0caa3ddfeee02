"""Write a synthetic Olist: the nine files at any size, the same bytes for the same request.

The same request means customers, seed, format and generator version, with the libraries of the
lock: another NumPy may draw other numbers, another pyarrow write other bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from tqdm import tqdm

from olist import files
from olist.folders import DataError, replaced_folder
from olist.sample import catalogue, marginals, words
from olist.sample.block import build_block

GENERATOR_VERSION = 1
"""Raise it when the same request gives other rows."""

DEFAULT_SEED = 20_181_018

PEOPLE_PER_BLOCK = 50_000
"""Part of the result: every block has its own stream of random numbers."""

Format = Literal["csv", "parquet"]


def marker(*, customers: int, seed: int, file_format: Format) -> dict[str, Any]:
    """Return what ``_synthetic.json`` says about a sample."""
    return {
        "synthetic": True,
        "customers": customers,
        "seed": seed,
        "format": file_format,
        "generator_version": GENERATOR_VERSION,
    }


def read_marker(folder: Path) -> dict[str, Any] | None:
    """Return the marker of a folder, or None if it has none that can be read."""
    try:
        return json.loads((folder / files.SYNTHETIC_MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def translation_bytes() -> bytes:
    """Return the translation file: UTF-8 with byte-order mark, CRLF, no end of the last line."""
    header = ",".join(files.FILES[files.TRANSLATION])
    lines = [header, *(",".join(pair) for pair in words.ENGLISH_CATEGORIES.items())]
    return "\r\n".join(lines).encode("utf-8-sig")


class TableWriter:
    """Appends tables to one CSV or Parquet file; the bytes depend on the tables alone."""

    def __init__(self, folder: Path, name: str, file_format: Format) -> None:
        self.path = (folder / name).with_suffix(f".{file_format}")
        self.file_format = file_format
        self.writer: pa.csv.CSVWriter | pa.parquet.ParquetWriter | None = None

    def append(self, table: pa.Table) -> None:
        """Write a table, the first one together with the header."""
        if self.writer is None:
            self.writer = self.open(table.schema)
        self.writer.write_table(table)

    def open(self, schema: pa.Schema) -> pa.csv.CSVWriter | pa.parquet.ParquetWriter:
        """Open the file for tables of a schema."""
        if self.file_format == "csv":
            return pa.csv.CSVWriter(self.path, schema)
        repetitive = [
            field.name
            for field in schema
            if pa.types.is_string(field.type) and not field.name.endswith("_id")
        ]
        return pa.parquet.ParquetWriter(
            self.path, schema, compression="zstd", compression_level=1, use_dictionary=repetitive
        )

    def close(self) -> None:
        """Finish the file."""
        if self.writer is not None:
            self.writer.close()


class DataSetWriter:
    """Writes tables into the nine files of a folder, in a thread beside the generator."""

    def __init__(self, folder: Path, file_format: Format) -> None:
        self.writers = {name: TableWriter(folder, name, file_format) for name in files.FILES}
        self.pool = ThreadPoolExecutor(max_workers=1)
        self.pending: Any = None

    def __enter__(self) -> DataSetWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.wait()
        finally:
            self.pool.shutdown()
            for writer in self.writers.values():
                writer.close()

    def append(self, tables: dict[str, pa.Table]) -> None:
        """Write tables; at most one set waits, which bounds the memory."""
        self.wait()
        self.pending = self.pool.submit(self.write, tables)

    def wait(self) -> None:
        """Wait for the tables handed over last, and raise what went wrong with them."""
        if self.pending is not None:
            pending, self.pending = self.pending, None
            pending.result()

    def write(self, tables: dict[str, pa.Table]) -> None:
        """Append each table to its file."""
        for name, table in tables.items():
            if tuple(table.column_names) != files.FILES[name]:
                msg = f"{name}: columns {table.column_names} instead of {files.FILES[name]}"
                raise AssertionError(msg)
            self.writers[name].append(table)


def generate(
    *, customers: int, seed: int, file_format: Format = "csv"
) -> Iterator[dict[str, pa.Table]]:
    """Yield the tables of a sample piece by piece, by Kaggle file name.

    Parameters
    ----------
    customers : int
        Number of people, at least 1.
    seed : int
        Not negative.
    file_format : {"csv", "parquet"}
        The translation file is yielded only for Parquet; as CSV it is written byte for byte.

    Yields
    ------
    dict of str to pyarrow.Table
        First products, sellers and geolocation, then the blocks of people in order.

    Raises
    ------
    DataError
        If there are no customers or the seed is negative.
    """
    if customers < 1:
        msg = f"--customers is {customers}: a sample needs at least 1 customer"
        raise DataError(msg)
    if seed < 0:
        msg = f"--seed is {seed}: it must not be negative"
        raise DataError(msg)
    root = np.random.SeedSequence(seed)
    world_seed, offset_seed, block_seed = root.spawn(3)
    generator = np.random.default_rng(world_seed)
    world = catalogue.build_world(customers=customers, seed=seed, generator=generator)
    tables = {
        files.PRODUCTS: catalogue.products_table(world, generator),
        files.SELLERS: catalogue.sellers_table(world),
        files.GEOLOCATION: catalogue.geolocation_table(world, generator),
    }
    if file_format == "parquet":
        pairs = words.ENGLISH_CATEGORIES
        columns = [list(pairs), list(pairs.values())]
        tables[files.TRANSLATION] = pa.table(columns, names=files.FILES[files.TRANSLATION])
    yield tables
    del tables  # a hundred megabytes that nobody needs any more
    offsets = np.random.default_rng(offset_seed).random(3)
    block_count = -(-customers // PEOPLE_PER_BLOCK)
    for block, stream in enumerate(block_seed.spawn(block_count)):
        start = block * PEOPLE_PER_BLOCK
        yield build_block(
            world,
            start=start,
            stop=min(start + PEOPLE_PER_BLOCK, customers),
            offsets=offsets,
            generator=np.random.default_rng(stream),
        )


def write_sample(
    target: Path,
    *,
    customers: int = marginals.REAL_CUSTOMERS,
    seed: int = DEFAULT_SEED,
    file_format: Format = "csv",
    progress: bool = False,
) -> bool:
    """Write a sample into a folder, whole or not at all.

    Parameters
    ----------
    target : Path
        Folder of the sample. An older sample in it is replaced; anything else is left alone.
    customers : int
        Number of people.
    seed : int
        Seed; the same request gives the same bytes.
    file_format : {"csv", "parquet"}
        Format of the nine files.
    progress : bool
        Show a progress bar.

    Returns
    -------
    bool
        False if the same sample was already there.

    Raises
    ------
    DataError
        If the folder has files but no marker of a sample, or the request makes no sense.
    """
    wanted = marker(customers=customers, seed=seed, file_format=file_format)
    names = [Path(name).with_suffix(f".{file_format}").name for name in files.FILES]
    if read_marker(target) == wanted and all((target / name).is_file() for name in names):
        return False
    if target.is_dir() and any(target.iterdir()) and read_marker(target) is None:
        msg = (
            f"{target} has files that are not a synthetic sample; "
            "choose another folder with --to, or empty this one"
        )
        raise DataError(msg)
    pieces = generate(customers=customers, seed=seed, file_format=file_format)
    with replaced_folder(target) as work:
        with DataSetWriter(work, file_format) as writer:
            for tables in tqdm(
                pieces,
                total=1 - (-customers // PEOPLE_PER_BLOCK),
                desc="sample",
                unit="block",
                disable=not progress,
            ):
                writer.append(tables)
        if file_format == "csv":
            (work / files.TRANSLATION).write_bytes(translation_bytes())
        (work / files.SYNTHETIC_MARKER).write_text(json.dumps(wanted) + "\n", encoding="utf-8")
    return True
