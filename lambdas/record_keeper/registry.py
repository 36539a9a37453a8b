"""What is cheap to know of all versions, and one version looked at closely."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from answers import Unknown, ask, stamp
from experiments import statistics
from ledger import DECISIONS, Ledger
from making import ENDS, Maker
from objects import Storage
from settings import Clients, Settings
from shared.versions import group_of, version_of
from state import Archived, Bundle, Document, Ended, Json, Overview, Seen, Step, Subject

PAGE = 100
EXECUTIONS = 50
"""The newest ones, which are looked at; older ones that were never tracked stay untracked."""
DESCRIPTION = "model-package.json"
"""What the release controller leaves of a version that it retires (lambdas/release_controller/archive.py)."""

SETTLES = timedelta(days=7)
"""What could not be established for so long after the registration is not looked for again."""


class Observer:
    """Reads; changes nothing.

    Errors of AWS that are no answer in themselves (throttling, faults) are raised.
    """

    def __init__(self, settings: Settings, clients: Clients, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._settings, self._aws, self._ledger, self._clock = settings, clients, ledger, clock
        self._storage = Storage(clients.s3)
        self._maker = Maker(clients.sagemaker, self._storage, settings)

    def overview(self) -> Overview:
        """The ledger before the registry: what is written down of a version is never newer than the version."""
        now = self._clock()
        known, passed, tracked = self._ledger.recorded()
        releases, reviews = self._ledger.releases(passed), list(self._ledger.reviews())
        listed = self._versions()
        champion, serving = self._champion()
        gone = {number for number in known if number not in listed}
        gone |= {each.version for each in releases if each.version and each.version not in listed}
        subjects = [
            Subject(
                number,
                *listed.get(number, ("", "")),
                tuple(each for each in releases if each.version == number and each.outcome in DECISIONS),
                tuple(sorted((each for each in reviews if each.version == number), key=lambda each: each.at)),
            )
            for number in sorted({*listed, *gone}, reverse=True)
        ]
        return Overview(now, tuple(subjects), known, champion, serving, passed).with_tracked(tracked)

    def ended(self) -> list[str]:
        """ARNs of the pipeline's executions that ended, the newest first, of those that AWS lists first.

        Raises Unknown if there is no pipeline.
        """
        answer = ask(
            self._aws.sagemaker.list_pipeline_executions,
            PipelineName=self._settings.pipeline,
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=EXECUTIONS,
        )
        listed = answer["PipelineExecutionSummaries"]
        return [each["PipelineExecutionArn"] for each in listed if each["PipelineExecutionStatus"] in ENDS]

    def run(self, execution: str) -> Ended:
        """An execution of the pipeline that ended. Raises Unknown if SageMaker does not know it any more."""
        making = self._maker.run(execution)
        version = next((each.job for each in making.steps if self._registered(each)), "")
        package = self._described(version) if version else {}
        uri = statistics(making.steps, package)
        quality = self._storage.document(uri) if uri else Document()
        return Ended(execution, making, version, package, quality)

    def _registered(self, step: Step) -> bool:
        """Whether the step registered a version of this model, and did not take another run's."""
        group = f":model-package/{group_of(self._settings.model_package_group)}/".lower()
        return step.kind == "RegisterModel" and not step.cached and group in step.job.lower()

    def look(self, subject: Subject, before: Mapping[str, Any]) -> Seen:
        """before: the newest revision, empty if there is none."""
        archived = None if subject.arn else self._archived(subject.version)
        package = self._package(subject)
        making = None
        if package and not is_settled(before, self._clock()):
            making = self._maker.look(package, self._clock())
        uri = package.get("CustomerMetadataProperties", {}).get("code_uri", "")
        return Seen(subject, package, making, archived, self._bundle(uri) if uri else Bundle())

    def _bundle(self, uri: str) -> Bundle:
        if not self._settings.sees_making:
            # CDK's bucket lets no other account in.
            return Bundle(
                trouble=f"it is in the account of {self._settings.takes_from}, whose manifest has it (origin)"
            )
        return self._storage.bundle(uri, self._settings.folder)

    def _versions(self) -> dict[int, tuple[str, str]]:
        """ARN and approval by number, of those whose registration ended well. A page may be empty and not the last."""
        pages = self._aws.sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=self._settings.model_package_group,
            SortBy="CreationTime",
            SortOrder="Descending",
            PaginationConfig={"PageSize": PAGE},
        )
        return {
            version_of(summary["ModelPackageArn"]): (summary["ModelPackageArn"], summary["ModelApprovalStatus"])
            for page in pages
            for summary in page["ModelPackageSummaryList"]
            if summary["ModelPackageStatus"] == "Completed"
        }

    def _champion(self) -> tuple[int, datetime | None]:
        """What serves in this environment, and since when; the release stack may not be deployed yet."""
        name = self._settings.champion_parameter
        for entry in self._aws.ssm.get_parameters(Names=[name])["Parameters"]:
            return version_of(entry["Value"]), entry["LastModifiedDate"]
        return 0, None

    def _package(self, subject: Subject) -> Json:
        """As the registry describes it, or as the archive does; empty where neither has it."""
        if subject.arn:
            return self._described(subject.arn)
        kept = self._storage.document(self._archive(subject.version)).body
        return _times(kept) if isinstance(kept, dict) else {}

    def _described(self, arn: str) -> Json:
        try:
            return ask(self._aws.sagemaker.describe_model_package, ModelPackageName=arn)
        except Unknown:
            return {}  # retired since it was listed: the next run finds it in the archive

    def _archived(self, version: int) -> Archived:
        bucket, key = self._settings.artifacts_bucket, self._archive(version).split("/", 3)[3]
        try:
            at = self._storage.written(bucket, key)
        except Unknown:
            at = ""
        return Archived(self._archive(version).removesuffix(DESCRIPTION), at) if at else Archived()

    def _archive(self, version: int) -> str:
        return f"s3://{self._settings.artifacts_bucket}/{self._settings.archive_prefix}/{version}/{DESCRIPTION}"


def is_settled(before: Mapping[str, Any], now: datetime) -> bool:
    """Whether a manifest says all that can be known of how its version was made.

    What was established stays as it was found first: objects and jobs go, and what is gone later was there then.
    """
    if not before:
        return False
    pipeline = before.get("pipeline")
    if pipeline and not pipeline["ended_at"]:
        return False
    registered = str(before.get("registered_at") or "")
    old = bool(registered) and datetime.fromisoformat(registered) + SETTLES < now
    return old or not any(is_of_making(each) for each in before.get("missing", []))


def is_of_making(trouble: str) -> bool:
    """Whether a trouble is about how the version was made; the others are found anew each time."""
    return trouble.partition(":")[0] not in LATER


LATER = ("approvals", "card", "lineage", "retired")
"""Sections whose troubles come with what happens to a version after it was made."""


def _times(kept: Mapping[str, Any]) -> Json:
    """The archive's JSON spells times with a space and an offset."""
    document = dict(kept)
    for name in ("CreationTime", "LastModifiedTime"):
        if name in document:
            document[name] = stamp(datetime.fromisoformat(document[name]))
    return document
