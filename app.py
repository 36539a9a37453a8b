#!/usr/bin/env python3
"""The CDK app: settings of one environment, its stacks, checks, synth; `-c env=prod`, or local without.

`-c env=delivery` is no environment, but the pipeline that delivers to them.
"""

import gc
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path[1:1] = [str(ROOT / "constructs"), str(ROOT / "pipeline_code")]
# CDK's engine warns about Node 20's age at every start; `import aws_cdk` starts it.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20")

if __name__ == "__main__":
    # A synthesis makes many objects that stay and little garbage: to look for it takes a sixth of Python's time.
    gc.disable()

import aws_cdk as cdk  # noqa: E402

from mlops_constructs.errors import ConstructError, SettingRefusedError  # noqa: E402
from stacks.compliance import add_checks, expected, expected_of_delivery  # noqa: E402
from stacks.context import feature_flags  # noqa: E402
from stacks.environment import add_stacks  # noqa: E402
from stacks.settings import DELIVERY, SettingsError, blame, load, load_delivery  # noqa: E402


def fill(app: cdk.App, config: Path) -> None:
    """Give `app` the stacks that its context asks for, and their checks; a wrong setting ends the program by a line."""
    environment = app.node.try_get_context("env") or "local"
    try:
        if environment == DELIVERY:
            from stacks.delivery import add_delivery  # no environment needs it

            delivery = load_delivery(config)
            add_delivery(app, delivery)
            checks = delivery.packs, expected_of_delivery(delivery)
        else:
            settings = load(config, environment)
            add_stacks(app, settings, code_root=ROOT / "pipeline_code")
            checks = settings.compliance.packs, expected(settings)
    except SettingRefusedError as error:
        sys.exit(str(blame(config, environment, error)))
    except (SettingsError, ConstructError) as error:
        sys.exit(str(error))
    add_checks(app, *checks)


def main() -> None:
    app = cdk.App(context=feature_flags(ROOT))
    fill(app, ROOT / "config")
    app.synth()


if __name__ == "__main__":
    main()
