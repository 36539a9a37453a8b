"""Train the model: SageMaker's script mode runs this with hyperparameters as arguments.

Beside the model lies `cross_fitted.csv`: of each row the label and the probability by a model that did not learn from
it; `validation-auc` in the log is theirs. The same rows, hyperparameters, seed and `nthread` give the same model, byte
for byte.
"""

from __future__ import annotations

import argparse
import os
import platform
from pathlib import Path
from types import MappingProxyType
from typing import Any, Callable, Dict, Mapping, Optional, Sequence

import numpy as np
import xgboost
from numpy.typing import NDArray

from monitoring.auc import auc
from tabular import files, model_file
from tabular.folds import cross_fit
from tabular.serving import DIGITS
from tabular.task import Task

OBJECTIVE = {"objective": "binary:logistic", "tree_method": "hist"}
TREE: Mapping[str, float] = MappingProxyType(
    {
        "max_depth": 3,
        "eta": 0.05,
        "min_child_weight": 3.0,
        "lambda": 5.0,
        "colsample_bytree": 0.5,
        "seed": 2026,
        "nthread": 1,  # part of the result: sums depend on their order
    }
)
"""XGBoost's parameters that are hyperparameters of the job, and what they are if it says nothing."""
NOTHING: Mapping[str, str] = MappingProxyType({})
CODE_ROOT = Path(__file__).resolve().parents[2]
SHARED = ("monitoring", "tabular", "train.py", "inference.py")
"""What of the code bundle goes into the model beside its own folder, so that a version serves with the code it was
made by."""

Weigh = Callable[[Any], Optional[NDArray[np.float64]]]
"""A table to the weights of its rows, or None where all count alike."""


def equally(_table: Any) -> None:
    return None


def fit(task: Task, table: Any, parameters: Dict[str, Any], rounds: int, weigh: Weigh = equally) -> xgboost.Booster:
    """A booster of `table` (label and features, and what `weigh` needs)."""
    return xgboost.train({**OBJECTIVE, **parameters}, _matrix(task, table, weigh(table)), rounds)


def held_out(
    task: Task, table: Any, parameters: Dict[str, Any], rounds: int, weigh: Weigh = equally
) -> NDArray[np.float64]:
    """Probability of each row by a booster of rows that it is not among."""

    def learn(learned: NDArray[np.bool_], scored: NDArray[np.bool_]) -> NDArray[np.float64]:
        booster = fit(task, table[learned], parameters, rounds, weigh)
        probabilities: NDArray[np.float64] = booster.predict(_matrix(task, table[scored])).astype(np.float64)
        return probabilities

    return cross_fit(len(table), parameters["seed"], learn).round(DIGITS)


def _matrix(task: Task, table: Any, weights: Optional[NDArray[np.float64]] = None) -> xgboost.DMatrix:
    features, labels = table[list(task.encoder.names)].to_numpy(np.float64), table[task.label].to_numpy()
    return xgboost.DMatrix(features, labels, weight=weights, feature_types=list(task.encoder.types))


def hyperparameters() -> argparse.ArgumentParser:
    """Of every model; one that has more, or other defaults, adds them."""
    parser = argparse.ArgumentParser(description="Train the model")
    tree = parser.add_argument_group("XGBoost parameters")
    for name, default in TREE.items():
        tree.add_argument(f"--{name}", type=type(default), default=default)
    parser.add_argument("--num_round", type=int, default=100)
    parser.add_argument("--decision_threshold", type=float, default=0.5, help="approve up to this probability")
    parser.add_argument("--train", type=Path, default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--model_dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    return parser


def read(parser: argparse.ArgumentParser, argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """What the job was given, XGBoost's `parameters` together; ends the program if something is missing."""
    arguments = parser.parse_args(argv)
    if arguments.train is None or arguments.model_dir is None:
        parser.error("--train and --model_dir, or their SM_ variables, are needed")
    arguments.parameters = {name: getattr(arguments, name) for name in TREE}
    return arguments


def main(task: Task, folder: str, argv: Optional[Sequence[str]] = None) -> None:
    """folder: the model's own, below the code."""
    run(task, folder, read(hyperparameters(), argv))


def run(
    task: Task,
    folder: str,
    arguments: argparse.Namespace,
    weigh: Weigh = equally,
    noted: Mapping[str, str] = NOTHING,
) -> None:
    """noted: what of the arguments the model's metadata tell besides."""
    import pandas as pd

    table = pd.concat([pd.read_csv(path) for path in files.tables(arguments.train)], ignore_index=True)
    training = arguments.parameters, arguments.num_round, weigh
    probabilities = held_out(task, table, *training)
    measured = auc(table[task.label], probabilities).value
    metadata = {
        "inputs": list(task.encoder.names),
        "features": list(task.encoder.names),
        "decision_threshold": arguments.decision_threshold,
        **noted,
        "hyperparameters": {**arguments.parameters, "num_round": arguments.num_round},
        "rows": {"train": len(table)},
        task.called: int(table[task.label].sum()),
        "validation_auc": measured,
        "versions": {"python": platform.python_version(), "xgboost": xgboost.__version__, "numpy": np.__version__},
    }
    model = fit(task, table, *training).save_raw("ubj")
    model_file.save(bytes(model), metadata, CODE_ROOT, (folder, *SHARED), arguments.model_dir)
    said = pd.DataFrame({task.label: table[task.label], "probability": probabilities})
    said.to_csv(arguments.model_dir / model_file.CROSS_FITTED_FILE, index=False)
    told = "".join(f"; {name}: {value}" for name, value in noted.items())
    print(f"rows: {len(table)}, {metadata[task.called]} {task.called}{told}")
    # As XGBoost tells of a round: SageMaker's definition of the metric wants the number in brackets.
    print(f"[{arguments.num_round - 1}]\tvalidation-auc:{measured:.6f}")
