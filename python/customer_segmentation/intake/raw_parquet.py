"""What a Parquet file, or a folder of Parquet files, says about itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from customer_segmentation.intake.raw_csv import find_columns
from customer_segmentation.intake.raw_text import RawFileError

SIGNATURE = b"PAR1"


@dataclass(frozen=True)
class ParquetPart:
    """One Parquet file.

    Attributes
    ----------
    path : Path
    columns : tuple of str
        Names as written; those in the names of its folders (``state=SP``) last.
    zones : tuple of str
        For each column "offset" if it holds moments, "none" if times without a zone, "text", or "".
    rows : int
    has_folder_columns : bool
        Whether names of folders are columns.
    """

    path: Path
    columns: tuple[str, ...]
    zones: tuple[str, ...]
    rows: int
    has_folder_columns: bool


def is_parquet(path: Path) -> bool:
    """Tell whether a file begins as Parquet does."""
    with path.open("rb") as file:
        return file.read(len(SIGNATURE)) == SIGNATURE


def look_at_file(path: Path, *, needed: Sequence[str]) -> tuple[ParquetPart, ...]:
    """Look at a table in one file.

    Parameters
    ----------
    path : Path
    needed : sequence of str
        Columns that it must have.

    Returns
    -------
    tuple of one ParquetPart

    Raises
    ------
    RawFileError
        If it is damaged or has no rows, or a column is missing or there twice.
    """
    part = look_at_part(path, folder=path.parent, needed=needed)
    if not part.rows:
        raise RawFileError("the file has columns and no rows; get the file again")
    return (part,)


def look_at_folder(folder: Path, *, needed: Sequence[str]) -> tuple[ParquetPart, ...]:
    """Look at a table in many files, as Spark writes it.

    Parameters
    ----------
    folder : Path
    needed : sequence of str
        Columns that each must have, some of them perhaps in the names of folders.

    Returns
    -------
    tuple of ParquetPart
        Ordered by path.

    Raises
    ------
    RawFileError
        As :func:`look_at_file`, naming the part; or if the folder has none.
    """
    parts = []
    for path in paths_of_parts(folder):
        try:
            parts.append(look_at_part(path, folder=folder, needed=needed))
        except RawFileError as error:
            raise RawFileError(f"in its part {path.relative_to(folder)}, {error}") from None
    if not parts:
        raise RawFileError(
            "this is a folder without Parquet files; put what is in it together into one CSV file with one header"
        )
    if not any(part.rows for part in parts):
        raise RawFileError("its parts have no rows; get the files again")
    return tuple(parts)


def paths_of_parts(folder: Path) -> Iterator[Path]:
    """Yield the Parquet files below a folder, but for what Spark and Hive hide (``_temporary``, ``.crc``)."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] not in "_.")
        for name in sorted(names):
            if name[0] not in "_." and name.lower().endswith((".parquet", ".parq")):
                yield Path(parent) / name


def look_at_part(path: Path, *, folder: Path, needed: Sequence[str]) -> ParquetPart:
    """Read the description of one file.

    Parameters
    ----------
    path, folder : Path
        The file, and the folder of the table.
    needed : sequence of str

    Returns
    -------
    ParquetPart

    Raises
    ------
    RawFileError
        If it is damaged, or a needed column is missing or there twice.
    """
    # Imported here: it takes longer than to look at nine CSV files.
    import pyarrow as pa
    from pyarrow import parquet

    def zone(kind: pa.DataType) -> str:
        if pa.types.is_dictionary(kind):
            return zone(kind.value_type)
        if pa.types.is_timestamp(kind):
            return "offset" if kind.tz else "none"
        is_text = (
            pa.types.is_string(kind)
            or pa.types.is_large_string(kind)
            or pa.types.is_string_view(kind)
        )
        return "text" if is_text else ""

    try:
        with parquet.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, PermissionError):
            raise
        reason = str(error).splitlines()[0].rstrip(".")
        raise RawFileError(
            f"the file is cut off or is no Parquet ({reason}); get the file again"
        ) from None
    between = path.relative_to(folder).parts[:-1]
    of_folders = [name.split("=", 1)[0] for name in between if "=" in name]
    columns = (*schema.names, *of_folders)
    find_columns(columns, needed)
    return ParquetPart(
        path=path,
        columns=columns,
        zones=(*map(zone, schema.types), *("text" for _ in of_folders)),
        rows=rows,
        has_folder_columns=bool(of_folders),
    )
