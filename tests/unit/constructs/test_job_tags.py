"""Jobs of a pipeline carry the tags that costs are allocated by, wherever their steps stand."""

from copy import deepcopy

from loan_approval.definition import definition
from mlops_constructs import definition_check
from mlops_constructs.definition_steps import all_steps
from mlops_constructs.job_tags import TAGGED, tagged
from mlops_constructs.naming import EnvironmentNames
from tests.pipeline_context import CONTEXT

NAMES = EnvironmentNames("mlops", "dev").model("loan_approval")
TAGS = [
    {"Key": "project", "Value": "mlops"},
    {"Key": "environment", "Value": "dev"},
    {"Key": "model", "Value": "loan-approval"},
]


def test_every_job_of_the_pipeline_is_tagged_and_nothing_else_changes():
    before = definition(CONTEXT)
    kept = deepcopy(before)
    after = tagged(before, NAMES)
    assert before == kept
    assert definition_check.findings(after) == []
    for was, now in zip(all_steps(before["Steps"]), all_steps(after["Steps"]), strict=True):
        given = dict(now.arguments)
        assert given.pop("Tags", None) == (TAGS if was.type in TAGGED else None), was.name
        assert given == was.arguments, was.name
    assert {"Processing", "Training", "Tuning"} <= {step.type for step in all_steps(after["Steps"])}


def test_a_version_is_not_tagged_since_its_tags_would_be_its_groups():
    """API reference: CreateModelPackage, Tags."""
    steps = {step.name: step for step in all_steps(tagged(definition(CONTEXT), NAMES)["Steps"])}
    registered = [step for step in steps.values() if step.type == "RegisterModel"]
    assert registered and all("Tags" not in step.arguments for step in registered)


def test_tags_that_a_step_has_stay():
    own = [{"Key": "model", "Value": "mine"}, {"Key": "team", "Value": "loans"}]
    step = {"Name": "Do", "Type": "Processing", "Arguments": {"Tags": own}}
    [done] = tagged({"Steps": [step]}, NAMES)["Steps"]
    assert done["Arguments"]["Tags"] == [*own, *TAGS[:2]]
