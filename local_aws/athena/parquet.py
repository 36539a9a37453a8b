"""Parquet files as a table of the engine, before the query's own text runs.

The objects are copied to a folder, since DuckDB reads Parquet from files only, in one that is gone afterwards.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local_aws.athena.names import literal, quoted
from local_aws.athena.tables import File, Table

_PLACE = "place of the file"  # no column is called so


def load(connection: Any, name: str, table: Table, files: Sequence[File]) -> None:
    """Create the table `name` with the rows of `files`.

    Columns are found by their names, in any case; a file that lacks one, since the column was added later, has
    NULL there. Values are converted to the types of the Glue table.
    """
    columns = ", ".join(f"{quoted(column)} {kind}" for column, kind in table.types.items())
    connection.execute(f"CREATE TABLE {name} ({columns})")
    if not files:
        return
    with tempfile.TemporaryDirectory(prefix="athena-") as folder:
        places = [f"{folder}/{number}.parquet" for number in range(len(files))]
        for place, file in zip(places, files, strict=True):
            Path(place).write_bytes(file.data())
        source = f"read_parquet({literal(f'{folder}/*.parquet')}, union_by_name = true, filename = {literal(_PLACE)})"
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
        there = {row[0].lower(): row[0] for row in described}
        selected = [
            f"CAST(file.{quoted(there[column.lower()])} AS {table.types[column]})"
            if column.lower() in there
            else "NULL"
            for column in table.columns
        ]
        selected += [f"CAST(partition.{quoted(key)} AS {table.types[key]})" for key in table.keys]
        values = [places, *(list(each) for each in zip(*(file.values for file in files), strict=True))]
        partition = ", ".join(f"unnest(?::VARCHAR[]) AS {quoted(each)}" for each in (_PLACE, *table.keys))
        connection.execute(
            f"INSERT INTO {name} SELECT {', '.join(selected)} FROM {source} AS file "  # noqa: S608
            f"JOIN (SELECT {partition}) AS partition USING ({quoted(_PLACE)})",
            values,
        )
