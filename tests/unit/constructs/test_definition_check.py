"""Each rule of the definition check finds its mistake, in one line, and finds nothing in good definitions."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loan_approval.definition import definition as loan_approval
from mlops_constructs.definition_check import STEP_LIMIT, findings
from mlops_constructs.pipeline_context import PipelineContext
from stacks import settings

ROOT = Path(__file__).parents[3]
TOKEN = "${Token[TOKEN.7]}"
IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"
Json = dict[str, Any]


def get(path: str) -> Json:
    return {"Get": path}


def output_of(step: str, name: str) -> Json:
    return get(f"Steps.{step}.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri")


def auc(step: str = "Evaluate") -> Json:
    source = get(f"Steps.{step}.PropertyFiles.Report")
    return {"Std:JsonGet": {"PropertyFile": source, "Path": "metrics.auc[0].value"}}


def processing(name: str, source: Any, output: str, **members: Any) -> Json:
    job = {
        "RoleArn": "arn:aws:iam::111122223333:role/pipeline",
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", "-m", "step"],
            "ContainerArguments": ["--from", get("Parameters.From")],
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": get("Parameters.InstanceType"),
                "InstanceCount": get("Parameters.Count"),
                "VolumeSizeInGB": 30,
            }
        },
        "Environment": {"RUN": get("Execution.PipelineExecutionId")},
        "ProcessingInputs": [
            {
                "InputName": "data",
                "S3Input": {
                    "S3Uri": source,
                    "LocalPath": "/opt/ml/processing/input/data",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": output,
                    "S3Output": {
                        "S3Uri": f"s3://{TOKEN}/{output}",
                        "LocalPath": f"/opt/ml/processing/output/{output}",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
    }
    return {"Name": name, "Type": "Processing", **members, "Arguments": job}


def training() -> Json:
    job = {
        "RoleArn": TOKEN,
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "auc", "Regex": "auc=(.*)"}],
        },
        "HyperParameters": {"eta": "0.1", "sagemaker_program": "train.py"},
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": output_of("Prepare", "train")}},
            }
        ],
        "ResourceConfig": {
            "InstanceType": "ml.m5.xlarge",
            "InstanceCount": 1,
            "VolumeSizeInGB": 30,
            "VolumeKmsKeyId": TOKEN,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "OutputDataConfig": {"S3OutputPath": f"s3://{TOKEN}/models", "KmsKeyId": TOKEN},
    }
    policy = {"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 5, "BackoffRate": 2.0, "MaxAttempts": 5}
    return {"Name": "Train", "Type": "Training", "RetryPolicies": [policy], "Arguments": job}


def register() -> Json:
    container = {"Image": IMAGE, "ModelDataUrl": get("Steps.Train.ModelArtifacts.S3ModelArtifacts")}
    score = get("Steps.Train.FinalMetricDataList['auc'].Value")
    package = {
        "ModelPackageGroupName": "mlops-dev-model",
        "ModelApprovalStatus": get("Parameters.Approval"),
        "InferenceSpecification": {
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "CustomerMetadataProperties": {"auc": auc(), "score": {"Std:Join": {"On": "", "Values": [score]}}},
    }
    return {"Name": "Register", "Type": "RegisterModel", "Arguments": package}


def good() -> Json:
    """One of everything that the project's pipelines use; every mistake below is made in a copy of it."""
    report = [{"PropertyFileName": "Report", "OutputName": "report", "FilePath": "report.json"}]
    cache = {"Enabled": True, "ExpireAfter": "P30D"}
    stop = {
        "Name": "Stop",
        "Type": "Fail",
        "Arguments": {"ErrorMessage": {"Std:Join": {"On": " ", "Values": ["below", get("Parameters.Least")]}}},
    }
    conditions = [
        {"Type": "GreaterThanOrEqualTo", "LeftValue": auc(), "RightValue": get("Parameters.Least")},
        {"Type": "Not", "Condition": {"Type": "Equals", "LeftValue": get("Parameters.Dry"), "RightValue": True}},
        {"Type": "Or", "Conditions": [{"Type": "In", "QueryValue": auc(), "Values": [0.5, 1]}]},
    ]
    return {
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": [
            {"Name": "From", "Type": "String", "DefaultValue": "2000-10-01"},
            {"Name": "InstanceType", "Type": "String", "DefaultValue": "ml.m5.large"},
            {"Name": "Count", "Type": "Integer", "DefaultValue": 1},
            {"Name": "Least", "Type": "Float", "DefaultValue": 0.6},
            {"Name": "Dry", "Type": "Boolean", "DefaultValue": False},
            {
                "Name": "Approval",
                "Type": "String",
                "DefaultValue": "PendingManualApproval",
                "EnumValues": ["PendingManualApproval", "Rejected"],
            },
        ],
        "Steps": [
            processing("Prepare", f"s3://{TOKEN}/raw", "train", CacheConfig=cache),
            training(),
            processing(
                "Evaluate",
                get("Steps.Train.ModelArtifacts.S3ModelArtifacts"),
                "report",
                PropertyFiles=report,
                DependsOn=["Prepare", {"Step": "Train", "Trigger": "Completed"}],
            ),
            {
                "Name": "Choose",
                "Type": "Condition",
                "Arguments": {"Conditions": conditions, "IfSteps": [register()], "ElseSteps": [stop]},
            },
        ],
    }


def at(definition: Json, path: str) -> tuple[Any, Any]:
    """Holder and key of `Steps.1.Arguments.x`."""
    *way, last = path.split(".")
    held: Any = definition
    for part in way:
        held = held[int(part) if part.isdigit() else part]
    return held, int(last) if last.isdigit() else last


def put(path: str, value: Any) -> Callable[[Json], None]:
    def change(definition: Json) -> None:
        held, key = at(definition, path)
        held[key] = value

    return change


def drop(path: str) -> Callable[[Json], None]:
    def change(definition: Json) -> None:
        held, key = at(definition, path)
        del held[key]

    return change


def add(path: str, value: Any) -> Callable[[Json], None]:
    def change(definition: Json) -> None:
        held, key = at(definition, path)
        held[key].append(copy.deepcopy(value))

    return change


JOB = "Steps.0.Arguments"
TRAIN = "Steps.1.Arguments"
CHOICE = "Steps.3.Arguments"
PACKAGE = f"{CHOICE}.IfSteps.0.Arguments"
REGISTERED = f"{CHOICE}.IfSteps.0"
CONDITION = f"{CHOICE}.Conditions.0"
URI = f"{JOB}.ProcessingInputs.0.S3Input.S3Uri"
DOUBLE_OUTPUT = good()["Steps"][0]["Arguments"]["ProcessingOutputConfig"]["Outputs"][0]
LONG = "x" * 257

MISTAKES: list[tuple[str, Callable[[Json], None], str]] = [
    # arguments against the request's shape
    (
        "unknown member",
        put(f"{TRAIN}.HyperParametrs", {}),
        'Train: Arguments.HyperParametrs: "HyperParametrs": is no member of CreateTrainingJobRequest',
    ),
    (
        "missing member",
        drop(f"{TRAIN}.RoleArn"),
        "Train: Arguments.RoleArn: null: is missing; CreateTrainingJobRequest requires it",
    ),
    (
        "wrong type",
        put(f"{TRAIN}.ResourceConfig.InstanceCount", "two"),
        'Train: Arguments.ResourceConfig.InstanceCount: "two": must be a whole number',
    ),
    (
        "boolean as number",
        put(f"{TRAIN}.ResourceConfig.InstanceCount", True),
        "InstanceCount: true: must be a whole number",
    ),
    (
        "number as text",
        put(f"{TRAIN}.HyperParameters.eta", 0.1),
        "Train: Arguments.HyperParameters.eta: 0.1: must be text",
    ),
    ("text as list", put(f"{JOB}.ProcessingInputs", "raw"), 'ProcessingInputs: "raw": must be a list'),
    ("list as object", put(f"{TRAIN}.OutputDataConfig", []), "OutputDataConfig: []: must be an object"),
    (
        "unknown enum value",
        put(f"{TRAIN}.ResourceConfig.InstanceType", "ml.m5.huge"),
        'ResourceConfig.InstanceType: "ml.m5.huge": allowed: ',
    ),
    ("pattern", put(f"{JOB}.RoleArn", "arn:aws:iam::1:role/pipeline"), "must match arn:aws"),
    (
        "pattern with Unicode classes",
        put(f"{PACKAGE}.CustomerMetadataProperties.auc", 'a "quoted" value'),
        'Register: Arguments.CustomerMetadataProperties.auc: "a \\"quoted\\" value": must match',
    ),
    (
        "entry point's length",
        put(f"{JOB}.AppSpecification.ContainerEntrypoint.2", LONG),
        "length must be at most 256, is 257",
    ),
    (
        "empty argument",
        put(f"{JOB}.AppSpecification.ContainerArguments.0", ""),
        'AppSpecification.ContainerArguments[0]: "": must not be empty',
    ),
    (
        "argument that is empty by default",
        put("Parameters.0.DefaultValue", ""),
        'AppSpecification.ContainerArguments[1]: "": must not be empty (a value of Parameters.From)',
    ),
    ("environment's value", put(f"{JOB}.Environment.RUN", LONG), "…: length must be at most 256, is 257"),
    ("environment's name", put(f"{JOB}.Environment.1RUN", "x"), 'Environment (name): "1RUN": must match'),
    (
        "environment's size",
        put(f"{JOB}.Environment", {f"V{number}": "x" for number in range(101)}),
        "must have at most 100, is 101",
    ),
    ("least value", put(f"{JOB}.ProcessingResources.ClusterConfig.VolumeSizeInGB", 0), "0: must be at least 1"),
    (
        "largest value",
        put(f"{JOB}.ProcessingResources.ClusterConfig.InstanceCount", 101),
        "must be at most 100",
    ),
    (
        "channel given twice",
        add(f"{TRAIN}.InputDataConfig", training()["Arguments"]["InputDataConfig"][0]),
        'Train: Arguments.InputDataConfig: "train": each ChannelName must be given once',
    ),
    (
        "output given twice",
        add(f"{JOB}.ProcessingOutputConfig.Outputs", DOUBLE_OUTPUT),
        "each OutputName must be given once",
    ),
    (
        "local path",
        put(f"{JOB}.ProcessingInputs.0.S3Input.LocalPath", "/data"),
        "must begin with /opt/ml/processing/",
    ),
    ("no arguments", put("Steps.1.Arguments", []), "must be an object"),
    # expressions
    ("unknown parameter", put(URI, get("Parameters.Nope")), "no such parameter; allowed: Approval"),
    (
        "parameter of another type",
        put(f"{TRAIN}.ResourceConfig.InstanceCount", get("Parameters.From")),
        'InstanceCount: {"Get": "Parameters.From"}: gives string, must be a whole number',
    ),
    (
        "number parameter as text",
        put(f"{JOB}.AppSpecification.ContainerArguments.1", get("Parameters.Count")),
        "gives integer, must be text; make it text with Std:Join",
    ),
    (
        "default that does not fit its use",
        put("Parameters.1.DefaultValue", "ml.m5.lagre"),
        "(a value of Parameters.InstanceType)",
    ),
    ("execution variable", put(URI, get("Execution.Id")), "no such variable; allowed: CurrentDateTime"),
    ("unknown namespace", put(URI, get("Step.Train.X")), "must begin with Parameters., Execution. or Steps."),
    ("unknown step", put(URI, get("Steps.Nope.OutputDataConfig.S3OutputPath")), "no such step; allowed: Choose"),
    (
        "unknown property",
        put(f"{PACKAGE}.InferenceSpecification.Containers.0.ModelDataUrl", get("Steps.Train.ModelArtifact")),
        "'ModelArtifact' is no property of a Training step",
    ),
    (
        "property inside a property",
        put(URI.replace("0.Arg", "2.Arg"), get("Steps.Train.ModelArtifacts.Uri")),
        "'ModelArtifacts.Uri' is no property",
    ),
    (
        "output without that name",
        put(f"{TRAIN}.InputDataConfig.0.DataSource.S3DataSource.S3Uri", output_of("Prepare", "training")),
        "step Prepare has no ProcessingOutputConfig.Outputs named 'training'; allowed: train",
    ),
    (
        "metric without that name",
        put(
            f"{PACKAGE}.CustomerMetadataProperties.score.Std:Join.Values.0.Get",
            "Steps.Train.FinalMetricDataList['f1'].Value",
        ),
        "step Train has no FinalMetricDataList named 'f1'; allowed: auc",
    ),
    (
        "name where the list has none",
        put(URI.replace("0.Arg", "2.Arg"), get("Steps.Train.InputDataConfig['train'].DataSource.S3DataSource.S3Uri")),
        "'InputDataConfig' is a list: use [0]",
    ),
    (
        "index into no list",
        put(URI.replace("0.Arg", "2.Arg"), get("Steps.Train.ModelArtifacts[0]")),
        "cannot be indexed",
    ),
    ("number in a map", put(URI.replace("0.Arg", "2.Arg"), get("Steps.Train.HyperParameters[0]")), "use ['name']"),
    ("unreadable path", put(URI.replace("0.Arg", "2.Arg"), get("Steps.Train.A..B")), "cannot be read after 'A'"),
    ("no property at all", put(URI.replace("0.Arg", "2.Arg"), get("Steps.Train")), "must name a property"),
    (
        "structure where text belongs",
        put(URI.replace("0.Arg", "2.Arg"), get("Steps.Train.ModelArtifacts")),
        "gives structure, must be text",
    ),
    ("property of a Fail step", put(URI, get("Steps.Stop.ErrorMessage")), "it has none"),
    (
        "property file outside JsonGet",
        put(URI, get("Steps.Evaluate.PropertyFiles.Report")),
        "only be read by Std:JsonGet",
    ),
    (
        "unknown property file",
        put(f"{CONDITION}.LeftValue.Std:JsonGet.PropertyFile.Get", "Steps.Evaluate.PropertyFiles.Nope"),
        "step Evaluate has no such property file; allowed: Report",
    ),
    (
        "property file of an unknown step",
        put(f"{CONDITION}.LeftValue.Std:JsonGet.PropertyFile.Get", "Steps.Nope.PropertyFiles.Report"),
        "no such step",
    ),
    (
        "JSON path",
        put(f"{CONDITION}.LeftValue.Std:JsonGet.Path", "metrics..auc"),
        '"metrics..auc": must be a path such as',
    ),
    (
        "JsonGet without source",
        drop(f"{CONDITION}.LeftValue.Std:JsonGet.PropertyFile"),
        "must have Path, and PropertyFile",
    ),
    ("join of an object", put(URI, {"Std:Join": {"On": "/", "Values": [{"a": 1}]}}), "must be text, a number"),
    ("join without values", put(URI, {"Std:Join": {"On": "/"}}), "must be {On: text, Values: list}"),
    # conditions
    ("condition type", put(f"{CONDITION}.Type", "AtLeast"), "allowed: Equals, GreaterThan"),
    (
        "condition's members",
        drop(f"{CONDITION}.RightValue"),
        "a condition of type GreaterThanOrEqualTo has LeftValue, RightValue",
    ),
    ("no conditions", put(f"{CHOICE}.Conditions", []), "must be a list of at least one condition"),
    (
        "condition that is never true",
        put(f"{CHOICE}.Conditions.1.Condition.RightValue", "true"),
        "compares text with true or false: never equal",
    ),
    ("order of texts", put(f"{CONDITION}.RightValue", "0.7"), "orders text: only numbers have an order"),
    ("branch that is no list", put(f"{CHOICE}.ElseSteps", {}), "must be a list of steps"),
    ("unknown branch", put(f"{CHOICE}.OtherSteps", []), "allowed: Conditions, ElseSteps, IfSteps"),
    # order
    ("dependency on nothing", put("Steps.1.DependsOn", ["Nope"]), 'Train: DependsOn: "Nope": no such step'),
    (
        "dependency with a wrong trigger",
        put("Steps.2.DependsOn.1.Trigger", "Done"),
        "Any | Completed | Failed | Stopped",
    ),
    ("dependencies that are no list", put("Steps.1.DependsOn", "Prepare"), 'DependsOn: "Prepare": must be a list'),
    ("cycle", put("Steps.0.DependsOn", ["Evaluate"]), "a step cannot wait for itself"),
    ("step that waits for itself", put("Steps.1.DependsOn", ["Train"]), "a step cannot wait for itself"),
    (
        "nested condition",
        add(
            f"{CHOICE}.ElseSteps",
            {
                "Name": "Again",
                "Type": "Condition",
                "Arguments": {
                    "Conditions": [{"Type": "Equals", "LeftValue": get("Parameters.Dry"), "RightValue": True}]
                },
            },
        ),
        'Again: Type: "Condition": cannot stand inside Condition step Choose',
    ),
    (
        "joining branches again",
        add("Steps", {"Name": "After", "Type": "Fail", "DependsOn": ["Register"], "Arguments": {}}),
        'After: depends on: "Register": stands in IfSteps of Choose: a step outside that branch never runs',
    ),
    (
        "data from inside a branch",
        add(
            "Steps",
            {"Name": "After", "Type": "Fail", "Arguments": {"ErrorMessage": get("Steps.Register.ModelPackageArn")}},
        ),
        'After: depends on: "Register": stands in IfSteps of Choose',
    ),
    (
        "step of the other branch",
        put(f"{CHOICE}.ElseSteps.0.DependsOn", ["Register"]),
        'Stop: depends on: "Register": stands in IfSteps of the same step',
    ),
    # steps
    ("name given twice", put(f"{REGISTERED}.Name", "Train"), '"Train": is the name of 2 steps'),
    ("name's characters", put(f"{REGISTERED}.Name", "Register it"), 'Name: "Register it": must match'),
    ("name's length", put(f"{REGISTERED}.Name", "R" * 65), "length must be at most 64, is 65"),
    ("empty name", put(f"{REGISTERED}.Name", ""), "must not be empty"),
    ("step type", put(f"{REGISTERED}.Type", "Registration"), 'Type: "Registration": allowed: AutoML'),
    ("step that is none", add("Steps", {"Name": "Nothing"}), "must be an object with Name, Type and Arguments"),
    (
        "member of another step type",
        put(f"{REGISTERED}.CacheConfig", {"Enabled": False}),
        "no member of a RegisterModel step",
    ),
    ("message of a Fail step", put(f"{CHOICE}.ElseSteps.0.Arguments.ErrorMessage", 1), "must be text of at most 3072"),
    ("member of a Fail step", put(f"{CHOICE}.ElseSteps.0.Arguments.Reason", "x"), "a Fail step has ErrorMessage only"),
    ("description's length", put("Steps.0.Description", "x" * 3073), "length must be at most 3072, is 3073"),
    # caches, retries, property files
    (
        "cache's duration",
        put("Steps.0.CacheConfig.ExpireAfter", "30 days"),
        'ExpireAfter: "30 days": must be an ISO 8601',
    ),
    ("empty duration", put("Steps.0.CacheConfig.ExpireAfter", "P"), "must be an ISO 8601"),
    ("cache without duration", drop("Steps.0.CacheConfig.ExpireAfter"), "is missing; must be an ISO 8601"),
    ("cache without switch", drop("Steps.0.CacheConfig.Enabled"), "must be {Enabled"),
    ("cache's members", put("Steps.0.CacheConfig.Expires", "P1D"), "allowed: Enabled, ExpireAfter"),
    (
        "retried exception",
        put("Steps.1.RetryPolicies.0.ExceptionType", ["Step.FAULT"]),
        '"Step.FAULT": allowed: SageMaker',
    ),
    ("no retried exception", drop("Steps.1.RetryPolicies.0.ExceptionType"), "ExceptionType: null: must be a list"),
    ("retries", put("Steps.1.RetryPolicies.0.MaxAttempts", 21), "must be a whole number from 0 to 20"),
    ("retry interval", put("Steps.1.RetryPolicies.0.IntervalSeconds", 43201), "from 0 to 43200"),
    ("retry in two ways", put("Steps.1.RetryPolicies.0.ExpireAfterMin", 5), "MaxAttempts or ExpireAfterMin, not both"),
    ("retry's members", put("Steps.1.RetryPolicies.0.Max", 5), 'RetryPolicies[0].Max: "Max": allowed: BackoffRate'),
    ("retries of a Condition", put("Steps.3.RetryPolicies", []), "no member of a Condition step"),
    ("property file's output", put("Steps.2.PropertyFiles.0.OutputName", "reports"), "no such output; allowed: report"),
    ("property file's path", put("Steps.2.PropertyFiles.0.FilePath", "/report.json"), "must be a path relative to"),
    (
        "property file's members",
        drop("Steps.2.PropertyFiles.0.FilePath"),
        "must have PropertyFileName, OutputName and FilePath",
    ),
    # parameters and the whole
    ("unused parameter", add("Parameters", {"Name": "Spare", "Type": "String"}), '"Spare": is never used'),
    ("parameter given twice", add("Parameters", {"Name": "From", "Type": "String"}), '"From": is declared 2 times'),
    ("parameter's type", put("Parameters.0.Type", "Text"), "allowed: Boolean, Float, Integer, String"),
    ("parameter's default", put("Parameters.3.DefaultValue", "0.6"), "must be a Float as Least is one"),
    ("parameter's member", put("Parameters.0.Default", "x"), '"Default": allowed: DefaultValue'),
    ("parameter's name", add("Parameters", {"Name": "a b", "Type": "String"}), 'Parameters[6].Name: "a b": must match'),
    (
        "default outside its choices",
        put("Parameters.5.DefaultValue", "Approved"),
        '"Approved": allowed: PendingManualApproval',
    ),
    ("choice that does not fit its use", put("Parameters.5.EnumValues.1", "Refused"), '"Refused": allowed: Approved'),
    ("choices of a number", put("Parameters.2.EnumValues", ["1"]), "for a String parameter"),
    ("default's length", put("Parameters.0.DefaultValue", "x" * 1025), "length must be at most 1024"),
    (
        "too many parameters",
        lambda d: d["Parameters"].extend({"Name": f"P{number}", "Type": "String"} for number in range(200)),
        "at most 200 parameters",
    ),
    ("version", put("Version", "2021"), "must be 2020-12-01"),
    ("unknown part", put("Stages", []), 'Stages: "Stages": allowed: Metadata'),
    ("experiment", put("PipelineExperimentConfig", {"TrialName": get("Execution.Id")}), "no such variable"),
    ("no steps", put("Steps", []), "must be a list of at least one step"),
    (
        "too many steps",
        lambda d: d["Steps"].extend(
            {"Name": f"Stop{number}", "Type": "Fail", "Arguments": {}} for number in range(STEP_LIMIT)
        ),
        f"at most {STEP_LIMIT} steps",
    ),
    ("too many bytes", put("Metadata", {"note": "x" * 1048576}), "has more bytes than the 1048576"),
]


@pytest.mark.parametrize(("change", "line"), [pytest.param(c, line, id=name) for name, c, line in MISTAKES])
def test_a_mistake_is_told_in_one_line(change: Callable[[Json], None], line: str) -> None:
    definition = good()
    change(definition)
    found = findings(definition)
    assert any(line in each for each in found), found
    assert all(each.count("\n") == 0 and len(each) < 1500 for each in found)


ONLY_ONE = ("unknown member", "wrong type", "pattern", "unknown enum value", "cycle", "JSON path", "cache's duration")


@pytest.mark.parametrize("name", ONLY_ONE)
def test_one_mistake_is_one_finding(name: str) -> None:
    definition = good()
    next(change for each, change, _ in MISTAKES if each == name)(definition)
    assert len(findings(definition)) == 1


def test_a_good_definition_has_no_findings() -> None:
    assert findings(good()) == []


def _places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [(*way, key) for key, _ in pairs] + [place for key, inner in pairs for place in _places(inner, (*way, key))]


def _with(way: list[Any], last: Any, value: object) -> Json:
    definition = good()
    held: Any = definition
    for key in way:
        held = held[key]
    held[last] = copy.deepcopy(value)
    return definition


@pytest.mark.parametrize("nonsense", [None, {"Get": 5}], ids=str)
def test_nonsense_is_found_wherever_it_stands(nonsense: object) -> None:
    unfound = [(*way, last) for *way, last in _places(good()) if not findings(_with(way, last, nonsense))]
    assert set(unfound) <= {("Metadata",)}  # free for the author's notes


@pytest.mark.parametrize("oddity", [17, ["x"], {}, True], ids=str)
def test_odd_values_never_break_the_check(oddity: object) -> None:
    for *way, last in _places(good()):
        assert isinstance(findings(_with(way, last, oddity)), list)


def test_the_check_changes_nothing() -> None:
    definition = good()
    before = json.dumps(definition)
    findings(definition)
    assert json.dumps(definition) == before


@pytest.mark.parametrize("duration", ["P30D", "p30d", "PT12H", "T12H", "P1Y2M3W4DT5H6M7S", "30dT5h"])
def test_durations_of_the_documentation_are_accepted(duration: str) -> None:
    definition = good()
    put("Steps.0.CacheConfig.ExpireAfter", duration)(definition)
    assert findings(definition) == []


TOKENS = [
    put(f"{JOB}.RoleArn", TOKEN),
    put(f"{TRAIN}.ResourceConfig.InstanceType", TOKEN),
    put(f"{TRAIN}.ResourceConfig.InstanceCount", -1.8881545897087626e289),
    put(f"{JOB}.AppSpecification.ContainerEntrypoint", ["#{Token[TOKEN.8]}"]),
    put(f"{PACKAGE}.ModelPackageGroupName", f"group-{TOKEN}"),
    put("Parameters.0.DefaultValue", TOKEN),
    put("Parameters.1.DefaultValue", TOKEN),
]


@pytest.mark.parametrize("change", TOKENS)
def test_values_that_only_the_deployment_knows_are_not_findings(change: Callable[[Json], None]) -> None:
    definition = good()
    change(definition)
    assert findings(definition) == []


def test_what_stands_beside_such_a_value_is_looked_at() -> None:
    definition = good()
    put(f"{JOB}.AppSpecification.ContainerArguments", [f"s3://{TOKEN}", {"Get": "Parameters.Nowhere"}])(definition)
    assert [finding for finding in findings(definition) if "Parameters.Nowhere" in finding]


def test_a_step_may_follow_the_condition_itself() -> None:
    definition = good()
    add("Steps", {"Name": "After", "Type": "Fail", "DependsOn": ["Choose"], "Arguments": {}})(definition)
    assert findings(definition) == []


def test_callback_and_lambda_outputs_are_known_by_name() -> None:
    definition = good()
    step = {
        "Name": "Ask",
        "Type": "Lambda",
        "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:ask",
        "OutputParameters": [{"OutputName": "answer", "OutputType": "String"}],
        "Arguments": {"question": get("Parameters.From")},
    }
    add("Steps", step)(definition)
    put(URI, get("Steps.Ask.OutputParameters['answer']"))(definition)
    assert findings(definition) == []
    put(URI, get("Steps.Ask.OutputParameters['reply']"))(definition)
    assert "no such output parameter; allowed: answer" in findings(definition)[0]


@pytest.mark.parametrize("environment", ["local", "dev", "staging", "prod"])
def test_the_loan_pipeline_has_no_findings(environment: str) -> None:
    training = settings.load(ROOT / "config", environment).models["loan_approval"].training
    context = PipelineContext(
        model="loan_approval",
        base_name=f"mlops-{environment}-loan-approval",
        role_arn=TOKEN,
        code_uri=f"s3://{TOKEN}/code.tar.gz",
        code_sha256="0" * 64,
        data_bucket=TOKEN,
        artifacts_bucket=TOKEN,
        key_arn=TOKEN,
        package_group=f"mlops-{environment}-loan-approval",
        champion_parameter=f"/mlops/{environment}/loan-approval/release/champion",
        label_maturity_days=730,
        features={},
        features_workgroup="mlops-local-features",
        features_rows_table="mlops_local_features.loan_approval_rows",
        features_rows_uri="s3://artifacts/loan_approval/feature-rows",
        features_results_uri="s3://artifacts/loan_approval/feature-queries",
        image_uri=lambda framework: f"{TOKEN}/{framework}:1",
        built_in=lambda _framework: False,
        settings=training,
    )
    assert findings(loan_approval(context)) == []
