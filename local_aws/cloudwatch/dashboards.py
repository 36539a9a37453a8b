"""PutDashboard with a look at the body; the other operations on dashboards are ministack's.

Source: API reference, CloudWatch-Dashboard-Body-Structure, and PutDashboard: a body that is wrong is refused with
messages, one with smaller faults is stored and they are told.
"""

from __future__ import annotations

import json
from typing import Any

from local_aws import seam
from local_aws.core.api import CLOUDWATCH, AwsError, Context, ValidationException, operation

Row = dict[str, Any]
_TYPES = ("metric", "text", "log", "alarm", "explorer", "custom")
_MOST_WIDGETS = 500
_WIDTH, _HEIGHT = 24, 1000


@operation("PutDashboard", CLOUDWATCH)
def put_dashboard(ctx: Context, params: Row) -> Row:
    check_body(params["DashboardBody"])
    seam.put_dashboard(ctx, params["DashboardName"], params["DashboardBody"])
    return {"DashboardValidationMessages": []}


def check_body(text: str) -> None:
    """Refuse a body that CloudWatch could not show.

    Errors: AwsError with the code InvalidParameterInput, ValidationException for an empty body."""
    if not text:
        raise ValidationException("The field DashboardBody must not be empty.")
    try:
        body = json.loads(text)
    except ValueError:
        raise _invalid(["The field DashboardBody must be a valid JSON object"]) from None
    widgets = body.get("widgets") if isinstance(body, dict) else None
    if not isinstance(widgets, list):
        raise _invalid(["Should have required property 'widgets', a list"])
    if len(widgets) > _MOST_WIDGETS:
        raise _invalid([f"/widgets: {len(widgets)} are more than {_MOST_WIDGETS}"])
    if found := [problem for number, widget in enumerate(widgets) for problem in _problems(number, widget)]:
        raise _invalid(found)


def _problems(number: int, widget: Any) -> list[str]:
    path = f"/widgets/{number}"
    if not isinstance(widget, dict):
        return [f"{path}: should be an object"]
    found: list[str] = []
    kind = widget.get("type")
    if kind not in _TYPES:
        found.append(f"{path}/type: should be one of {', '.join(_TYPES)}; it is {kind!r}")
    for name, least, most in (("width", 1, _WIDTH), ("height", 1, _HEIGHT), ("x", 0, _WIDTH - 1), ("y", 0, None)):
        value = widget.get(name, least)
        if not isinstance(value, int) or value < least or (most is not None and value > most):
            found.append(
                f"{path}/{name}: should be a number from {least}{f' to {most}' if most else ''}; it is {value!r}"
            )
    properties = widget.get("properties")
    if not isinstance(properties, dict):
        return [*found, f"{path}: should have required property 'properties', an object"]
    return found + _property_problems(path, str(kind), properties)


def _property_problems(path: str, kind: str, properties: Row) -> list[str]:
    place = f"{path}/properties"
    if kind == "text" and not isinstance(properties.get("markdown"), str):
        return [f"{place}: should have required property 'markdown'"]
    if kind == "alarm" and not properties.get("alarms"):
        return [f"{place}: should have required property 'alarms'"]
    if kind == "log" and not isinstance(properties.get("query"), str):
        return [f"{place}: should have required property 'query'"]
    if kind != "metric":
        return []
    found = [f"{place}: should have required property 'region'"] if "region" not in properties else []
    metrics = properties.get("metrics", [])
    if not metrics and "annotations" not in properties:
        found.append(f"{place}: should have required property 'metrics'")
    return found + [
        f"{place}/metrics/{number}: should be a list of texts, with an object at its end"
        for number, metric in enumerate(metrics)
        if not _is_metric(metric)
    ]


def _is_metric(metric: Any) -> bool:
    """Texts (namespace, name, dimensions in pairs), then options; an expression is options alone."""
    if not isinstance(metric, list) or not metric:
        return False
    *texts, last = metric
    options = isinstance(last, dict)
    names = texts if options else metric
    if not names:
        return options and "expression" in last
    return all(isinstance(text, str) for text in names) and (len(names) % 2 == 0 or "..." in names or "." in names)


def _invalid(problems: list[str]) -> AwsError:
    shown = "; ".join(problems)
    return AwsError(
        "InvalidParameterInput", f"The dashboard body is invalid, there are {len(problems)} validation errors: {shown}"
    )
