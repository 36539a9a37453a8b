"""What CDK looks up in the context: the feature flags of cdk.json, and what the configuration says of deployments."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk

_QUALIFIER, _BOUNDARY = "@aws-cdk/core:bootstrapQualifier", "@aws-cdk/core:permissionsBoundary"


def feature_flags(root: Path) -> dict[str, Any]:
    """`context` of `root/cdk.json`; what the command line passes on top wins."""
    return dict(json.loads((root / "cdk.json").read_text(encoding="utf-8"))["context"])


def deploy_with(app: cdk.App, qualifier: str, permissions_boundary: str = "") -> None:
    """Let all stacks that follow use this bootstrap, and give every role this managed policy as its boundary."""
    app.node.set_context(_QUALIFIER, qualifier)
    if permissions_boundary:
        app.node.set_context(_BOUNDARY, {"name": permissions_boundary})
