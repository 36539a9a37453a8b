"""The state of endpoints: their records, what DescribeEndpoint shows of them, and the events of their
changes.

A record holds `Serving` (configuration name, variants, capture: what runs), and while it is created or
updated `Target` (the same, for what shall run, with the progress of its variants). Both are plain data, so a
restarted server can start the processes again. Sources: API reference, DescribeEndpoint; EventBridge events
"SageMaker Endpoint State Change" and "SageMaker Endpoint Deployment State Change" (developer guide,
automating-sagemaker-with-eventbridge).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from local_aws.core import events, store, tags
from local_aws.core.api import Context, ValidationException
from local_aws.sagemaker import endpoint_configs, models, serving

Record = dict[str, Any]
endpoints = store.table("endpoints")


def arn(ctx: Context, name: str) -> str:
    return ctx.arn(f"endpoint/{name.lower()}")


def find(ctx: Context, name: str) -> Record:
    """The endpoint's record itself.

    Errors: ValidationException when there is none."""
    record = endpoints.get(models.key(ctx, name))
    if record is None:
        raise ValidationException(f'Could not find endpoint "{arn(ctx, name)}".')
    return record


def target_of(ctx: Context, config_name: str) -> Record:
    """What an endpoint configuration asks to run, with its models resolved to containers.

    Errors: ValidationException when the configuration or one of its models is gone."""
    config = endpoint_configs.find(ctx, config_name)
    shadows = {variant["VariantName"] for variant in config.get("ShadowProductionVariants", [])}
    return copy.deepcopy(
        {
            "Config": config_name,
            "Capture": config.get("DataCaptureConfig"),
            "StartTime": store.now(),
            "Variants": [
                {
                    "VariantName": variant["VariantName"],
                    "Shadow": variant["VariantName"] in shadows,
                    "Weight": variant["InitialVariantWeight"],
                    "Count": variant["InitialInstanceCount"],
                    "InstanceType": variant["InstanceType"],
                    "StartSeconds": variant.get("ContainerStartupHealthCheckTimeoutInSeconds", serving.START_SECONDS),
                    "Containers": models.find(ctx, variant["ModelName"])["ResolvedContainers"],
                }
                for variant in endpoint_configs.variants(config)
            ],
        }
    )


def mark(record: Record, status: str, reason: str | None = None) -> None:
    """Move the endpoint to another status, with its FailureReason or none; `announce` is to follow."""
    with store.lock:
        record["EndpointStatus"] = status
        record["LastModifiedTime"] = store.now()
        record.pop("FailureReason", None)
        if reason:
            record["FailureReason"] = reason[:1024]


def announce(ctx: Context, record: Record) -> None:
    """Tell EventBridge of the endpoint's status; never under the lock, as a rule's target may ask for it."""
    with store.lock:
        detail = _state_detail(record)
    events.emit(ctx, "SageMaker Endpoint State Change", detail, [record["EndpointArn"]])


def set_progress(ctx: Context, record: Record, status: str, message: str, instances: dict[str, int]) -> None:
    """Note how far the new fleet is, with the instances that each variant has so far, and tell EventBridge."""
    with store.lock:
        for variant in record["Target"]["Variants"]:
            ready = instances[variant["VariantName"]]
            variant["Ready"] = ready
            variant["Status"] = _status(status, message)
        detail = _deployment_detail(record)
    events.emit(ctx, "SageMaker Endpoint Deployment State Change", detail, [record["EndpointArn"]])


def announce_scaling(ctx: Context, record: Record) -> None:
    """Tell EventBridge that running variants change their weight or count."""
    with store.lock:
        for variant in record["Serving"]["Variants"]:
            wanted = variant.get("DesiredCount", variant["Count"])
            if wanted != variant["Count"]:
                direction = "out" if wanted > variant["Count"] else "in"
                variant["Status"] = _status("Updating", f"Scaling {direction} desired instance count to {wanted}.")
        detail = _deployment_detail(record)
    events.emit(ctx, "SageMaker Endpoint Deployment State Change", detail, [record["EndpointArn"]])


def _status(status: str, message: str) -> Record:
    return {"Status": status, "StatusMessage": message, "StartTime": store.now()}


def describe(record: Record) -> Record:
    """DescribeEndpoint's answer."""
    with store.lock:
        shown = {key: value for key, value in record.items() if key not in ("Serving", "Target")}
        current, target = record.get("Serving"), record.get("Target")
        if current:
            shown.update(_summaries(current["Variants"], record["CreationTime"], pending=False))
        if target:
            pending = _summaries(target["Variants"], target["StartTime"], pending=True)
            shown["PendingDeploymentSummary"] = {
                "EndpointConfigName": target["Config"],
                "StartTime": target["StartTime"],
                **pending,
            }
        capture = (current or target or {}).get("Capture")
        if capture:
            shown["DataCaptureConfig"] = _capture_summary(capture)
        return copy.deepcopy(shown)


def _summaries(variants: Iterable[Record], resolved: datetime, pending: bool) -> Record:
    result: Record = {}
    for variant in variants:
        summary = _summary(variant)
        summary["DeployedImages"] = [
            {"SpecifiedImage": part["Image"], "ResolvedImage": part["Image"], "ResolutionTime": resolved}
            for part in variant["Containers"]
        ]
        if pending:
            summary["InstanceType"] = variant["InstanceType"]
        member = "ShadowProductionVariants" if variant["Shadow"] else "ProductionVariants"
        result.setdefault(member, []).append(summary)
    return result


def _summary(variant: Record) -> Record:
    summary = {
        "VariantName": variant["VariantName"],
        "CurrentWeight": variant["Weight"],
        "DesiredWeight": variant.get("DesiredWeight", variant["Weight"]),
        "CurrentInstanceCount": variant.get("Ready", variant["Count"]),
        "DesiredInstanceCount": variant.get("DesiredCount", variant["Count"]),
    }
    if "Status" in variant:
        summary["VariantStatus"] = [dict(variant["Status"])]
    return summary


def _capture_summary(capture: Record) -> Record:
    enabled = capture.get("EnableCapture", True)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
        "DestinationS3Uri": capture["DestinationS3Uri"],
        "KmsKeyId": capture.get("KmsKeyId", ""),
    }


def _state_detail(record: Record) -> Record:
    fleet = record.get("Serving") or record["Target"]
    return {
        "EndpointName": record["EndpointName"],
        "EndpointArn": record["EndpointArn"],
        "EndpointConfigName": record["EndpointConfigName"],
        "ProductionVariants": [
            {
                "DesiredWeight": variant.get("DesiredWeight", variant["Weight"]),
                "DesiredInstanceCount": variant.get("DesiredCount", variant["Count"]),
            }
            for variant in fleet["Variants"]
            if not variant["Shadow"]
        ],
        "EndpointStatus": event_spelling(record["EndpointStatus"]),
        "CreationTime": _milliseconds(record["CreationTime"]),
        "LastModifiedTime": _milliseconds(record["LastModifiedTime"]),
        "Tags": {tag["Key"]: tag["Value"] for tag in tags.get(record["EndpointArn"])},
    }


def _deployment_detail(record: Record) -> Record:
    detail = _state_detail(record)
    current = record.get("Serving", {"Variants": []})
    detail["ProductionVariants"] = [_event_summary(v) for v in current["Variants"] if not v["Shadow"]]
    target = record.get("Target")
    if target:
        detail["PendingDeploymentSummary"] = {
            "EndpointConfigName": target["Config"],
            "StartTime": _milliseconds(target["StartTime"]),
            "ProductionVariants": [_event_summary(v) for v in target["Variants"] if not v["Shadow"]],
        }
    return detail


def _event_summary(variant: Record) -> Record:
    summary = _summary(variant)
    for status in summary.get("VariantStatus", []):
        status["StartTime"] = _milliseconds(status["StartTime"])
    return summary


def event_spelling(status: str) -> str:
    """InService is IN_SERVICE in events."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", status).upper()


def _milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)
