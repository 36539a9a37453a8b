"""What the monitors must know of this model: `MODEL`.

The facets are segments, not protected groups: the data hold neither the age, sex or origin of anybody. New businesses
(`NewExist` 2) and rural ones (`UrbanRural` 2) are compared with the rest because a guarantee programme is asked about
them; what the comparison shows of people is nothing.

Imported by every step that monitors, so XGBoost is imported only where a prediction is explained.
"""

from __future__ import annotations

import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Mapping, Optional, Tuple

import numpy as np

from loan_approval.schema import INPUTS, SEEN
from monitoring.model import BINARY, Columns, Explanation, Facet, MonitoredModel
from tabular import traffic
from tabular.serving import APPROVE

POSITIVE = "1"
"""Charged off."""

CHARGE_OFF_DAY = "%d-%b-%y"


def explain(folder: Path, columns: Columns) -> Explanation:
    """SHAP values, in log odds, by XGBoost's own `pred_contribs`, of the applications that the model would take.

    A column that is absent is missing in every row. Raises ValueError if the model in `folder` has other features than
    this code makes, OSError if there is none.
    """
    import xgboost

    from loan_approval.encoding import FEATURE_TYPES, FEATURES, encode
    from loan_approval.inference import FORM, model_fn

    rows, model = FORM.readable(columns), model_fn(str(folder))
    if not rows:
        return Explanation(FEATURES, np.empty((0, len(FEATURES))))
    matrix = encode(FORM.columns_of(rows))
    data = xgboost.DMatrix(matrix, feature_types=list(FEATURE_TYPES), nthread=1)
    # The last column is the expected value, which belongs to no feature.
    return Explanation(FEATURES, model.booster.predict(data, pred_contribs=True)[:, :-1])


def matured(row: Mapping[str, Any], days: int) -> bool:
    """Whether what is known of a loan so many days after its approval is that it was charged off.

    `row` holds ApprovalDate (year-month-day), ChgOffDate (`15-Jan-08`, or nothing) and bad. A loan that was paid in
    full after all (bad 0) counts as paid, although somebody may have taken it for lost meanwhile.
    """
    after = charged_off_after(row)
    return after is not None and after <= days


def charged_off_after(row: Mapping[str, Any]) -> Optional[int]:
    """Days from the approval to the charge-off of a loan that stayed charged off; None for any other."""
    if float(row["bad"]) != 1:
        return None
    # Two digits of a year: Python's rule (69 and later are of the last century) fits an agency founded in 1953.
    return (_day(row["ChgOffDate"], CHARGE_OFF_DAY) - _day(row["ApprovalDate"], "%Y-%m-%d")).days


@lru_cache(maxsize=16384)
def _day(text: str, form: str) -> datetime.datetime:
    """Many loans share a day, and reading one takes longer than all else that is done with it."""
    return datetime.datetime.strptime(text, form)


_FACETS: Tuple[Facet, ...] = (Facet("NewExist", values=("2",)), Facet("UrbanRural", values=("2",)))

MODEL = MonitoredModel(
    problem=BINARY,
    features=tuple(traffic.feature(field) for field in SEEN),
    read_request=traffic.Requests(INPUTS).read,
    read_response=traffic.read_response,
    positive=POSITIVE,
    favourable=APPROVE,
    outcomes_of=(APPROVE,),
    facets=_FACETS,
    explain=explain,
)
