"""Several machines share a window: a Spark cluster in AWS's image, which the role may pull."""

import json

import pytest

from tests.infra.environments import ROOT, Template, add_some, flat, new_app

ADDITION = "\n[models.loan_approval.monitoring]\ninstance_count = 3\n"


@pytest.fixture(scope="module")
def monitoring(tmp_path_factory):
    """The monitoring template of dev with three machines."""
    from stacks.settings import load

    folder = tmp_path_factory.mktemp("dev")
    for file in (ROOT / "config").glob("*.toml"):
        (folder / file.name).write_text(file.read_text() + (ADDITION if file.stem == "dev" else ""))
    app = new_app(folder / "cdk.out")
    add_some(app, load(folder, "dev"), "monitoring")
    [stack] = [each for each in app.synth().stacks if each.stack_name.endswith("-loan-approval-monitoring")]
    return Template(stack.template)


@pytest.fixture(scope="module")
def steps(monitoring):
    return steps_of(monitoring)


def steps_of(template):
    body = template.only("AWS::SageMaker::Pipeline")["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]
    return {step["Name"]: step for step in json.loads(flat(body))["Steps"]}


def test_both_watchers_have_the_machines_and_the_report_has_one(steps):
    counts = {
        name: step["Arguments"]["ProcessingResources"]["ClusterConfig"]["InstanceCount"] for name, step in steps.items()
    }
    assert counts == {"WatchInputs": 3, "WatchOutcomes": 3, "Report": 1}


def test_they_run_in_sparks_image_and_the_report_in_the_models(monitoring, steps):
    images = {name: step["Arguments"]["AppSpecification"]["ImageUri"] for name, step in steps.items()}
    for name in ("WatchInputs", "WatchOutcomes"):
        assert images[name].startswith("<SparkImages>.dkr.ecr.<AWS::Region>.")
        assert images[name].endswith("/sagemaker-spark-processing:3.5-cpu-py312-v1.4")
    assert monitoring.body["Mappings"]["SparkImages"]["eu-west-1"] == {"account": "571004829621"}
    assert "/sagemaker-xgboost:" in images["Report"]


def test_each_machine_hands_the_same_step_and_arguments_to_spark(steps, templates):
    alone = steps_of(templates("dev")["monitoring"])
    for name, module in (("WatchInputs", "inputs"), ("WatchOutcomes", "outcomes")):
        application = steps[name]["Arguments"]["AppSpecification"]
        assert f"-m monitoring.submit monitoring.steps.{module} " in application["ContainerEntrypoint"][2]
        assert application["ContainerArguments"] == alone[name]["Arguments"]["AppSpecification"]["ContainerArguments"]
        assert steps[name]["Arguments"]["StoppingCondition"] == alone[name]["Arguments"]["StoppingCondition"]


def test_event_logs_go_where_the_role_may_write(steps):
    [output] = steps["WatchInputs"]["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    place = output["S3Output"]["S3Uri"]["Std:Join"]["Values"]
    assert place[0].endswith("/loan_approval/monitoring")
    assert place[1:] == ["spark-events", {"Get": "Execution.PipelineExecutionId"}, "WatchInputs"]
    assert output["S3Output"]["S3UploadMode"] == "Continuous"


def test_role_may_pull_both_images_and_alone_only_one(monitoring, templates):
    def pulled(template):
        role = template.role("MonitoringRole")
        return {arn.rpartition("/")[2] for action, arn in template.allowed(role) if action == "ecr:BatchGetImage"}

    assert pulled(monitoring) == {"sagemaker-xgboost", "sagemaker-spark-processing"}
    assert pulled(templates("dev")["monitoring"]) == {"sagemaker-xgboost"}


def test_nothing_else_depends_on_the_number_of_machines(monitoring, templates):
    def others(template):
        kinds = ("AWS::SageMaker::Pipeline", "AWS::IAM::Policy")
        return {name: each for name, each in template.body["Resources"].items() if each["Type"] not in kinds}

    assert others(monitoring) == others(templates("dev")["monitoring"])
