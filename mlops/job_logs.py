"""What the jobs of pipeline steps write into CloudWatch Logs: all of it, or what is new since the last look."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

GROUPS: Mapping[str, str] = {
    "ProcessingJob": "/aws/sagemaker/ProcessingJobs",
    "TrainingJob": "/aws/sagemaker/TrainingJobs",
    "TransformJob": "/aws/sagemaker/TransformJobs",
    # A tuning writes nothing itself; its training jobs' names begin with its own.
    "TuningJob": "/aws/sagemaker/TrainingJobs",
}
"""Log groups by what a step's metadata call its job."""


@dataclass
class JobLogs:
    """Reads each line once, as long as the same object is asked."""

    logs: Any
    _tokens: dict[str, str] = field(default_factory=dict)

    def new(self, step: Mapping[str, Any]) -> Iterator[str]:
        """Lines of a step (of ListPipelineExecutionSteps) that have not been read yet; none if it has no job."""
        for kind, group in GROUPS.items():
            if arn := step.get("Metadata", {}).get(kind, {}).get("Arn"):
                job = arn.rsplit("/", 1)[1]
                yield from self._read(group, f"{job}-" if kind == "TuningJob" else f"{job}/")

    def _read(self, group: str, prefix: str) -> Iterator[str]:
        try:
            streams = self.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)
        except self.logs.exceptions.ResourceNotFoundException:
            return  # the job has not written a line yet
        for stream in streams["logStreams"]:
            name = stream["logStreamName"]
            while True:
                start = {"nextToken": self._tokens[name]} if name in self._tokens else {"startFromHead": True}
                answer = self.logs.get_log_events(logGroupName=group, logStreamName=name, **start)
                self._tokens[name] = answer["nextForwardToken"]
                if not answer["events"]:
                    break
                yield from (event["message"].rstrip() for event in answer["events"])
