"""Targets: universal ones, which name an operation of an AWS service, and the templated ones of a few services.

Source: user guide, managing-targets-universal, managing-targets-templated and managing-schedule-context-attributes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, ServiceModel
from botocore.validate import ParamValidator

from local_aws import clients
from local_aws.core import shapes
from local_aws.core.api import Context, ValidationException

Row = dict[str, Any]
_UNIVERSAL = re.compile(r"arn:aws:scheduler:::aws-sdk:(?P<service>[a-z0-9]+):(?P<operation>[a-z][A-Za-z0-9]+)")
# Scheduler names services as the AWS SDK for Java does; where botocore has another name.
_SERVICES = {
    "cloudwatchlogs": "logs",
    "databasemigration": "dms",
    "ecrpublic": "ecr-public",
    "eventbridge": "events",
    "sfn": "stepfunctions",
    "sagemakerruntime": "sagemaker-runtime",
}
# Operations that only read are not supported.
_READING = re.compile(
    r"(adminGet|adminList|batchDescribe|batchGet|batchRead|describe|discover|get|invokeModel|isAuthorized|list|poll|query"
    r"|read|receive|retrieve|scan|search|select|testConnection|testMigration|transactGet|translateDocument|validate)"
    r"(?![a-z])"
)
_TEMPLATED = ("events", "lambda", "sagemaker", "sns", "sqs", "states")
_PLACEHOLDER = re.compile(r"<aws\.scheduler\.(schedule-arn|scheduled-time|execution-id|attempt-number)>")


@dataclass(frozen=True)
class Run:
    """One attempt to reach a target; `at` is the time that the schedule asked for."""

    ctx: Context
    schedule_arn: str
    at: datetime
    execution_id: str
    attempt: int

    def filled(self, text: str) -> str:
        """A text with the context attributes replaced."""
        values = {
            "schedule-arn": self.schedule_arn,
            "scheduled-time": time_text(self.at),
            "execution-id": self.execution_id,
            "attempt-number": str(self.attempt),
        }
        return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


def time_text(at: datetime) -> str:
    """A time as Scheduler writes it: 2022-03-22T18:59:43Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check(target: Row) -> None:
    """Refuse a target that AWS refuses, or that is not emulated.

    Errors: ValidationException."""
    arn = target["Arn"]
    if found := _UNIVERSAL.fullmatch(arn):
        model = _operation(found["service"], found["operation"])
        _check_input(model, target.get("Input", "{}"))
        return
    service = arn.split(":")[2] if arn.count(":") >= 5 else ""
    if service == "scheduler" or not service:
        raise ValidationException(f"Provided Arn is not in correct format: {arn}")
    if service not in _TEMPLATED:
        raise ValidationException(f"{arn}: such a templated target is not emulated locally: {', '.join(_TEMPLATED)}")
    if service == "events" and "EventBridgeParameters" not in target:
        raise ValidationException("EventBridgeParameters must be specified for an event bus target")


def payload(run: Run, target: Row) -> str:
    """What the target is sent: its Input with the context attributes, or for templated targets a default event."""
    if "Input" in target:
        return run.filled(target["Input"])
    if _UNIVERSAL.fullmatch(target["Arn"]):
        return "{}"
    return json.dumps(
        {
            "version": "0",
            "id": run.execution_id,
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": run.ctx.account,
            "time": time_text(run.at),
            "region": run.ctx.region,
            "resources": [run.schedule_arn],
            "detail": "{}",
        }
    )


def send(run: Run, target: Row, text: str) -> None:
    """Do what the target asks for.

    Errors: botocore's ClientError and BotoCoreError, ValueError for an Input that is no JSON."""
    arn = target["Arn"]
    if found := _UNIVERSAL.fullmatch(arn):
        model = _operation(found["service"], found["operation"])
        call = getattr(clients.client(_botocore(found["service"]), run.ctx, *_session(target)), xform_name(model.name))
        call(**json.loads(text))
        return
    service = arn.split(":")[2]
    client = clients.client({"states": "stepfunctions"}.get(service, service), run.ctx, *_session(target))
    if service == "lambda":
        client.invoke(FunctionName=arn, InvocationType="Event", Payload=text.encode())
    elif service == "sns":
        client.publish(TopicArn=arn, Message=text)
    elif service == "sqs":
        url = queue_url(run.ctx, arn)
        client.send_message(QueueUrl=url, MessageBody=text, **target.get("SqsParameters", {}))
    elif service == "states":
        client.start_execution(stateMachineArn=arn, input=text)
    elif service == "sagemaker":
        parameters = target.get("SageMakerPipelineParameters", {}).get("PipelineParameterList", [])
        filled = [{**each, "Value": run.filled(each["Value"])} for each in parameters]
        client.start_pipeline_execution(PipelineName=arn, PipelineParameters=filled)
    else:
        given = target["EventBridgeParameters"]
        entry = {"EventBusName": arn, "Source": given["Source"], "DetailType": given["DetailType"], "Detail": text}
        client.put_events(Entries=[entry])


def queue_url(ctx: Context, arn: str) -> str:
    """The URL of a queue: Scheduler knows it from the ARN, so nobody needs a right to look it up."""
    return str(clients.client("sqs", ctx).get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"])


def _session(target: Row) -> tuple[str | None, str]:
    """The target's role, and a name for the session."""
    return target.get("RoleArn"), "scheduler"


def _check_input(model: OperationModel, text: str) -> None:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ValidationException(f"Invalid RequestJson provided. Reason {error}") from error
    if not isinstance(given, dict):
        raise ValidationException("Invalid RequestJson provided. Reason: it is no JSON object")
    shape = model.input_shape
    if shape is None:
        return
    tokens = {name: "x" * 64 for name in model.idempotent_members if name not in given}
    # The values of context attributes are not known yet: only their place is checked.
    report = ParamValidator().validate({**tokens, **_long(given)}, shape)
    if report.has_errors():
        raise ValidationException(f"Invalid RequestJson provided. Reason {report.generate_report()}")


def _long(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _long(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_long(item) for item in value]
    return _PLACEHOLDER.sub("x" * 64, value) if isinstance(value, str) else value


def _operation(service: str, name: str) -> OperationModel:
    wanted = name.lower()
    if _READING.match(name):
        raise ValidationException(f"Provided Arn is not supported: {service}:{name} only reads.")
    model = _model(_botocore(service))
    if model is not None:
        for operation in model.operation_names:
            if operation.lower() == wanted:
                return model.operation_model(operation)
    raise ValidationException(f"Provided Arn is not in correct format: there is no operation {service}:{name}")


def _botocore(service: str) -> str:
    return _SERVICES.get(service, service)


def _model(service: str) -> ServiceModel | None:
    try:
        return shapes.service_model(service)
    except UnknownServiceError:
        return None
