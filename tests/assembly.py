"""The app of some settings, synthesized by the process that asks, and deployed without the command line.

To start the command line and the app for each change that a test makes costs ten times as much. That the two work
together, tests show that are about them: tests/deployed.py deploys a new account with them, for one.
"""

import io
import json
import os
import time
import zipfile
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from mlops.aws import Clients
from stacks.settings import Delivery, EnvironmentSettings
from tests.infra.environments import ROOT, new_app

# Read when `import aws_cdk` starts the engine. tests/infra validates the templates.
os.environ["CDK_VALIDATION"] = "false"
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20")

TOOLKIT = "CDKToolkit"
"""The stack that bootstrapping an account leaves there."""


def synthesize(outdir: Path, settings: EnvironmentSettings | Delivery) -> Path:
    """The assembly of an environment or of the delivery, of this repository's code; without the checks of app.py."""
    from stacks.delivery import add_delivery
    from stacks.environment import add_stacks

    app = new_app(outdir)
    if isinstance(settings, Delivery):
        add_delivery(app, settings)
    else:
        add_stacks(app, settings, code_root=ROOT / "pipeline_code")
    app.synth()
    return outdir


def deploy(clients: Clients, assembly: Path, *stacks: str) -> None:
    """Create or update these stacks of an assembly, or all of them, one after the other and by the bootstrap's role.

    What is equal stays as it is, and parameters keep their values, both as `cdk deploy` has it.
    """
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    order = TopologicalSorter({name: each.get("dependencies", ()) for name, each in artifacts.items()})
    for name in order.static_order():
        if artifacts[name]["type"] == "aws:cloudformation:stack" and (name in stacks or not stacks):
            _publish(clients("s3"), assembly, name)
            properties = artifacts[name]["properties"]
            given = {
                "StackName": name,
                "TemplateURL": properties["stackTemplateAssetObjectUrl"].replace("s3://", "https://s3.amazonaws.com/"),
                "RoleARN": properties["cloudFormationExecutionRoleArn"].replace("${AWS::Partition}", "aws"),
                "Capabilities": ["CAPABILITY_NAMED_IAM"],
            }
            _put(clients("cloudformation"), given, json.loads((assembly / f"{name}.template.json").read_text()))


def bootstrap(clients: Clients, like: Clients) -> None:
    """Prepare an account as another one is that `cdk bootstrap` has prepared."""
    template = like("cloudformation").get_template(StackName=TOOLKIT)["TemplateBody"]
    parameters = _described(like("cloudformation"), TOOLKIT)["Parameters"]
    clients("cloudformation").create_stack(
        StackName=TOOLKIT,
        TemplateBody=template if isinstance(template, str) else json.dumps(template),
        Parameters=[{name: each[name] for name in ("ParameterKey", "ParameterValue")} for each in parameters],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    _wait(clients("cloudformation"), TOOLKIT)


def _publish(s3: Any, assembly: Path, stack: str) -> None:
    """Put what a stack's template refers to into the bootstrap's bucket, unless it is there."""
    for each in json.loads((assembly / f"{stack}.assets.json").read_text())["files"].values():
        path = assembly / each["source"]["path"]
        [place] = each["destinations"].values()
        where = {"Bucket": place["bucketName"], "Key": place["objectKey"]}
        if not _is_there(s3, where):
            s3.put_object(**where, Body=_zipped(path) if each["source"]["packaging"] == "zip" else path.read_bytes())


def _is_there(s3: Any, where: dict[str, str]) -> bool:
    return bool(s3.list_objects_v2(Bucket=where["Bucket"], Prefix=where["Key"]).get("KeyCount"))


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in sorted(each for each in folder.rglob("*") if each.is_file()):
            archive.write(file, file.relative_to(folder))
    return buffer.getvalue()


def _put(cloudformation: Any, given: dict[str, Any], template: dict[str, Any]) -> None:
    stands = _template(cloudformation, given["StackName"])
    if stands is None:
        cloudformation.create_stack(**given)
    elif stands == template:
        return
    else:
        known = stands.get("Parameters", {}).keys() & template.get("Parameters", {}).keys()
        kept = [{"ParameterKey": each, "UsePreviousValue": True} for each in sorted(known)]
        cloudformation.update_stack(**given, Parameters=kept)
    _wait(cloudformation, given["StackName"])


def _template(cloudformation: Any, name: str) -> dict[str, Any] | None:
    try:
        body = cloudformation.get_template(StackName=name)["TemplateBody"]
    except ClientError:
        return None
    return dict(json.loads(body) if isinstance(body, str) else body)


def _wait(cloudformation: Any, name: str, timeout_seconds: float = 60) -> None:
    """Until a stack is as it was asked to be; fails with what its resources said if it never will be."""
    deadline = time.monotonic() + timeout_seconds
    while (status := _described(cloudformation, name)["StackStatus"]).endswith("_IN_PROGRESS"):
        assert time.monotonic() < deadline, f"{name}: {status} after {timeout_seconds:.0f} s"
        time.sleep(0.05)
    done = status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    assert done, "\n".join([f"{name}: {status}", *_said(cloudformation, name)])


def _said(cloudformation: Any, name: str) -> Iterator[str]:
    for each in reversed(cloudformation.describe_stack_events(StackName=name)["StackEvents"]):
        if each["ResourceStatus"].endswith("FAILED"):
            yield f"{each['LogicalResourceId']}: {each.get('ResourceStatusReason', '')}"


def _described(cloudformation: Any, name: str) -> dict[str, Any]:
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return dict(stack)
