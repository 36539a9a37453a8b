"""Train the model: SageMaker's script mode runs this file with hyperparameters as arguments.

The model is fitted twice: on the training rows, to report `validation-auc` on the later validation rows; then, with
the same hyperparameters, on both together, because the newest loans are the ones most like those to come.

Defaults: chosen among a few settings by the AUC of the training period's last three months (0.65). The AUC of 2002's
last quarter was seen for several of them (0.678 to 0.692), so that quarter is not a wholly untouched test of the
defaults.

Beside the model lies `cross_fitted.csv`: for each row that it learned from, in the order of train and validation, the
label and the probability that a model of the same hyperparameters gives which did not learn from that row. What the
monitors expect of outcomes comes from these, since a model's probabilities of its own training rows are too good.

The same rows, hyperparameters, seed and `nthread` give the same model, byte for byte.
"""

from __future__ import annotations

import argparse
import os
import platform
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
import xgboost
from numpy.typing import NDArray

from loan_approval.encoding import FEATURE_TYPES, FEATURES
from loan_approval.schema import LABEL, SEEN_NAMES
from loan_approval.steps.dataset import data_files
from monitoring.auc import auc
from tabular import model_file
from tabular.folds import cross_fit
from tabular.serving import DIGITS

OBJECTIVE = {"objective": "binary:logistic", "eval_metric": "auc", "tree_method": "hist"}
LOG_EVERY = 50

CODE_ROOT = Path(__file__).resolve().parents[2]
CODE = (Path(__file__).resolve().parents[1].name, "features", "monitoring", "tabular", "train.py", "inference.py")
"""What of the code bundle goes into the model, so that a version serves and scores with the code it was made by."""


def fit(table: Any, parameters: Dict[str, Any], rounds: int, watched: Any = None) -> xgboost.Booster:
    """A booster of `table` (label and FEATURES); prints the AUC on `watched` every LOG_EVERY rounds."""
    watch = [(_matrix(watched), "validation")] if watched is not None else []
    return xgboost.train({**OBJECTIVE, **parameters}, _matrix(table), rounds, evals=watch, verbose_eval=LOG_EVERY)


def validation_auc(booster: xgboost.Booster, table: Any) -> float:
    return auc(table[LABEL], booster.predict(_matrix(table))).value


def held_out(table: Any, parameters: Dict[str, Any], rounds: int) -> NDArray[np.float64]:
    """Probability of each row by a booster of rows that it is not among."""

    def learn(learned: NDArray[np.bool_], scored: NDArray[np.bool_]) -> NDArray[np.float64]:
        probabilities: NDArray[np.float64] = fit(table[learned], parameters, rounds).predict(_matrix(table[scored]))
        return probabilities

    return cross_fit(len(table), parameters["seed"], learn).round(DIGITS)


def _matrix(table: Any) -> xgboost.DMatrix:
    features = table[list(FEATURES)].to_numpy(np.float64)
    return xgboost.DMatrix(features, table[LABEL].to_numpy(), feature_types=list(FEATURE_TYPES))


def _arguments(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the loan approval model")
    tree = parser.add_argument_group("XGBoost parameters")
    tree.add_argument("--max_depth", type=int, default=4)
    tree.add_argument("--eta", type=float, default=0.05)
    tree.add_argument("--min_child_weight", type=float, default=3.0)
    tree.add_argument("--lambda", type=float, default=5.0)
    tree.add_argument("--subsample", type=float, default=1.0)
    tree.add_argument("--colsample_bytree", type=float, default=0.5)
    tree.add_argument("--seed", type=int, default=20021001)
    tree.add_argument("--nthread", type=int, default=1, help="part of the result: sums depend on their order")
    names: List[str] = [action.dest for action in tree._group_actions]
    parser.add_argument("--num_round", type=int, default=200)
    parser.add_argument("--decision_threshold", type=float, default=0.25, help="approve up to this probability")
    # A tuning job hands its objective to every training job.
    parser.add_argument("--_tuning_objective_metric", help=argparse.SUPPRESS)
    parser.add_argument("--train", type=Path, default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--validation", type=Path, default=os.environ.get("SM_CHANNEL_VALIDATION"))
    parser.add_argument("--model_dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    arguments = parser.parse_args(argv)
    for needed in ("train", "validation", "model_dir"):
        if getattr(arguments, needed) is None:
            parser.error(f"--{needed} or its SM_ variable is needed")
    arguments.parameters = {name: getattr(arguments, name) for name in names}
    return arguments


def _read(folder: Path) -> Any:
    import pandas as pd

    return pd.concat([pd.read_csv(path) for path in data_files(folder)], ignore_index=True)


def main(argv: Optional[Sequence[str]] = None) -> None:
    arguments = _arguments(argv)
    train, validation = _read(arguments.train), _read(arguments.validation)
    import pandas as pd

    measured = validation_auc(fit(train, arguments.parameters, arguments.num_round, validation), validation)
    everything = pd.concat([train, validation], ignore_index=True)
    metadata = {
        "inputs": list(SEEN_NAMES),
        "features": list(FEATURES),
        "decision_threshold": arguments.decision_threshold,
        "hyperparameters": {**arguments.parameters, "num_round": arguments.num_round},
        "rows": {"train": len(train), "validation": len(validation)},
        "charged_off": int(everything[LABEL].sum()),
        "validation_auc": measured,
        "versions": {"python": platform.python_version(), "xgboost": xgboost.__version__, "numpy": np.__version__},
    }
    model = fit(everything, arguments.parameters, arguments.num_round).save_raw("ubj")
    model_file.save(bytes(model), metadata, CODE_ROOT, CODE, arguments.model_dir)
    probabilities = held_out(everything, arguments.parameters, arguments.num_round)
    table = pd.DataFrame({LABEL: everything[LABEL], "probability": probabilities})
    table.to_csv(arguments.model_dir / model_file.CROSS_FITTED_FILE, index=False)
    print(f"rows: {len(train)} train, {len(validation)} validation, {metadata['charged_off']} charged off")
    # As XGBoost tells of a round: SageMaker's definition of the metric wants the number in brackets.
    print(f"[{arguments.num_round - 1}]\tvalidation-auc:{measured:.6f}")


if __name__ == "__main__":
    main()
