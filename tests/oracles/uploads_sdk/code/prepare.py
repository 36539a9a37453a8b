"""Keeps the complete rows of the raw data."""

from pathlib import Path

RAW, KEPT = Path("/opt/ml/processing/input/raw"), Path("/opt/ml/processing/output/train")

for file in sorted(RAW.glob("*.csv")):
    rows = [line for line in file.read_text().splitlines() if all(line.split(","))]
    (KEPT / file.name).write_text("\n".join(rows))
    print(f"{file.name}: {len(rows)} rows kept")
