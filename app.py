#!/usr/bin/env python3
"""The CDK app: settings of one environment, its stacks, checks, synth; `-c env=prod`, or local without."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path[1:1] = [str(ROOT / "constructs"), str(ROOT / "pipeline_code")]
# CDK's engine warns about Node 20's age at every start; `import aws_cdk` starts it.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20")

import aws_cdk as cdk  # noqa: E402
from cdk_nag import AwsSolutionsChecks  # noqa: E402

from mlops_constructs.errors import ConstructError, SettingRefusedError  # noqa: E402
from stacks.context import feature_flags  # noqa: E402
from stacks.environment import add_stacks  # noqa: E402
from stacks.settings import SettingsError, blame, load  # noqa: E402


def main() -> None:
    app = cdk.App(context=feature_flags(ROOT))
    config, environment = ROOT / "config", app.node.try_get_context("env") or "local"
    try:
        add_stacks(app, load(config, environment), code_root=ROOT / "pipeline_code")
    except SettingRefusedError as error:
        sys.exit(str(blame(config, environment, error)))
    except (SettingsError, ConstructError) as error:
        sys.exit(str(error))
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


if __name__ == "__main__":
    main()
