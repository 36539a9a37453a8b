"""One environment with many models, or the same resources written plainly; as a program, synthesizes one of them.

`python -m bench.scale_app MODELS OUTDIR` makes the platform, `… OUTDIR PLATFORM` what PLATFORM, an assembly, holds,
without our constructs: each resource of it as a CfnResource with the same type, properties and dependencies.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = "loan_approval"
ENVIRONMENT = "staging"
"""Where everything is on: training, tests, monitoring, retraining, governance."""

_MODEL = """
[models.{name}.training]
data_prefix = "{name}"

[models.{name}.governance]
owner = "models@example.com"
"""


def project(models: int, folder: Path) -> tuple[Path, Path]:
    """Configuration and code of a project with that many models, each a copy of the example."""
    config, code = folder / "config", folder / "pipeline_code"
    shutil.copytree(ROOT / "config", config)
    shutil.copytree(ROOT / "pipeline_code", code, ignore=shutil.ignore_patterns("__pycache__", "mortgage_approval"))
    with (config / "base.toml").open("a", encoding="utf-8") as base:
        for number in range(2, models + 1):
            name = f"model_{number}"
            shutil.copytree(code / EXAMPLE, code / name)
            base.write(_MODEL.format(name=name))
    return config, code


def platform(models: int, outdir: Path) -> None:
    """Synthesize `ENVIRONMENT` with that many models into `outdir`."""
    from stacks.environment import add_stacks
    from stacks.settings import load

    with tempfile.TemporaryDirectory() as folder:
        config, code = project(models, Path(folder))
        sys.path.insert(0, str(code))
        app = _app(outdir)
        add_stacks(app, load(config, ENVIRONMENT), code_root=code)
        app.synth()


def plain(assembly: Path, outdir: Path) -> None:
    """Synthesize the resources of all templates of `assembly`, stack by stack, with nothing between them and CDK."""
    import aws_cdk as cdk

    app = _app(outdir)
    for file in sorted(assembly.glob("*.template.json")):
        stack = cdk.Stack(app, file.name.removesuffix(".template.json"))
        for name, resource in json.loads(file.read_text(encoding="utf-8"))["Resources"].items():
            made = cdk.CfnResource(stack, name, type=resource["Type"], properties=resource.get("Properties", {}))
            made.override_logical_id(name)
            if "DependsOn" in resource:
                made.add_override("DependsOn", resource["DependsOn"])
    app.synth()


def _app(outdir: Path) -> Any:
    import aws_cdk as cdk

    from stacks.context import feature_flags

    return cdk.App(context=feature_flags(ROOT), outdir=str(outdir))


if __name__ == "__main__":
    sys.path[1:1] = [str(ROOT / "constructs")]
    if sys.argv[1].isdigit():
        platform(int(sys.argv[1]), Path(sys.argv[2]))
    else:
        plain(Path(sys.argv[2]), Path(sys.argv[1]))
