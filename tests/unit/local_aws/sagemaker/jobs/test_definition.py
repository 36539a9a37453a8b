"""What CreatePipeline accepts and refuses, and in which words."""

import copy
import json
from typing import Any

import pytest

from local_aws.sagemaker import definition
from local_aws.sagemaker.definition import DefinitionError, parse

from .conftest import IMAGE, ROLE, s3_input, s3_outputs


def get(path: str) -> dict[str, str]:
    return {"Get": path}


def processing(name: str, *inputs: Any, **changes: Any) -> dict[str, Any]:
    arguments = {
        "RoleArn": ROLE,
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["true"]},
        "ProcessingInputs": [s3_input(f"in{number}", uri) for number, uri in enumerate(inputs)],
        "ProcessingOutputConfig": s3_outputs(data=f"s3://bucket/{name}"),
    }
    return {"Name": name, "Type": "Processing", "Arguments": arguments, **changes}


def output_of(step: str) -> dict[str, str]:
    return get(f"Steps.{step}.ProcessingOutputConfig.Outputs['data'].S3Output.S3Uri")


def condition(name: str, *, yes: tuple[Any, ...] = (), no: tuple[Any, ...] = (), **test: Any) -> dict[str, Any]:
    test = test or {"Type": "Equals", "LeftValue": get("Parameters.Tune"), "RightValue": True}
    arguments = {"Conditions": [test], "IfSteps": list(yes), "ElseSteps": list(no)}
    return {"Name": name, "Type": "Condition", "Arguments": arguments}


PARAMETERS = [
    {"Name": "Input", "Type": "String", "DefaultValue": "s3://bucket/raw"},
    {"Name": "Count", "Type": "Integer", "DefaultValue": 1},
    {"Name": "MinAuc", "Type": "Float", "DefaultValue": 0.6},
    {"Name": "Tune", "Type": "Boolean", "DefaultValue": False},
]


def text(*steps: Any, **changes: Any) -> str:
    return json.dumps({"Version": "2020-12-01", "Metadata": {}, "Parameters": PARAMETERS, "Steps": steps, **changes})


def changed(step: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    step = copy.deepcopy(step)
    *parents, last = path.split(".")
    target = step["Arguments"]
    for key in parents:
        target = target[int(key)] if key.isdigit() else target[key]
    target[int(last) if last.isdigit() else last] = value
    return step


def test_needs_follow_references_property_files_and_depends_on():
    files = [{"PropertyFileName": "Report", "OutputName": "data", "FilePath": "report.json"}]
    json_get = {"Std:JsonGet": {"PropertyFile": get("Steps.A.PropertyFiles.Report"), "Path": "rows"}}
    read = parse(
        text(
            processing("A", PropertyFiles=files),
            processing("B", output_of("A")),
            processing("C", DependsOn=["B"]),
            condition(
                "D",
                yes=(processing("E", output_of("B")),),
                Type="GreaterThan",
                LeftValue=json_get,
                RightValue=1,
            ),
        )
    )
    needs = {name: set(read.needs(name)) for name in read.steps}
    assert needs == {"A": set(), "B": {"A"}, "C": {"B"}, "D": {"A"}, "E": {"B", "D"}}
    assert read.branch("D", "IfSteps") == ["E"]


def test_expressions_stand_wherever_a_value_is_expected():
    step = changed(
        processing("A", get("Parameters.Input")),
        "ProcessingResources.ClusterConfig.InstanceCount",
        get("Parameters.Count"),
    )
    joined = {"Std:Join": {"On": "-", "Values": ["auc", get("Parameters.MinAuc")]}}
    step["Arguments"]["AppSpecification"]["ContainerArguments"] = [joined]
    parse(text(step))


A = processing("A", get("Parameters.Input"))
JOB = "Unable to parse pipeline definition. "


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "Unable to parse pipeline definition. Not a JSON document"),
        ("[]", "Unable to parse pipeline definition. Expecting start of Json Object."),
        (text(), "a pipeline needs at least one step"),
        (text(A, Version="2019-01-01"), "Version '2019-01-01' is not supported"),
        (text(A, Extra=1), "Cannot parse object, unknown property 'Extra'."),
        (text({**A, "Extra": 1}), "Cannot parse object, unknown property 'Extra'."),
        (text(A, A), "Step names must be unique; 'A' is used more than once"),
        (text({**A, "Name": "a b"}), "Step name 'a b' is not valid"),
        (text({**A, "Type": "Dance"}), "unknown step type 'Dance'"),
        (text({**A, "Type": "Lambda"}), "steps of type Lambda are not emulated by the local AWS"),
        (text({**A, "Type": "QualityCheck"}), "steps of type QualityCheck are not emulated by the local AWS"),
        (text(changed(A, "Extra", 1)), "Unable to parse pipeline definition. Unknown Argument member 'Extra'."),
        (text(changed(A, "ProcessingInputs", get("Parameters.Input"))), "Expecting start of Json Array."),
        (
            text(changed(A, "AppSpecification", {"ContainerEntrypoint": ["x"]})),
            "Missing required Argument member 'ImageUri'",
        ),
        (
            text(changed(A, "ProcessingInputs.0.S3Input.S3InputMode", "FastFile")),
            "Model Validation failed: Value 'FastFile' for 'ProcessingS3InputMode' failed to satisfy enum value set: "
            "[Pipe, File]",
        ),
        (
            text(changed(A, "AppSpecification.ContainerEntrypoint", ["x" * 257])),
            "Member must have length less than or equal to 256",
        ),
        (text(changed(A, "ProcessingResources.ClusterConfig.InstanceCount", "1")), "is not of type Integer"),
        (
            text(processing("A", get("Parameters.Nothing"))),
            "refers to a parameter that is not defined: Parameters.Nothing",
        ),
        (text(processing("A", get("Execution.Nothing"))), "refers to something unknown: Execution.Nothing"),
        (text(processing("A", output_of("B"))), "refers to step 'B', which is not in the pipeline"),
        (text(A, processing("B", get("Steps.A.Nothing"))), "'Nothing' is not a property of a Processing step"),
        (text(A, processing("B", DependsOn=["C"])), "depends on step 'C', which is not in the pipeline"),
        (
            text(A, processing("B", {"Std:JsonGet": {"PropertyFile": get("Steps.A.PropertyFiles.X"), "Path": "a"}})),
            "property file 'X' is not declared by a step",
        ),
        (text(processing("A", output_of("B")), processing("B", output_of("A"))), "Cycle detected"),
        (
            text(condition("C", yes=(condition("D"),))),
            "Step 'D': nested condition steps are not supported; it is inside 'C'",
        ),
        (
            text(condition("C", yes=(A,)), processing("B", output_of("A"))),
            "depends on step 'A', which runs only in a branch of condition 'C'",
        ),
        (text(condition("C", Type="Near", LeftValue=1, RightValue=2)), "unknown condition type 'Near'"),
        (text(condition("C", Type="Not", Expression={})), "unknown property 'Expression'"),
        (
            text({"Name": "F", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}, processing("A", DependsOn=["F"])),
            "A can not depends on F.",
        ),
        (text(A, Parameters=[*PARAMETERS, PARAMETERS[0]]), "parameter 'Input' is declared twice"),
        (
            text(A, Parameters=[{"Name": "Input", "Type": "String", "DefaultValue": 3}]),
            "parameter 'Input': DefaultValue 3 is not of type String",
        ),
    ],
)
def test_wrong_definitions_are_refused_in_one_line(document, message):
    with pytest.raises(DefinitionError) as caught:
        parse(document)
    assert message in str(caught.value)
    assert str(caught.value).startswith(JOB)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        ("AppSpecification.ContainerEntrypoint.0", get("Parameters.Count"), "String"),
        ("AppSpecification.ImageUri", get("Parameters.MinAuc"), "String"),
        ("ProcessingResources.ClusterConfig.InstanceCount", get("Parameters.Input"), "Integer"),
        ("ProcessingResources.ClusterConfig.InstanceCount", get("Parameters.MinAuc"), "Integer"),
    ],
)
def test_parameters_fit_only_arguments_of_their_type(path, value, kind):
    with pytest.raises(DefinitionError) as caught:
        parse(text(changed(A, path, value)))
    expected = f"Cannot assign property reference [{value['Get']}] to argument of type [{kind}]."
    assert str(caught.value) == expected


def test_whatever_is_broken_the_answer_is_one_line():
    """Replace or remove every part of a definition in turn: it is accepted or refused, never an internal error."""
    files = [{"PropertyFileName": "Report", "OutputName": "data", "FilePath": "report.json"}]
    retry = [{"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 2}]
    json_get = {"Std:JsonGet": {"PropertyFile": get("Steps.A.PropertyFiles.Report"), "Path": "rows"}}
    first = processing(
        "A", PropertyFiles=files, RetryPolicies=retry, CacheConfig={"Enabled": True, "ExpireAfter": "P1D"}
    )
    either = {"Type": "Or", "Conditions": [{"Type": "In", "QueryValue": json_get, "Values": [1, 2]}]}
    fail = {"Name": "F", "Type": "Fail", "Arguments": {"ErrorMessage": {"Std:Join": {"On": " ", "Values": ["a", 1]}}}}
    chosen = condition("C", yes=(processing("B", output_of("A")),), no=(fail,), Type="Not", Condition=either)
    whole = json.loads(text(first, chosen))
    outcomes = {"accepted": 0, "refused": 0}
    for path in list(_paths(whole)):
        for junk in (None, 1, "x", [], {}, [1], {"Get": 5}, {"Std:Join": 3}, {"Std:JsonGet": {}}, "remove"):
            outcomes["accepted" if _accepts(_broken(whole, path, junk)) else "refused"] += 1
    assert min(outcomes.values()) > 100


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Any:
    if path:
        yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _paths(item, (*path, key))


def _broken(whole: Any, path: tuple[Any, ...], junk: Any) -> str:
    changed_whole = copy.deepcopy(whole)
    target = changed_whole
    for key in path[:-1]:
        target = target[key]
    if junk == "remove":
        del target[path[-1]]
    else:
        target[path[-1]] = junk
    return json.dumps(changed_whole)


def _accepts(document: str) -> bool:
    try:
        parse.__wrapped__(document)
    except DefinitionError as error:
        assert "\n" not in str(error)
        return False
    return True


def test_every_kind_of_step_is_either_emulated_or_refused_by_name():
    from local_aws.sagemaker import step_types

    assert not set(step_types.EMULATED) & set(step_types.NOT_EMULATED)
    assert definition.VERSION == "2020-12-01"
