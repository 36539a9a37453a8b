"""Train the model, as `tabular.steps.train` does.

With `--mitigation reweighing` a row counts with Kamiran & Calders' weight of its race and outcome; race itself is no
input either way. The models that the cross-fitted probabilities are of are reweighed on their own rows.
"""

from __future__ import annotations

import argparse
from typing import Any, Dict, Optional, Sequence

import numpy as np
import xgboost
from numpy.typing import NDArray

from mortgage_approval.schema import LABEL, RACE, TASK
from tabular.reweighing import reweighing
from tabular.steps import train

NONE, REWEIGHING = "none", "reweighing"


def _reweighed(table: Any) -> NDArray[np.float64]:
    return reweighing(table[RACE], table[LABEL])


WEIGHTS: Dict[str, train.Weigh] = {NONE: train.equally, REWEIGHING: _reweighed}


def fit(table: Any, parameters: Dict[str, Any], rounds: int, mitigation: str) -> xgboost.Booster:
    """A booster of `table` (label, features and race)."""
    return train.fit(TASK, table, parameters, rounds, WEIGHTS[mitigation])


def held_out(table: Any, parameters: Dict[str, Any], rounds: int, mitigation: str) -> NDArray[np.float64]:
    """Probability of each row by a booster of rows that it is not among."""
    return train.held_out(TASK, table, parameters, rounds, WEIGHTS[mitigation])


def _arguments(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = train.hyperparameters()
    parser.set_defaults(seed=1990, decision_threshold=0.25)
    parser.add_argument("--mitigation", choices=tuple(WEIGHTS), default=NONE)
    return train.read(parser, argv)


def main(argv: Optional[Sequence[str]] = None) -> None:
    arguments = _arguments(argv)
    mitigation = arguments.mitigation
    train.run(TASK, "mortgage_approval", arguments, WEIGHTS[mitigation], {"mitigation": mitigation})


if __name__ == "__main__":
    main()
