"""What the gate says of the mortgage model by mitigation and threshold, and how much of it is the luck of the draw.

The pipeline's own functions on data/mortgages. The first seed is the pipeline's; the others draw other test rows, other
folds and other columns of trees. `refused` counts the seeds whose disparate impact for race is below four fifths.
"""

import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT / "pipeline_code") not in sys.path:
    sys.path.insert(0, str(ROOT / "pipeline_code"))

import xgboost  # noqa: E402

from monitoring.auc import auc  # noqa: E402
from mortgage_approval.schema import ENCODER, FIELDS, LABEL, RACE, YES  # noqa: E402
from mortgage_approval.steps import features, train  # noqa: E402
from tabular import files  # noqa: E402
from tabular.serving import DIGITS  # noqa: E402

DATA = ROOT / "data" / "mortgages"
SEEDS = range(features.SEED, features.SEED + 20)
THRESHOLDS = (0.25, 0.3, 0.5)
FOUR_FIFTHS = 0.8
PARAMETERS = {
    "max_depth": 3,
    "eta": 0.05,
    "min_child_weight": 3.0,
    "lambda": 5.0,
    "colsample_bytree": 0.5,
    "nthread": 1,
}
ROUNDS = 100


def measure(seeds: int = len(SEEDS)) -> dict[str, Any]:
    """The figures of docs/fairness.md; seeds: how many of them."""
    begun = time.perf_counter()
    applications = files.read_rows(files.tables(DATA), FIELDS)
    rows = []
    for mitigation in (train.NONE, train.REWEIGHING):
        seen = [_scores(applications, mitigation, seed) for seed in SEEDS[:seeds]]
        for threshold in THRESHOLDS:
            impacts = [_impact(table, threshold) for table, _ in seen]
            rows.append(
                {
                    "mitigation": mitigation,
                    "threshold": threshold,
                    "approval_rate": round(float((seen[0][0]["probability"] <= threshold).mean()), 3),
                    "disparate_impact": round(impacts[0], 4),
                    "of_all_seeds": [round(each, 3) for each in (min(impacts), statistics.mean(impacts), max(impacts))],
                    "refused": sum(each < FOUR_FIFTHS for each in impacts),
                    "seeds": len(impacts),
                    "test_auc": round(seen[0][1], 4),
                    "mean_test_auc": round(statistics.mean(area for _, area in seen), 4),
                }
            )
    return {"rows": rows, "seconds": round(time.perf_counter() - begun, 1)}


def _scores(applications: Any, mitigation: str, seed: int) -> tuple[Any, float]:
    """Race and probability of every application, by a model that did not learn from it; AUC of the test rows."""
    parts = features.transform(applications, 0.3, seed)
    parameters = {**PARAMETERS, "seed": seed}
    learned = train.held_out(parts.train, parameters, ROUNDS, mitigation)
    booster = train.fit(parts.train, parameters, ROUNDS, mitigation)
    matrix = ENCODER.encode({name: parts.test[name].tolist() for name in ENCODER.names})
    ours = booster.predict(xgboost.DMatrix(matrix, feature_types=list(ENCODER.types)))
    is_black = np.concatenate([parts.baseline[RACE] == YES, parts.test[RACE] == YES])
    table = pd.DataFrame({RACE: is_black, "probability": np.concatenate([learned, ours.round(DIGITS)])})
    return table, auc(parts.test[LABEL] == YES, ours).value


def _impact(table: Any, threshold: float) -> float:
    approved = table["probability"] <= threshold
    return float(approved[table[RACE]].mean() / approved[~table[RACE]].mean())
