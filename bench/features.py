"""The point-in-time join of 1,000,000 rows against 10,000,000 feature records: our SQL on DuckDB, beside others.

`python -m bench.features [--rows N] [--records N]` measures another size; `… CONTENDER FOLDER` measures one, in a
process of its own. Both tables are Parquet files that are made before the clock starts. The query of the SageMaker SDK
pairs each row with every record before it, so it is measured on a tenth of both, beside ours, and without deletions:
those it takes for the end of all that was known before them, at whatever time a row asks.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROWS, RECORDS = 1_000_000, 10_000_000
RUNS = 3
DELETION = 100
"""One in so many records is a deletion."""
PART = 10
"""By how much fewer rows and records the SDK's query gets; as many of each key."""

ROOT = Path(__file__).resolve().parents[1]
PATHS = [str(ROOT), str(ROOT / "pipeline_code")]


def measure(rows: int = ROWS, records: int = RECORDS) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        made = _run("write", folder, rows, records, DELETION)
        whole = {contender: _median(contender, folder) for contender in ("ours", "pandas_merge_asof")}
        looked_up = _run("reference", folder)
        differing = _run("differing", folder, "ours", "pandas_merge_asof")
    part_rows, part_records = rows // PART, records // PART
    part: dict[str, Any] = {"rows": part_rows, "records": part_records}
    with tempfile.TemporaryDirectory() as folder:
        _run("write", folder, part_rows, part_records, 0)
        part |= {name: _run(name, folder) for name in ("ours", "sdk_newest_of_each_row", "sdk_default")}
        part["sdk_rows_that_differ"] = _run("differing", folder, "ours", "sdk_newest_of_each_row")["rows"]
    with tempfile.TemporaryDirectory() as folder:
        _run("write", folder, part_rows, part_records, DELETION)
        _run("ours", folder)
        _run("sdk_newest_of_each_row", folder)
        differing_more = _run("differing", folder, "ours", "sdk_newest_of_each_row")["rows"]
        part["sdk_rows_that_differ_with_deletions"] = differing_more
    return {
        "rows": rows,
        "records": records,
        **made,
        "runs": RUNS,
        **whole,
        "compared_with_reference": looked_up,
        "rows_that_differ_from_pandas": differing["rows"],
        "on_a_part": part,
    }


def _median(contender: str, folder: str) -> dict[str, Any]:
    runs = [_run(contender, folder) for _ in range(RUNS)]
    return {figure: round(median(run[figure] for run in runs), 2) for figure in runs[0]}


def _run(name: str, folder: str, *more: object) -> dict[str, Any]:
    """In a process of its own, whatever it is: a process begins with the peak memory of the one that started it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(PATHS)}
    command = [sys.executable, "-W", "ignore", "-m", "bench.features", name, folder, *map(str, more)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def write(folder: Path, rows: str, records: str, every_deletion: str) -> dict[str, float]:
    """Size of the files in MB."""
    from bench import features_data as data

    data.write(folder, int(rows), int(records), int(every_deletion))
    sizes = {f"{name}_mb": round((folder / f"{name}.parquet").stat().st_size / 1e6) for name in ("rows", "store")}
    return {"records_a_key": data.RECORDS_A_KEY, **sizes}


def reference(folder: Path) -> dict[str, float]:
    from bench import features_data as data

    rows, wrong = data.against_reference(folder, "ours")
    return {"rows": rows, "keys": data.SAMPLED_KEYS, "differ": wrong}


def differing(folder: Path, one: str, other: str) -> dict[str, float]:
    from bench import features_data as data

    return {"rows": data.differing(folder, one, other)}


def ours(folder: Path) -> dict[str, float]:
    from bench import features_data as data
    from features import as_of

    connection = data.connect(folder)
    sql = as_of.sql(data.GROUP, rows=data.ROWS, store=data.STORE, run=data.RUN, as_of=None)
    start = time.perf_counter()
    connection.execute(f"CREATE TEMP TABLE result AS {sql}")
    measured = _measured(start)
    data.save(connection, "result", folder, "ours")
    return measured


def pandas_merge_asof(folder: Path) -> dict[str, float]:
    """load_seconds: until the frames are there."""
    from bench import features_data as data
    from bench import features_rivals as rivals

    connection = data.connect(folder)
    begin = time.perf_counter()
    rows, store = rivals.pandas_load(connection)
    start = time.perf_counter()
    result = rivals.pandas_join(rows, store)
    measured = {**_measured(start), "load_seconds": round(start - begin, 2)}
    connection.register("joined", result)
    whole = ", ".join(f"CAST({name} AS bigint) AS {name}" for name in ("approvals", "charge_offs"))
    data.save(connection, f"(SELECT * REPLACE ({whole}) FROM joined)", folder, "pandas_merge_asof")
    return measured


def sdk_newest_of_each_row(folder: Path) -> dict[str, float]:
    return _sdk(folder, newest_only=True)


def sdk_default(folder: Path) -> dict[str, float]:
    return _sdk(folder, newest_only=False)


def _sdk(folder: Path, *, newest_only: bool) -> dict[str, float]:
    """result_rows: what it returns for the rows that were asked."""
    from bench import features_data as data
    from bench import features_rivals as rivals

    connection = data.connect(folder)
    connection.execute(rivals.SDK_MACRO)
    start = time.perf_counter()
    connection.execute(f"CREATE TEMP TABLE result AS {rivals.sdk_sql(newest_only=newest_only)}")
    measured = _measured(start)
    found = connection.execute("SELECT count(*) FROM result").fetchone()[0]
    if newest_only:
        data.save(connection, "result", folder, "sdk_newest_of_each_row")
    return {**measured, "result_rows": found}


def _measured(start: float) -> dict[str, float]:
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": round(seconds, 2), "peak_mb": round(peak, 1)}


PARTS: dict[str, Callable[..., dict[str, float]]] = {
    "write": write,
    "reference": reference,
    "differing": differing,
    "ours": ours,
    "pandas_merge_asof": pandas_merge_asof,
    "sdk_newest_of_each_row": sdk_newest_of_each_row,
    "sdk_default": sdk_default,
}


def main(arguments: list[str]) -> None:
    if arguments and arguments[0] in PARTS:
        name, folder, *more = arguments
        print(json.dumps(PARTS[name](Path(folder), *more)))
        return
    parser = argparse.ArgumentParser(prog="python -m bench.features")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--records", type=int, default=RECORDS)
    chosen = parser.parse_args(arguments)
    print(json.dumps(measure(chosen.rows, chosen.records), indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
