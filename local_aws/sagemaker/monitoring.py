"""Model Monitor's schedules and job definitions: recorded and described. Nothing runs: its container is AWS's own.

Source: API reference of the operations; developer guide, model-monitor-schedule-expression.
"""

from __future__ import annotations

import re
from typing import Any

from local_aws.core import listing, store, tags
from local_aws.core.api import Context, ResourceInUse, ResourceNotFound, ValidationException, operation

Row = dict[str, Any]
KINDS = ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")
_ARNS = {
    "DataQuality": "data-quality-job-definition",
    "ModelQuality": "model-quality-job-definition",
    "ModelBias": "model-bias-job-definition",
    "ModelExplainability": "model-explainability-job-definition",
}
_CRON = re.compile(r"cron\(0 (\*|\d{1,2}|\d{1,2}/\d{1,2}) \? \* \* \*\)")
_NOW = "NOW"
_schedules = store.table("monitoring_schedules")
_definitions = store.table("monitoring_job_definitions")


@operation("CreateMonitoringSchedule")
def create_monitoring_schedule(ctx: Context, params: Row) -> Row:
    name = params["MonitoringScheduleName"]
    row = _schedule(ctx, params)
    with store.lock:
        if (ctx.account, ctx.region, name) in _schedules:
            raise ResourceInUse(f"Monitoring Schedule {row['MonitoringScheduleArn']} already exists.")
        _schedules[ctx.account, ctx.region, name] = {**row, "CreationTime": row["LastModifiedTime"]}
        tags.set(row["MonitoringScheduleArn"], params.get("Tags"))
    return {"MonitoringScheduleArn": row["MonitoringScheduleArn"]}


@operation("UpdateMonitoringSchedule")
def update_monitoring_schedule(ctx: Context, params: Row) -> Row:
    with store.lock:
        before = describe_monitoring_schedule(ctx, params)
        kept = {name: before[name] for name in ("CreationTime", "MonitoringScheduleStatus")}
        _schedules[ctx.account, ctx.region, before["MonitoringScheduleName"]] = {**_schedule(ctx, params), **kept}
    return {"MonitoringScheduleArn": before["MonitoringScheduleArn"]}


@operation("DescribeMonitoringSchedule")
def describe_monitoring_schedule(ctx: Context, params: Row) -> Row:
    name = params["MonitoringScheduleName"]
    row = _schedules.get((ctx.account, ctx.region, name))
    if row is None:
        raise ResourceNotFound(f"Monitoring Schedule {name} does not exist.")
    return row


@operation("DeleteMonitoringSchedule")
def delete_monitoring_schedule(ctx: Context, params: Row) -> Row:
    with store.lock:
        row = describe_monitoring_schedule(ctx, params)
        del _schedules[ctx.account, ctx.region, row["MonitoringScheduleName"]]
        tags.remove(row["MonitoringScheduleArn"])
    return {}


@operation("StopMonitoringSchedule")
def stop_monitoring_schedule(ctx: Context, params: Row) -> Row:
    return _mark(ctx, params, "Stopped")


@operation("StartMonitoringSchedule")
def start_monitoring_schedule(ctx: Context, params: Row) -> Row:
    return _mark(ctx, params, "Scheduled")


@operation("ListMonitoringSchedules")
def list_monitoring_schedules(ctx: Context, params: Row) -> Row:
    return listing.page(
        _schedules.rows(ctx.account, ctx.region),
        params,
        key="MonitoringScheduleSummaries",
        sort={
            "Name": lambda row: row["MonitoringScheduleName"],
            "CreationTime": lambda row: row["CreationTime"],
            "Status": lambda row: row["MonitoringScheduleStatus"],
        },
        default_sort="CreationTime",
        default_order="Descending",
        filters={
            "EndpointName": lambda row, endpoint: row.get("EndpointName") == endpoint,
            "StatusEquals": lambda row, status: row["MonitoringScheduleStatus"] == status,
            "MonitoringTypeEquals": lambda row, kind: row.get("MonitoringType") == kind,
            "MonitoringJobDefinitionName": lambda row, name: row.get("MonitoringJobDefinitionName") == name,
        },
    )


@operation("ListMonitoringExecutions")
def list_monitoring_executions(_ctx: Context, _params: Row) -> Row:
    """Always none."""
    return {"MonitoringExecutionSummaries": []}


def _schedule(ctx: Context, params: Row) -> Row:
    name, config = params["MonitoringScheduleName"], params["MonitoringScheduleConfig"]
    if ("MonitoringJobDefinition" in config) == ("MonitoringJobDefinitionName" in config):
        raise ValidationException(
            "Exactly one of MonitoringJobDefinition and MonitoringJobDefinitionName must be given."
        )
    expression = config.get("ScheduleConfig", {}).get("ScheduleExpression")
    if expression is not None and expression != _NOW and not _CRON.fullmatch(expression):
        raise ValidationException(
            f"ScheduleExpression {expression} is not supported: {_NOW}, cron(0 * ? * * *) for each hour, "
            "cron(0 [00-23] ? * * *) for each day, or cron(0 [00-23]/[01-24] ? * * *)."
        )
    row: Row = {
        "MonitoringScheduleArn": ctx.arn(f"monitoring-schedule/{name.lower()}"),
        "MonitoringScheduleName": name,
        "MonitoringScheduleStatus": "Scheduled",
        "MonitoringScheduleConfig": config,
        "LastModifiedTime": store.now(),
    }
    row |= {key: config[key] for key in ("MonitoringType", "MonitoringJobDefinitionName") if key in config}
    if endpoint := _endpoint(ctx, config):
        row["EndpointName"] = endpoint
    return row


def _endpoint(ctx: Context, config: Row) -> str | None:
    if definition := config.get("MonitoringJobDefinition"):
        inputs: list[Row] = definition["MonitoringInputs"]
        return next((each["EndpointInput"]["EndpointName"] for each in inputs if "EndpointInput" in each), None)
    kind, name = config.get("MonitoringType", "DataQuality"), config["MonitoringJobDefinitionName"]
    row = _definitions.get((ctx.account, ctx.region, f"{kind}/{name}"))
    if row is None:
        raise ValidationException(f"Could not find {kind} job definition {name}.")
    return row.get("EndpointName")


def _mark(ctx: Context, params: Row, status: str) -> Row:
    with store.lock:
        row = describe_monitoring_schedule(ctx, params)
        changed = {**row, "MonitoringScheduleStatus": status, "LastModifiedTime": store.now()}
        _schedules[ctx.account, ctx.region, row["MonitoringScheduleName"]] = changed
    return {}


def _declare(kind: str) -> None:
    """The four operations of one kind of job definition."""
    prefix = f"{kind}JobDefinition"

    def find(ctx: Context, params: Row) -> Row:
        name = params["JobDefinitionName"]
        row = _definitions.get((ctx.account, ctx.region, f"{kind}/{name}"))
        if row is None:
            raise ResourceNotFound(f"Could not find {kind} job definition {name}.")
        return row

    @operation(f"Create{prefix}")
    def create(ctx: Context, params: Row) -> Row:
        name = params["JobDefinitionName"]
        arn = ctx.arn(f"{_ARNS[kind]}/{name.lower()}")
        row = {key: value for key, value in params.items() if key != "Tags"}
        row |= {"JobDefinitionArn": arn, "CreationTime": store.now(), "_Kind": kind}
        if endpoint := params[f"{kind}JobInput"].get("EndpointInput"):
            row["EndpointName"] = endpoint["EndpointName"]
        with store.lock:
            if (ctx.account, ctx.region, f"{kind}/{name}") in _definitions:
                raise ResourceInUse(f"Job definition {arn} already exists.")
            _definitions[ctx.account, ctx.region, f"{kind}/{name}"] = row
            tags.set(arn, params.get("Tags"))
        return {"JobDefinitionArn": arn}

    @operation(f"Describe{prefix}")
    def describe(ctx: Context, params: Row) -> Row:
        return find(ctx, params)

    @operation(f"Delete{prefix}")
    def delete(ctx: Context, params: Row) -> Row:
        with store.lock:
            row = find(ctx, params)
            del _definitions[ctx.account, ctx.region, f"{kind}/{row['JobDefinitionName']}"]
            tags.remove(row["JobDefinitionArn"])
        return {}

    @operation(f"List{prefix}s")
    def list_all(ctx: Context, params: Row) -> Row:
        rows = [
            {**row, **{f"MonitoringJobDefinition{end}": row[f"JobDefinition{end}"] for end in ("Name", "Arn")}}
            for row in _definitions.rows(ctx.account, ctx.region)
            if row["_Kind"] == kind
        ]
        return listing.page(
            rows,
            params,
            key="JobDefinitionSummaries",
            sort={"Name": lambda row: row["JobDefinitionName"], "CreationTime": lambda row: row["CreationTime"]},
            default_sort="CreationTime",
            default_order="Descending",
            filters={"EndpointName": lambda row, endpoint: row.get("EndpointName") == endpoint},
        )


for _kind in KINDS:
    _declare(_kind)
