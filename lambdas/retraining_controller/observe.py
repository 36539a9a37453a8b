"""What is: alarms, release parameters, the registry, executions, data, and what the ledger remembers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from ledger import Ledger
from places import Reach, places
from settings import Clients, Settings
from shared.events import RUNNING
from shared.logs import say
from state import Execution, Findings, Memory, Observed, Place, Snapshot, Version

PAGE = 100
LONGEST = timedelta(days=30)
"""No execution runs longer: a pipeline's jobs end after 28 days at most (quotas of SageMaker)."""

DEGRADING = ("model_quality", "calibration")
"""Monitors that say that the model got worse (pipeline_code/monitoring/findings.py)."""

_UNTIL = re.compile(r"until=(\d{4}-\d\d-\d\d)/")


class Observer:
    """Reads; changes nothing.

    Errors of AWS that are no answer in themselves (throttling, faults, refused permission) are raised.
    """

    def __init__(
        self, settings: Settings, clients: Clients, ledger: Ledger, clock: Callable[[], datetime], reach: Reach
    ) -> None:
        self._settings, self._aws, self._ledger, self._clock, self._reach = settings, clients, ledger, clock, reach

    def observe(self) -> Observed:
        """The ledger first: whoever writes at the same time notes what it started after starting it."""
        now = self._clock()
        month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        memory = self._ledger.recall(min(month, now - self._settings.policy.cooldown))
        places, executions = self._places(), self._executions(memory, now - LONGEST)
        if executions is None:
            return Observed(now, places, executions=None, memory=memory)
        versions = self._versions(min((place.version for place in places), default=0))
        return Observed(
            now=now,
            places=places,
            findings=self._findings() if places[0].alarming else None,
            versions=versions,
            learned=self._learned(versions),
            executions=executions,
            snapshot=self._snapshot(),
            memory=memory,
        )

    def _places(self) -> tuple[Place, ...]:
        return places(self._settings.places, self._aws, self._reach)

    def _findings(self) -> Findings | None:
        """The monitor's last word. Whoever may not list a bucket cannot tell what is missing from what is forbidden."""
        place = {"Bucket": self._settings.artifacts_bucket}
        key = self._settings.findings_key
        listed = self._aws.s3.list_objects_v2(**place, Prefix=key, MaxKeys=1).get("Contents", [])
        if not any(entry["Key"] == key for entry in listed):
            return None
        text = self._aws.s3.get_object(**place, Key=key)["Body"].read()
        try:
            return _read_findings(json.loads(text))
        except (ValueError, TypeError, AttributeError) as error:
            # It only says more of what the alarm says already.
            say("the monitor's last word cannot be read", key=key, error=str(error))
            return None

    def _versions(self, oldest: int) -> tuple[Version, ...]:
        """Newest first, whatever their approval, down to the oldest champion. A page may be empty and not the last."""
        pages = self._aws.sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=self._settings.model_package_group,
            SortBy="CreationTime",
            SortOrder="Descending",
            PaginationConfig={"PageSize": PAGE},
        )
        found: list[Version] = []
        for page in pages:
            found += [
                Version(summary["ModelPackageArn"], summary["ModelApprovalStatus"])
                for summary in page["ModelPackageSummaryList"]
                if summary["ModelPackageStatus"] not in ("Failed", "Deleting")
            ]
            if found and min(version.number for version in found) <= oldest:
                break
        return tuple(sorted((each for each in found if each.number >= oldest), key=lambda version: -version.number))

    def _learned(self, versions: tuple[Version, ...]) -> Mapping[str, str]:
        if not versions:
            return {}
        answer = self._aws.sagemaker.describe_model_package(ModelPackageName=versions[0].arn)
        return dict(answer.get("CustomerMetadataProperties", {}))

    def _executions(self, memory: Memory, since: datetime) -> tuple[Execution, ...] | None:
        """Those that run, and the newest retraining's own, which a list may not show yet."""
        try:
            listed = list(self._listed(since))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFound":
                return None
            raise
        run = next(iter(memory.runs), None)
        if run is None or run.outcome:
            return tuple(each for each in listed if each.status in RUNNING)
        own = (run.execution, run.name)
        found = [each for each in listed if each.status in RUNNING or each.arn in own or each.name in own]
        if run.execution and all(each.arn != run.execution for each in found):
            found += self._described(run.execution)
        return tuple(self._explained(each) if each.arn == run.execution else each for each in found)

    def _listed(self, since: datetime) -> Iterator[Execution]:
        pages = self._aws.sagemaker.get_paginator("list_pipeline_executions").paginate(
            PipelineName=self._settings.pipeline,
            CreatedAfter=since,
            SortBy="CreationTime",
            SortOrder="Descending",
            PaginationConfig={"PageSize": PAGE},
        )
        for page in pages:
            for each in page["PipelineExecutionSummaries"]:
                yield Execution(
                    each["PipelineExecutionArn"],
                    each.get("PipelineExecutionDisplayName", ""),
                    each["PipelineExecutionStatus"],
                    each.get("PipelineExecutionFailureReason", ""),
                )

    def _described(self, arn: str) -> list[Execution]:
        try:
            found = self._aws.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFound":
                return []
            raise
        name, reason = found.get("PipelineExecutionDisplayName", ""), found.get("FailureReason", "")
        return [Execution(arn, name, found["PipelineExecutionStatus"], reason)]

    def _explained(self, execution: Execution) -> Execution:
        """With the steps that failed, which say more than the execution does."""
        if execution.status != "Failed":
            return execution
        pages = self._aws.sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
            PipelineExecutionArn=execution.arn, PaginationConfig={"PageSize": PAGE}
        )
        reasons = [
            f"step {step['StepName']}: {step.get('FailureReason', 'failed without a reason')}"
            for page in pages
            for step in page["PipelineExecutionSteps"]
            if step.get("StepStatus") == "Failed"
        ]
        return Execution(execution.arn, execution.name, execution.status, "; ".join(reasons) or execution.reason)

    def _snapshot(self) -> Snapshot | None:
        """The newest `until=`, and in it the folder that was written last."""
        root = f"{self._settings.data_prefix}/"
        pages = self._aws.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._settings.data_bucket, Prefix=f"{root}until=", Delimiter="/"
        )
        prefixes = (entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", []))
        days = sorted((_day(prefix.removeprefix(root)), prefix) for prefix in prefixes)
        for day, prefix in reversed(days):
            if day and (folder := self._newest_folder(prefix)) is not None:
                return Snapshot(date.fromisoformat(day), *folder)
        return None

    def _newest_folder(self, prefix: str) -> tuple[str, datetime] | None:
        """Its URI and when it was last written; files without a folder count if there is nothing else."""
        pages = self._aws.s3.get_paginator("list_objects_v2").paginate(Bucket=self._settings.data_bucket, Prefix=prefix)
        written: dict[str, datetime] = {}
        for entry in (entry for page in pages for entry in page.get("Contents", [])):
            if entry["Key"].endswith("/"):
                continue  # what a console leaves for an empty folder
            folder, slash, _ = entry["Key"].removeprefix(prefix).partition("/")
            folder = f"{folder}/" if slash else ""
            written[folder] = max(entry["LastModified"], written.get(folder, entry["LastModified"]))
        if not written:
            return None
        newest = max(written, key=lambda folder: (folder != "", written[folder], folder))
        return f"s3://{self._settings.data_bucket}/{prefix}{newest}", written[newest]


def _read_findings(document: Mapping[str, Any]) -> Findings:
    confirmed = tuple(str(monitor) for monitor in document.get("confirmed", []))
    degrading = tuple(monitor for monitor in confirmed if monitor in DEGRADING)
    return Findings(int(document.get("version", 0)), confirmed, str(document.get("report", "")), degrading)


def _day(folder: str) -> str:
    """The day that a folder is named by; "" if it is none."""
    match = _UNTIL.fullmatch(folder)
    try:
        return date.fromisoformat(match[1]).isoformat() if match else ""
    except ValueError:
        return ""
