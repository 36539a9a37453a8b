"""What pages show as printed is what the code prints, where that is decided by a function."""

from datetime import UTC, datetime
from unittest.mock import MagicMock

import pytest

from mlops.bootstrap import Plan
from mlops.decisions import prospect
from mlops.release_state import Parameter, ReleaseState
from mlops.target import Target
from mlops_constructs.naming import EnvironmentNames, ReleaseParameter
from stacks.settings import load
from tests.docs.pages import ROOT, text_of
from tests.infra.environments import MODEL, OF_THE_ENVIRONMENT, STACKS

START = "docs/getting-started.md"
MOMENT = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("page", "plan"),
    [
        (START, Plan("mlops", "the environment dev", "222233334444", "eu-west-1", "hnb659fds")),
        (
            "docs/bootstrap.md",
            Plan("mlops", "the environment prod", "444455556666", "eu-west-1", "hnb659fds", ("111122223333",)),
        ),
    ],
)
def test_what_bootstrap_says_first(page: str, plan: Plan) -> None:
    for line in plan.lines():
        assert line in text_of(page), page


def test_the_stacks_that_a_first_deployment_makes() -> None:
    shown = {line.split()[-1] for line in text_of(START).splitlines() if "✅" in line}
    of_dev = {f"mlops-dev-{kind if kind in OF_THE_ENVIRONMENT else f'{MODEL}-{kind}'}" for kind in STACKS["dev"]}
    assert shown == of_dev


def test_what_the_first_approval_leads_to() -> None:
    names = EnvironmentNames("mlops", "dev").model("loan_approval")
    about = Target(names, load(ROOT / "config", "dev").models["loan_approval"], names.package_group, MagicMock())
    nothing_yet = ReleaseState({each.value: Parameter("none", 1, MOMENT) for each in ReleaseParameter})
    told, released = prospect(nothing_yet, about, 1, replaces=False)
    assert released
    for page in (START, "README.md"):
        assert f"\n{told}\n" in text_of(page), page
        assert f"registered, PendingManualApproval; {about.command('approve', 1)}\n" in text_of(page), page
