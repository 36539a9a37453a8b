"""The release state of one model: SSM parameters that are written by the release controller and by people.

Their template definition never changes. CloudFormation writes the value of the template back whenever any
property of the resource differs, a tag included, and that would undo a release. So they are plain resources:
a `CfnResource` has no tags for an aspect to change, and every property is a constant of the model's name.
"""

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.acknowledge import acknowledge
from mlops_constructs.naming import ModelNames, ReleaseParameter

_INITIAL = {ReleaseParameter.CHALLENGER_WEIGHT: "0"}
NOTHING = "none"
"""What a parameter holds while it names no model package; SSM does not allow an empty value."""
_UNTAGGED = (
    "A tag that changes would write the first value back and undo a release; a standard parameter costs nothing."
)


class ReleaseParameters(Construct):
    """What serves and how, the version on its way and its stage, the last that failed, and what people asked for.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import EnvironmentNames, ReleaseParameters

    app = cdk.App()
    model = EnvironmentNames("shop", "dev").model("churn")
    # In a stack of its own, which nothing else changes.
    ReleaseParameters(cdk.Stack(app, model.state_stack), "Release", names=model)

    app.synth()
    ```
    """

    def __init__(self, scope: Construct, construct_id: str, *, names: ModelNames) -> None:
        super().__init__(scope, construct_id)
        acknowledge(self, {"house-rules::tagged": _UNTAGGED})
        for parameter in ReleaseParameter:
            cdk.CfnResource(
                self,
                parameter.name.title().replace("_", ""),
                type="AWS::SSM::Parameter",
                properties={
                    "Name": names.release_parameter(parameter),
                    "Type": "String",
                    "Value": _INITIAL.get(parameter, NOTHING),
                },
            )
