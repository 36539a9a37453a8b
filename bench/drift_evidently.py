"""evidently's own library, in an environment of its own: it needs an older pandas than the project's.

`.venv-evidently/bin/python bench/drift_evidently.py FILE` reads windows and prints which drifted. Without that
interpreter, or without the package in it, there is no version and there are no verdicts.
"""

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

INTERPRETER = Path(__file__).resolve().parents[1] / ".venv-evidently" / "bin" / "python"


@cache
def version() -> str:
    """Of the library; empty if it cannot be imported."""
    code = "import evidently; print(evidently.__version__)"
    if not INTERPRETER.exists():
        return ""
    done = subprocess.run([str(INTERPRETER), "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def verdicts(windows: dict[str, dict[str, Any]], references: dict[str, list[str]]) -> dict[str, bool]:
    """By name, whether the library calls a window drifted from those it is held against; {} without the library.

    windows: by name, values by column: floats, or texts. references: by the name of a window the names of others.
    """
    if not version():
        return {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "windows.npz"
        arrays = {f"{name}/{column}": values for name, window in windows.items() for column, values in window.items()}
        np.savez(path, **arrays)
        path.with_suffix(".json").write_text(json.dumps(references))
        command = [str(INTERPRETER), "-W", "ignore", __file__, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    found: dict[str, bool] = json.loads(done.stdout.splitlines()[-1])
    return found


def drifted(reference: Any, window: Any) -> bool:
    """The preset's verdict on two frames, as it comes."""
    from evidently import DataDefinition, Dataset, Report  # type: ignore[import-not-found]
    from evidently.presets import DataDriftPreset  # type: ignore[import-not-found]

    numeric = [name for name in reference.columns if reference[name].dtype.kind == "f"]
    texts = [name for name in reference.columns if name not in numeric]
    definition = DataDefinition(numerical_columns=numeric, categorical_columns=texts)
    current, known = (Dataset.from_pandas(frame, data_definition=definition) for frame in (window, reference))
    metrics = Report([DataDriftPreset()]).run(current, known).dict()["metrics"]
    count = next(each["value"] for each in metrics if each["metric_name"].startswith("DriftedColumnsCount"))
    return bool(count["share"] >= 0.5)


def main(path: str) -> None:
    import pandas as pd

    columns: dict[str, dict[str, Any]] = {}
    with np.load(path) as arrays:
        for key in arrays:
            name, column = key.split("/")
            columns.setdefault(name, {})[column] = arrays[key]
    frames = {name: pd.DataFrame(values) for name, values in columns.items()}
    references = json.loads(Path(path).with_suffix(".json").read_text())
    print(
        json.dumps(
            {
                name: drifted(pd.concat([frames[other] for other in others], ignore_index=True), frames[name])
                for name, others in references.items()
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
