"""The version that is watched: today's champion, and the baselines that its model package names."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional

from monitoring import archive, store
from monitoring.constraint_checks import DISABLED
from monitoring.steps.job import StepError

NO_CHAMPION = "none"

DATA_STATISTICS, DATA_CONSTRAINTS = "data statistics", "data constraints"
DRIFT_CALIBRATION = "drift calibration"
QUALITY_STATISTICS, QUALITY_CONSTRAINTS = "model quality statistics", "model quality constraints"
OUTCOMES = "outcomes"
BIAS = "bias constraints"
ATTRIBUTION = "attribution constraints"

_CHECKS = {
    DATA_STATISTICS: ("ModelDataQuality", "Statistics"),
    DATA_CONSTRAINTS: ("ModelDataQuality", "Constraints"),
    QUALITY_STATISTICS: ("ModelQuality", "Statistics"),
    QUALITY_CONSTRAINTS: ("ModelQuality", "Constraints"),
    BIAS: ("Bias", "PostTrainingConstraints"),
    ATTRIBUTION: ("Explainability", "Constraints"),
}
_METADATA = {DRIFT_CALIBRATION: "drift_calibration", OUTCOMES: "outcome_baseline"}
BASELINES = (*_CHECKS, *_METADATA)


_GONE = ("404", "NoSuchKey", "NoSuchBucket")


@dataclass(frozen=True)
class Champion:
    """A registered version, as DescribeModelPackage tells of it."""

    package_arn: str
    package: Mapping[str, Any]

    @property
    def version(self) -> str:
        """Number of the version in its group, which is also what the endpoint answers with."""
        return self.package_arn.rsplit("/", 1)[-1]

    def uri(self, baseline: str) -> Optional[str]:
        """Where one of BASELINES lies; None if the version came without it."""
        if baseline in _METADATA:
            found = self.package.get("CustomerMetadataProperties", {}).get(_METADATA[baseline])
        else:
            group, member = _CHECKS[baseline]
            found = self.package.get("DriftCheckBaselines", {}).get(group, {}).get(member, {}).get("S3Uri")
        return found or None

    @property
    def model_uri(self) -> Optional[str]:
        containers = self.package.get("InferenceSpecification", {}).get("Containers") or [{}]
        uri: Optional[str] = containers[0].get("ModelDataUrl")
        return uri

    def fetch_model(self, s3: Any, folder: Path) -> Optional[Path]:
        """The extracted model.tar.gz below `folder`; None if the version has no archive, or it is gone."""
        if not self.model_uri:
            return None
        path = folder / "model.tar.gz"
        try:
            s3.download_file(*store.split(self.model_uri), str(path))
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            return None
        return archive.extract(path, folder / "model")


def find(ssm: Any, sagemaker: Any, parameter: str) -> Optional[Champion]:
    """The package that the SSM parameter names; None while no version is released."""
    try:
        package_arn = ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        raise StepError(f"parameter {parameter}: does not exist; deploy the model's release stack first") from None
    if package_arn == NO_CHAMPION:
        return None
    return Champion(package_arn, sagemaker.describe_model_package(ModelPackageName=package_arn))


class Baselines:
    """The champion's baselines, each read when it is first asked for."""

    def __init__(self, s3: Any, champion: Champion) -> None:
        self._s3, self._champion = s3, champion
        self._read: Dict[str, Any] = {}

    def get(self, name: str) -> Mapping[str, Any]:
        """Raises MissingBaseline with the reason in words."""
        if name not in self._read:
            self._read[name] = self._fetch(name)
        found: Mapping[str, Any] = self._read[name]
        return found

    def _fetch(self, name: str) -> Any:
        uri = self._champion.uri(name)
        if uri is None:
            raise MissingBaseline(f"version {self._champion.version} was registered without {name}")
        try:
            document = store.read_json(self._s3, *store.split(uri))
        except ValueError as error:
            raise MissingBaseline(f"{name}: {error}") from None
        if document is None:
            raise MissingBaseline(f"{name}: nothing lies at {uri}")
        if not isinstance(document, dict):
            raise MissingBaseline(f"{name}: {uri} holds no JSON object")
        return document


def unjudged(monitor: str, reasons: Counter[str]) -> Dict[str, int]:
    """How many of a monitor's rules could not be judged, and by which reason, as counts of a window.

    A rule that the baseline itself switches off is told by its reason only.
    """
    prefix = f"{monitor}_unjudged"
    told = {f"{prefix}_{reason.replace(' ', '_')}": count for reason, count in sorted(reasons.items())}
    return {prefix: sum(count for reason, count in reasons.items() if reason != DISABLED), **told}


class MissingBaseline(Exception):
    """A monitor has nothing to compare with; the text says what is missing. It is skipped, and that is counted."""


@contextmanager
def understood(name: str) -> Iterator[None]:
    """Code in which a document of another form, which some other pipeline registered, is a missing baseline."""
    try:
        yield
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise MissingBaseline(f"{name}: not of the form that is expected here ({error!r})") from error
