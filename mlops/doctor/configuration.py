"""Whether every file of config/ says what can be deployed, since environments depend on each other's."""

from collections.abc import Iterator
from pathlib import Path

from mlops.doctor.finding import Finding, bad, ok
from stacks.settings import DELIVERY, SettingsError, load, load_delivery
from stacks.settings.loader import environments


def files(config: Path) -> Iterator[Finding]:
    """One finding an environment, and one for the pipeline that delivers to them."""
    for name in environments(config):
        try:
            models = load(config, name).models
        except SettingsError as error:
            yield _wrong(error)
            continue
        count = "1 model" if len(models) == 1 else f"{len(models)} models"
        yield ok(f"config/{name}.toml: {count}")
    if (config / f"{DELIVERY}.toml").exists():
        try:
            stages = load_delivery(config).settings.order
        except SettingsError as error:
            yield _wrong(error)
        else:
            yield ok(f"config/{DELIVERY}.toml: delivers to {', '.join(stages) or 'nobody'}")


def _wrong(error: SettingsError) -> Finding:
    return bad(str(error), "write there what it asks for; config/base.toml tells what each key means")
