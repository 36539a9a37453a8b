"""Tells people that the pipeline, or a stage of it, failed."""

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns
from constructs import Construct

from mlops_constructs.data_protection import DataProtection
from mlops_constructs.dead_letter_queue import DeadLetterQueue
from mlops_constructs.failure_alarm import FailureAlarm


class DeliveryFailures(Construct):
    """Two rules on EventBridge's default bus (CodePipeline's user guide: monitoring events).

    What a rule cannot hand over waits in `dead_letters`, which is alarmed.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: codepipeline.IPipeline,
        topic: sns.ITopic,
        protection: DataProtection,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = DeadLetterQueue(self, "DeadLetters", protection=protection)
        FailureAlarm(
            self,
            "DeadLettersWaiting",
            metric=self.dead_letters.metric_waiting(),
            topic=topic,
            description=f"Delivery of {pipeline.pipeline_name}: DeadLettersWaiting",
        )
        execution = events.EventField.from_path("$.detail.execution-id")
        stage = events.EventField.from_path("$.detail.stage")
        name, region = pipeline.pipeline_name, events.EventField.from_path("$.region")
        link = f"https://{region}.console.aws.amazon.com/codesuite/codepipeline/pipelines/{name}/executions/{execution}"
        for kind, text in {
            "Stage": f"{name}: stage {stage} failed. {link}/timeline",
            "Pipeline": f"{name}: the execution failed. {link}/timeline",
        }.items():
            events.Rule(
                self,
                kind,
                description=f"{kind} failed: tells the topic of the delivery",
                event_pattern=events.EventPattern(
                    source=["aws.codepipeline"],
                    detail_type=[f"CodePipeline {kind} Execution State Change"],
                    detail={"pipeline": [name], "state": ["FAILED"]},
                ),
                targets=[
                    targets.SnsTopic(
                        topic, message=events.RuleTargetInput.from_text(text), dead_letter_queue=self.dead_letters
                    )
                ],
            )
