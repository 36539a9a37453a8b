"""How often two versions of the project's loan model disagree: what a paired verdict needs to be planned with."""

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PARAMETERS = {
    "max_depth": 4, "eta": 0.05, "min_child_weight": 3.0, "lambda": 5.0, "colsample_bytree": 0.5, "seed": 20021001,
    "nthread": 1,
}  # fmt: skip
"""Those of the loan model's training step."""

ROUNDS, THRESHOLD, FIRST = 200, 0.25, "2000-10-01"
RETRAINED = {
    "a quarter later": ("2002-06-30", "2002-09-30", "2003-03-31"),
    "a year later": ("2002-09-30", "2003-09-30", "2004-06-30"),
}
"""Last day that the champion, and the candidate, learned from; last day of the loans that both then decide on."""


def retrained_models() -> dict[str, Any]:
    """By how much later the candidate was trained: success rates, discordance, and what independence would give."""
    if str(ROOT / "pipeline_code") not in sys.path:
        sys.path.insert(0, str(ROOT / "pipeline_code"))
    from loan_approval import schema
    from loan_approval.steps.dataset import read_table

    loans = read_table(ROOT / "data" / "loans")
    return {name: _compare(loans, loans[schema.DATE], *days) for name, days in RETRAINED.items()}


def _compare(loans: Any, day: Any, champion_to: str, candidate_to: str, to: str) -> dict[str, float]:
    from loan_approval.schema import LABEL

    later = loans[(day > candidate_to) & (day <= to)]
    good = later[LABEL].to_numpy() == 0
    champion, candidate = (
        _approved(loans[(day >= FIRST) & (day <= last)], later) == good for last in (champion_to, candidate_to)
    )
    a, b, discordance = champion.mean(), candidate.mean(), (champion != candidate).mean()
    independent = a * (1 - b) + b * (1 - a)
    return {
        "loans": len(later),
        "champion": round(float(a), 4),
        "candidate": round(float(b), 4),
        "discordance": round(float(discordance), 4),
        "share_of_independent": round(float(discordance / independent), 2),
    }


def _approved(learned: Any, later: Any) -> Any:
    import xgboost

    from loan_approval import schema
    from loan_approval.encoding import FEATURE_TYPES, encode
    from loan_approval.steps.train import OBJECTIVE

    def matrix(loans: Any) -> Any:
        features = encode({name: loans[name].tolist() for name in schema.INPUT_NAMES})
        return xgboost.DMatrix(features, loans[schema.LABEL].to_numpy(), feature_types=list(FEATURE_TYPES))

    booster = xgboost.train({**OBJECTIVE, **PARAMETERS}, matrix(learned), ROUNDS)
    return booster.predict(matrix(later)) <= THRESHOLD
