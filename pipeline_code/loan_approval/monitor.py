"""What the monitors must know of this model: `MODEL`.

The facets are segments, not protected groups: the data hold neither the age, sex or origin of anybody. New businesses
(`NewExist` 2) and rural ones (`UrbanRural` 2) are compared with the rest because a guarantee programme is asked about
them; what the comparison shows of people is nothing.

Imported by every step that monitors, so XGBoost is imported only where a prediction is explained.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
from pathlib import Path
from typing import Any, List, Mapping, Optional, Tuple

import numpy as np

from loan_approval.schema import INPUT_NAMES, INPUTS, Field, Kind
from monitoring import data_quality
from monitoring.data_quality import Feature
from monitoring.model import BINARY, Answer, Columns, Explanation, Facet, MonitoredModel, Row

JSON, CSV = "application/json", "text/csv"
APPROVE = "approve"
POSITIVE = "1"
"""Charged off."""

CHARGE_OFF_DAY = "%d-%b-%y"

_CODED = tuple(field.name for field in INPUTS if field.has_numeric_levels)


def feature(field: Field) -> Feature:
    """What the schema promises of an input, in the monitor's words."""
    if field.kind is Kind.CATEGORICAL:
        domain = field.levels if field.rest is None else ()  # where anything may come, no value is a violation
        return Feature(field.name, data_quality.STRING, domain=tuple(map(str, domain)))
    kind = data_quality.INTEGRAL if field.whole else data_quality.FRACTIONAL
    return Feature(field.name, kind, non_negative=field.minimum is not None and field.minimum >= 0)


def read_request(text: str, content_type: str) -> List[Row]:
    """The applications of a request, as they were sent: what the model would have refused is not mended here.

    Raises ValueError where `text` holds no list of applications.
    """
    if _media_type(content_type) == CSV:
        return [_csv_row(cells) for cells in csv.reader(io.StringIO(text)) if cells]
    instances = _member(text, "instances")
    if not all(isinstance(instance, dict) for instance in instances):
        raise ValueError("instances: not a list of objects")
    return [_coded(instance) for instance in instances]


def read_response(text: str, content_type: str) -> List[Answer]:
    """The predictions of a response, in the order of its request; raises ValueError where `text` holds none."""
    if _media_type(content_type) == CSV:
        rows = [cells for cells in csv.reader(io.StringIO(text)) if cells]
        if any(len(cells) != 3 for cells in rows):
            raise ValueError("response: not lines of probability, decision and version")
        return [Answer(_probability(cells[0]), cells[1], cells[2]) for cells in rows]
    try:
        return [
            Answer(_probability(each["probability"]), str(each["decision"]), str(each["model_version"]))
            for each in _member(text, "predictions")
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"predictions: {error!r}") from None


def explain(folder: Path, columns: Columns) -> Explanation:
    """SHAP values, in log odds, by XGBoost's own `pred_contribs`, of the applications that the model would take.

    A column that is absent is missing in every row. Raises ValueError if the model in `folder` has other features than
    this code makes, OSError if there is none.
    """
    import xgboost

    from loan_approval.encoding import FEATURE_TYPES, FEATURES, encode
    from loan_approval.inference import RequestError, model_fn, read_row

    rows = []
    for index in range(max(map(len, columns.values()), default=0)):
        try:
            rows.append(read_row({name: columns[name][index] for name in INPUT_NAMES if name in columns}, index))
        except RequestError:
            continue
    model = model_fn(str(folder))
    if not rows:
        return Explanation(FEATURES, np.empty((0, len(FEATURES))))
    matrix = encode({name: [row[name] for row in rows] for name in INPUT_NAMES})
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
    charged_off = datetime.datetime.strptime(row["ChgOffDate"], CHARGE_OFF_DAY)
    return (charged_off - datetime.datetime.strptime(row["ApprovalDate"], "%Y-%m-%d")).days


def _media_type(content_type: str) -> str:
    return (content_type or JSON).split(";")[0].strip().lower()


def _member(text: str, name: str) -> List[Any]:
    document = json.loads(text)
    members = document.get(name) if isinstance(document, dict) else None
    if not isinstance(members, list):
        raise ValueError(f"no list {name!r}")
    return members


def _csv_row(cells: List[str]) -> Row:
    if len(cells) != len(INPUTS):
        raise ValueError(f"{len(cells)} values, expected {len(INPUTS)}")
    return _coded({field.name: _csv_value(field, cells[place]) for place, field in enumerate(INPUTS)})


def _csv_value(field: Field, text: str) -> Any:
    """The value as JSON would have it; a number that is none stays a text, for the monitors to count."""
    text = text.strip()
    if not text or (field.kind is Kind.CATEGORICAL and not field.has_numeric_levels):
        return text or None
    try:
        return float(text)
    except ValueError:
        return text


def _coded(row: Row) -> Row:
    """Codes of categories as whole numbers: to the model 2.0 is 2, and to a monitor it must not be a new category."""
    floats = {name: int(row[name]) for name in _CODED if isinstance(row.get(name), float) and row[name].is_integer()}
    return {**row, **floats} if floats else row


def _probability(value: Any) -> float:
    number = float(value)
    if not 0 <= number <= 1:
        raise ValueError(f"probability {value!r}: not between 0 and 1")
    return number


_FACETS: Tuple[Facet, ...] = (Facet("NewExist", values=("2",)), Facet("UrbanRural", values=("2",)))

MODEL = MonitoredModel(
    problem=BINARY,
    features=tuple(feature(field) for field in INPUTS),
    read_request=read_request,
    read_response=read_response,
    positive=POSITIVE,
    favourable=APPROVE,
    outcomes_of=(APPROVE,),
    facets=_FACETS,
    explain=explain,
)
