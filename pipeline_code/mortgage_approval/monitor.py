"""What the monitors must know of this model: `MODEL`; and whom its evaluation compares: `FACETS`.

A request tells neither race nor marital status, so no window of captured requests can be judged by them, and `MODEL`
has no facets. What the model does to whom is measured before registration, on the lenders' own disclosures.

Imported by every step that monitors, so XGBoost is imported only where a prediction is explained.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monitoring.model import BINARY, Columns, Explanation, Facet, MonitoredModel
from mortgage_approval.schema import ENCODER, FORM, INPUTS, PROTECTED, YES
from tabular import traffic
from tabular.serving import APPROVE

POSITIVE = "1"
"""Denied by the lender: the outcome of an application is known when the lender has decided, of whichever decision."""

FACETS = tuple(Facet(name, values=(YES,)) for name in PROTECTED)


def explain(folder: Path, columns: Columns) -> Explanation:
    """SHAP values, in log odds, by XGBoost's own `pred_contribs`, of the applications that the model would take.

    Raises ValueError if the model in `folder` has other features than this code makes, OSError if there is none.
    """
    import xgboost

    from mortgage_approval.inference import model_fn

    rows, model = FORM.readable(columns), model_fn(str(folder))
    if not rows:
        return Explanation(ENCODER.names, np.empty((0, len(INPUTS))))
    data = xgboost.DMatrix(ENCODER.encode(FORM.columns_of(rows)), feature_types=list(ENCODER.types), nthread=1)
    # The last column is the expected value, which belongs to no feature.
    return Explanation(ENCODER.names, model.booster.predict(data, pred_contribs=True)[:, :-1])


MODEL = MonitoredModel(
    problem=BINARY,
    features=tuple(traffic.feature(field) for field in INPUTS),
    read_request=traffic.Requests(INPUTS).read,
    read_response=traffic.read_response,
    positive=POSITIVE,
    favourable=APPROVE,
    explain=explain,
)
