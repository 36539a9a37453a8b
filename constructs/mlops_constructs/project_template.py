"""The CloudFormation template that a project of SageMaker Studio is started from: a form, and one custom resource.

SageMaker fills in SageMakerProjectName and SageMakerProjectId (developer guide: create custom project templates).
"""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from mlops_constructs.naming import ENDPOINT_LIMIT, EnvironmentNames

MODEL = r"^[a-z][a-z0-9]*([_-][a-z0-9]+)*$"
OWNER = r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"
"""As `lambdas/project_controller/request.py` has them; a test compares."""
ANSWER_SECONDS = 3600
"""Until CloudFormation gives up waiting: its most."""


def body(names: EnvironmentNames) -> dict[str, Any]:
    """The template as plain data. It holds nothing that only a deployment knows, so it can be an asset."""
    function = (
        f"arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{names.new_model_function}"
    )
    parameters = {
        "SageMakerProjectName": {"Type": "String", "Description": "Name of the project"},
        "SageMakerProjectId": {"Type": "String", "Description": "Service generated Id of the project."},
        "ModelName": {
            "Type": "String",
            "Description": "Name of the model: lower case letters, digits and single hyphens or underscores",
            "AllowedPattern": MODEL,
            "MaxLength": ENDPOINT_LIMIT - len(f"{names.base}-"),
        },
        "Owner": {
            "Type": "String",
            "Description": "E-mail address of who answers for the model",
            "AllowedPattern": OWNER,
            "MaxLength": 254,
        },
    }
    resource = {
        "Type": "Custom::NewModel",
        "Properties": {
            "ServiceToken": {"Fn::Sub": function},
            "ServiceTimeout": ANSWER_SECONDS,
            **{name: {"Ref": name} for name in parameters},
        },
    }
    outputs = {
        "Branch": ("The branch with the new model; it is deployed once it was reviewed and merged", "Branch"),
        "Review": ("Where to look at it", "Review"),
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"A new model of {names.base}: code, tests, data and configuration, on a branch for review",
        "Parameters": parameters,
        "Resources": {"Model": resource},
        "Outputs": {
            name: {"Description": text, "Value": {"Fn::GetAtt": ["Model", attribute]}}
            for name, (text, attribute) in outputs.items()
        },
    }


def write(scope: cdk.Stack, names: EnvironmentNames) -> Path:
    """The template's file in the cloud assembly. JSON is YAML, which SageMaker asks for."""
    stage = cdk.Stage.of(scope)
    folder = Path(stage.outdir if stage else ".") / "projects"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{names.base}.yaml"
    path.write_text(json.dumps(body(names), indent=2) + "\n")
    return path
