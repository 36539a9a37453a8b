"""The feature flags of cdk.json, which only the CDK command line hands to the app by itself."""

import json
from pathlib import Path
from typing import Any


def feature_flags(root: Path) -> dict[str, Any]:
    """`context` of `root/cdk.json`; what the command line passes on top wins."""
    return dict(json.loads((root / "cdk.json").read_text(encoding="utf-8"))["context"])
