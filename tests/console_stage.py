"""A model whose release plays in seconds, for tests of the console page: no AWS, the page's own server and drawings.

`python -m tests.console_stage` serves it and prints the address, for a browser's tests in another environment.
"""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from mlops.errors import CommandError
from mlops.page import pictures, reading
from mlops.page.pictures import Change
from mlops.page.server import NotThere, Page, serving
from mlops.situation import (
    NOT_RUN,
    PENDING,
    Alarm,
    Candidate,
    Champion,
    Endpoint,
    Experiment,
    Judged,
    Look,
    Model,
    Monitor,
    Monitoring,
    Run,
    Step,
    Variant,
    Version,
    Waiting,
)
from monitoring.findings import DATA_DRIFT, Finding, Judgement, Window

MODEL = "loan-approval"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOSTILE = '<img src=x onerror="document.title=1">'
"""A reason that somebody wrote: it has to stay a text."""
PACKAGE = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/mlops-local-loan-approval"
SHADOW_SECONDS, CHALLENGER_SECONDS = 2.5, 2.5


def look(number: int, estimate: float = 0.03) -> Look:
    progress = 0.1 * number
    half = 0.03 / progress
    return Look(
        at=NOW + timedelta(minutes=number),
        stage="shadow",
        number=number,
        decision="continue",
        rule="planned",
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        samples=120 * number,
        horizon=1200,
        progress=progress,
        statistic=estimate,
        boundary=2.24,
        spent=0.001 * number,
        explanation="undecided so far",
    )


def experiment(looks: int, version: int = 2) -> Experiment:
    return Experiment(version, f"{PACKAGE}/{version}", "shadow", True, 0.05, tuple(map(look, range(1, looks + 1))))


def training(*, executing: bool = False) -> Run:
    ended = None if executing else NOW
    return Run(
        pipeline="mlops-local-loan-approval-training",
        purpose="training",
        arn="arn:aws:sagemaker:eu-west-1:111122223333:pipeline/mlops-local-loan-approval-training/execution/abc",
        status="Executing" if executing else "Succeeded",
        began=NOW - timedelta(minutes=3),
        ended=ended,
        steps=(
            Step("ValidateData", "Succeeded", began=NOW - timedelta(minutes=3), ended=NOW - timedelta(minutes=2)),
            Step("TuneModel", NOT_RUN, needs=("ValidateData",)),
            Step("TrainModel", "Executing" if executing else "Succeeded", needs=("ValidateData",), began=NOW,
                 ended=ended),
            Step("RegisterModel", PENDING if executing else "Succeeded", needs=("TrainModel", "TuneModel"), began=ended,
                 ended=ended),
        ),
    )  # fmt: skip


def judgements() -> list[Judgement]:
    def finding(feature: str, value: float) -> Finding:
        large = value > 0.2
        return Finding(
            DATA_DRIFT, feature, "baseline_drift_check", value, 0.2, 0.001, True, large, f"{feature}: {value}"
        )

    windows = [Window(NOW + timedelta(days=day), NOW + timedelta(days=day + 1)) for day in range(3)]
    return [
        Judgement(
            DATA_DRIFT, window, "judged", 600, (finding("income", 0.1 * place), finding("state", 0.05)), place > 2
        )
        for place, window in enumerate(windows, 1)
    ]


def base() -> Model:
    """Version 1 serves, version 2 waits for an approval."""
    return Model(
        name=MODEL,
        enabled=True,
        champion=Champion(1, f"{PACKAGE}/1", NOW, ("arn:aws:iam::111122223333:user/ada",), ""),
        candidate=None,
        endpoint=Endpoint(
            "mlops-local-loan-approval", "InService", "mlops-local-loan-approval-serving", "UPDATE_COMPLETE",
            (Variant("champion", 100.0, 1, 100.0, 1, 1),),
        ),
        versions=(
            Version(2, f"{PACKAGE}/2", "PendingManualApproval", "Completed", created=NOW, detailed=True,
                    metrics={"test_auc": "0.7461"}),
            Version(1, f"{PACKAGE}/1", "Approved", "Completed", "champion", NOW, True,
                    ("arn:aws:iam::111122223333:user/ada",), HOSTILE, metrics={"test_auc": "0.7012"}),
        ),
        monitoring=Monitoring(
            True, "1", "s3://bucket/report.html", "",
            (Monitor("data_drift", True, 2, 3, False,
                     windows=(Judged(NOW, NOW, "judged", 600, True, ("income: 0.3",)),)),),
        ),
        alarms=(Alarm("mlops-local-loan-approval-monitoring-InputDrift", "ALARM", "Threshold Crossed"),),
        runs=(training(),),
        waiting=(Waiting("approver", "version 2 waits for approval", "mlops approve 2"),),
    )  # fmt: skip


def trying(model: Model, stage: str, variants: tuple[Variant, ...], looks: int) -> Model:
    """Version 2 on its way."""
    return replace(
        model,
        candidate=Candidate(2, f"{PACKAGE}/2", stage, NOW, 50),
        endpoint=replace(model.endpoint, variants=variants),
        experiment=experiment(looks),
        waiting=(),
    )


class Stage:
    """A source whose version 2, once approved, is tried and becomes the champion within seconds."""

    def __init__(self) -> None:
        self.decided: list[tuple[int, str, str]] = []
        self._approved = 0.0

    def environment(self) -> Any:
        return {"environment": "local", "models": [MODEL, "other-model"]}

    def decide(self, model: str, version: int, word: str, reason: str) -> str:
        if reason == "refuse":
            raise CommandError("version 2: its registration is Failed; train another")
        self.decided.append((version, word, reason))
        if word == "approve":
            self._approved = time.monotonic()
            return "version 2 is approved and goes on: as shadow, then in place of version 1"
        return "version 2 is rejected; nothing that serves changes"

    def model(self) -> Model:
        model = base()
        for number, word, reason in self.decided:
            state = "Approved" if word == "approve" else "Rejected"
            versions = (replace(each, approval=state, reason=reason) if each.number == number else each
                        for each in model.versions)  # fmt: skip
            model = replace(model, versions=tuple(versions), waiting=())
        if not self._approved:
            return model
        passed = time.monotonic() - self._approved
        champion, challenger = Variant("champion", 50.0, 1, 50.0, 1, 1), Variant("challenger", 50.0, 1, 50.0, 1, 2)
        if passed < SHADOW_SECONDS:
            shadow = Variant("shadow", 100.0, 1, 100.0, 1, 2)
            return trying(model, "shadow", (*model.endpoint.variants, shadow), 1 + int(passed * 2))
        if passed < SHADOW_SECONDS + CHALLENGER_SECONDS:
            return trying(model, "challenger", (champion, challenger), 8)
        served = replace(model.endpoint, variants=(Variant("champion", 100.0, 1, 100.0, 1, 2),))
        return replace(model, champion=Champion(2, f"{PACKAGE}/2", NOW, (), ""), previous=1, endpoint=served)

    def part(self, model: str, part: str, version: int | None) -> Any:
        if model not in self.environment()["models"]:
            raise NotThere(f"model {model}: the environment has {MODEL}")
        name = "mlops-local-loan-approval-monitoring-InputDrift"
        found: dict[str, Any] = {
            "drift": reading.drift({"version": "1", "confirmed": [DATA_DRIFT]}, judgements()),
            "ledger": [
                {"key": "1", "at": NOW, "kind": "done", "version": 1, "stage": "promote", "reason": "it serves"}
            ],
            "alarms": {
                "alarms": [
                    {"name": name, "called": "monitoring: InputDrift", "state": "ALARM", "reason": "", "since": NOW}
                ],
                "picture": pictures.alarms([Change(name, NOW, "ALARM")], {name: "monitoring: InputDrift"}, NOW),
            },
            "manifests": [1],
            "lineage": {
                "picture": '<svg class="chart" viewBox="0 0 9 9" role="img"></svg>',
                "missing": [],
                "command": "mlops lineage 1 --html lineage.html",
            },
        }
        if part == "situation":
            shown = self.model() if model == MODEL else replace(base(), name=model, versions=())
            return reading.situation(shown, lambda *words: " ".join(["mlops", *map(str, words)]))
        if part not in found:
            raise NotThere(f"{part}: the page has no such part")
        return found[part]


if __name__ == "__main__":
    with serving(Page(Stage(), pictures.STYLE)) as address:
        print(address, flush=True)
        while True:
            time.sleep(3600)
