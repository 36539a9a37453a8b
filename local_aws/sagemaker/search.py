"""Search over model packages, their groups, pipelines, executions and training jobs."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from local_aws.core import listing, store, tags
from local_aws.core.api import Context, ValidationException, operation
from local_aws.sagemaker.expressions import text

Row = dict[str, Any]

# Resource → its table and the member that holds its ARN.
_RESOURCES = {
    "ModelPackage": ("model-packages", "ModelPackageArn"),
    "ModelPackageGroup": ("model-package-groups", "ModelPackageGroupArn"),
    "Pipeline": ("pipelines", "PipelineArn"),
    "PipelineExecution": ("pipeline-executions", "PipelineExecutionArn"),
    "TrainingJob": ("training-job", "TrainingJobArn"),
}
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": lambda left, right: left > right,
    "GreaterThanOrEqualTo": lambda left, right: left >= right,
    "LessThan": lambda left, right: left < right,
    "LessThanOrEqualTo": lambda left, right: left <= right,
}


@operation("Search")
def search(ctx: Context, params: Row) -> Row:
    resource = params["Resource"]
    if resource not in _RESOURCES:
        known = ", ".join(_RESOURCES)
        raise ValidationException(f"Search of {resource} is not emulated by the local AWS, only of {known}.")
    for name in ("VisibilityConditions",):
        if name in params:
            raise ValidationException(f"{name} is not emulated by the local AWS.")
    table, arn = _RESOURCES[resource]
    rows = [_record(resource, row, row[arn]) for row in store.table(table).rows(ctx.account, ctx.region)]
    expression = params.get("SearchExpression", {})
    found = [row for row in rows if _matches(row, expression)]
    by = params.get("SortBy", "LastModifiedTime")
    page = listing.page(
        found,
        params,
        key="Results",
        sort={by: lambda row: _sortable(_property(row, by))},
        default_sort=by,
        default_order="Descending",
        filters={"CrossAccountFilterOption": lambda _row, option: option == "SameAccount"},
    )
    page["Results"] = [{resource: row} for row in page["Results"]]
    return {**page, "TotalHits": {"Value": len(found), "Relation": "EqualTo"}}


def _record(resource: str, row: Row, arn: str) -> Row:
    record = {**row, "Tags": tags.get(arn)}
    if resource == "PipelineExecution":
        values = row["_Parameters"].items()
        record["PipelineParameters"] = [{"Name": name, "Value": text(value)} for name, value in values]
        if "FailureReason" in row:
            record["PipelineExecutionFailureReason"] = row["FailureReason"]
    return record


def _matches(row: Row, expression: Row) -> bool:
    tests = [
        *(_filter(row, item) for item in expression.get("Filters", [])),
        *(_nested(row, item) for item in expression.get("NestedFilters", [])),
        *(_matches(row, item) for item in expression.get("SubExpressions", [])),
    ]
    if not tests:
        return True
    return any(tests) if expression.get("Operator") == "Or" else all(tests)


def _nested(row: Row, nested: Row) -> bool:
    """Whether one element of a list satisfies all of the filters."""
    name = nested["NestedPropertyName"]
    filters = [{**item, "Name": item["Name"].removeprefix(f"{name}.")} for item in nested["Filters"]]
    elements = _property(row, name)
    if not isinstance(elements, list):
        return False
    return any(all(_filter(element, item) for item in filters) for element in elements)


def _filter(row: Row, item: Row) -> bool:
    kind, found = item.get("Operator", "Equals"), _property(row, item["Name"])
    if kind == "Exists":
        return found is not None
    if kind == "NotExists":
        return found is None
    if "Value" not in item:
        raise ValidationException(f"Filter '{item['Name']}': operator {kind} needs a Value.")
    value = item["Value"]
    if found is None:
        return bool(kind == "NotEquals")
    match kind:
        case "Contains":
            return value in text(found)
        case "In":
            return text(found) in [part.strip() for part in value.split(",")]
        case "Equals" | "NotEquals":
            equal = found == _like(found, value, item["Name"])
            return equal if kind == "Equals" else not equal
    return _ORDERS[kind](found, _like(found, value, item["Name"]))


def _property(row: Any, name: str) -> Any:
    """The value at a dotted name; tags and metrics are found by their keys: Tags.team, Metrics.auc."""
    first, _, rest = name.partition(".")
    if first == "Tags" and rest:
        return next((tag["Value"] for tag in row.get("Tags", []) if tag["Key"] == rest), None)
    if first == "Metrics" and rest:
        metrics = row.get("FinalMetricDataList", [])
        return next((metric["Value"] for metric in metrics if metric["MetricName"] == rest), None)
    if not isinstance(row, Mapping):
        return None
    if name in row:
        return row[name]
    return _property(row[first], rest) if rest and first in row else None


def _like(found: Any, value: str, name: str) -> Any:
    """The text of a filter in the type of the property it is compared with."""
    try:
        if isinstance(found, bool):
            return value.lower() == "true"
        if isinstance(found, int | float):
            return float(value)
        if isinstance(found, datetime):
            time = datetime.fromisoformat(value)
            return time if time.tzinfo else time.replace(tzinfo=UTC)
    except ValueError as error:
        raise ValidationException(f"Filter '{name}': '{value}' cannot be compared: {error}.") from error
    return value


def _sortable(value: Any) -> Any:
    return value if isinstance(value, int | float | str | datetime | None) else text(value)
