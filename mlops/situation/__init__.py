"""What goes on in an environment: read once by boto3, as plain facts with a JSON form, and as a page of text.

from mlops.situation import reading

seen = reading.read(target.find_all("local", None), datetime.now(UTC))
json.dumps(situation.document(seen))
"""

from mlops.situation.facts import (
    NOT_RUN,
    PENDING,
    Alarm,
    Candidate,
    Champion,
    Decision,
    Endpoint,
    Experiment,
    Judged,
    Look,
    Model,
    Monitor,
    Monitoring,
    Run,
    Situation,
    Step,
    Variant,
    Version,
    Waiting,
    document,
)

__all__ = [
    "NOT_RUN",
    "PENDING",
    "Alarm",
    "Candidate",
    "Champion",
    "Decision",
    "Endpoint",
    "Experiment",
    "Judged",
    "Look",
    "Model",
    "Monitor",
    "Monitoring",
    "Run",
    "Situation",
    "Step",
    "Variant",
    "Version",
    "Waiting",
    "document",
]
