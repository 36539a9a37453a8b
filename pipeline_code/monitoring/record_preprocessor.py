"""Makes of captured records what SageMaker Model Monitor can read: flat objects.

Only for `monitoring.engine = "model-monitor"`. Its container takes this one file, and calls `preprocess_handler` for
each captured record (developer guide: "Preprocessing script"); nothing of this project is installed there. The
translator copies it for each version, with the line SETTINGS replaced by what requests and answers look like, and by
the version whose answers count: those of a challenger are left out.

For data quality a record becomes its rows of inputs; joined with its outcome, for model quality, the label that was
predicted, its probability, and the outcome. The names of those three are the columns that the container itself makes
of a record that needs no preprocessing. A request with several rows has but one outcome to Model Monitor, which joins
by request: it is left out there.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import Any, Dict, List

SETTINGS: Dict[str, Any] = {}

LABEL, PROBABILITY, TRUTH = "endpointOutput_label", "endpointOutput_probability", "groundTruthData_0"

_FOREIGN = (ValueError, TypeError, LookupError, AttributeError, csv.Error)


def preprocess_handler(inference_record: Any) -> Any:
    """One object, or a list of them; an empty list leaves the record out, which the job's log tells."""
    try:
        rows = _rows(inference_record)
    except _FOREIGN as error:
        print(f"record left out: {error!r}")
        return []
    return rows[0] if len(rows) == 1 else rows


def _rows(record: Any) -> List[Dict[str, Any]]:
    inputs, answers = _inputs(record.endpoint_input), _answers(record.endpoint_output)
    if len(inputs) != len(answers):
        raise ValueError(f"{len(inputs)} rows and {len(answers)} answers")
    champion, version = SETTINGS["champion"], SETTINGS["version"]
    truth = getattr(record, "ground_truth", None)
    if truth is None:
        rows = [{**row, **_looked_up(answer)} for row, answer in zip(inputs, answers)]
        return [row for row, answer in zip(rows, answers) if str(answer.get(version)) == champion]
    if len(answers) != 1:
        raise ValueError(f"{len(answers)} answers and one outcome")
    if str(answers[0].get(version)) != champion:
        return []
    return [_judged(answers[0], _text(truth).strip())]


def _inputs(part: Any) -> List[Dict[str, Any]]:
    """Every feature that is expected, in its order; an absent one is missing, and what else there is, is kept."""
    names = SETTINGS["features"]
    if _is_csv(part):
        return [_row(names, [_value(cell) for cell in cells]) for cells in _lines(part)]
    return [{**{name: row.get(name) for name in names}, **row} for row in _members(part, SETTINGS["instances"])]


def _looked_up(answer: Dict[str, Any]) -> Dict[str, Any]:
    """What the model looked up for the row, as its answer tells; an answer in CSV tells nothing."""
    told = answer.get("features") or {}
    return {name: told.get(name) for name in SETTINGS.get("looked_up", ())}


def _answers(part: Any) -> List[Dict[str, Any]]:
    if _is_csv(part):
        return [_row(SETTINGS["fields"], cells) for cells in _lines(part)]
    return _members(part, SETTINGS["predictions"])


def _row(names: List[str], values: List[Any]) -> Dict[str, Any]:
    if len(names) != len(values):
        raise ValueError(f"{len(values)} values, expected {len(names)}")
    return dict(zip(names, values))


def _judged(answer: Dict[str, Any], outcome: str) -> Dict[str, Any]:
    decision = str(answer[SETTINGS["decision"]])
    if SETTINGS["problem_type"] != "BinaryClassification":
        return {LABEL: _value(decision), TRUTH: _value(outcome)}
    favourable, positive = SETTINGS["favourable"], SETTINGS["positive"]
    # Words of their own: the decision that people hope for predicts that the positive outcome does not come.
    predicted = decision == positive if favourable == positive else decision != favourable
    value = _value(outcome)
    if value not in (_value(positive), 0):
        raise ValueError(f"outcome {outcome!r}: neither {positive!r} nor '0'")
    return {
        LABEL: int(predicted),
        PROBABILITY: float(answer[SETTINGS["probability"]]),
        TRUTH: int(value == _value(positive)),
    }


def _text(part: Any) -> str:
    if str(getattr(part, "encoding", "")).upper() == "BASE64":
        return base64.b64decode(part.data).decode("utf-8-sig")
    return part.data if isinstance(part.data, str) else json.dumps(part.data)


def _is_csv(part: Any) -> bool:
    kind = str(getattr(part, "observedContentType", None) or "").split(";")[0].strip().lower()
    return kind == "text/csv" or (not kind and str(getattr(part, "encoding", "")).upper() == "CSV")


def _lines(part: Any) -> List[List[str]]:
    return [cells for cells in csv.reader(io.StringIO(_text(part))) if cells]


def _members(part: Any, name: str) -> List[Dict[str, Any]]:
    members = json.loads(_text(part))[name]
    if not isinstance(members, list) or not all(isinstance(each, dict) for each in members):
        raise ValueError(f"{name}: not a list of objects")
    return members


def _value(text: str) -> Any:
    """Numbers as numbers, and nothing as missing."""
    text = text.strip()
    try:
        number = float(text)
    except ValueError:
        return text or None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
