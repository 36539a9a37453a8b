"""Dashboards are valid, show what there is, and know other stacks by name only."""

import json

import pytest

from tests.infra.environments import ENVIRONMENTS, ROOT, Template, add_some, flat, new_app


def body(template):
    """The dashboard as CloudWatch reads it."""
    return json.loads(flat(template.only("AWS::CloudWatch::Dashboard")["Properties"]["DashboardBody"]))


def lines(dashboard):
    """Metrics and expressions of all graphs, by title."""
    return {
        widget["properties"]["title"]: widget["properties"]["metrics"]
        for widget in dashboard["widgets"]
        if widget["type"] == "metric"
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_model_has_one_with_all_its_alarms(environment, templates):
    monitoring = templates(environment)["monitoring"]
    name = monitoring.only("AWS::CloudWatch::Dashboard")["Properties"]["DashboardName"]
    assert name == f"mlops-{environment}-loan-approval"
    [status] = [each for each in body(monitoring)["widgets"] if each["type"] == "alarm"]
    alarms = monitoring.resources("AWS::CloudWatch::Alarm")
    ours = {name for name in alarms if name.startswith("Alarms")}
    assert {each.strip("<>") for each in status["properties"]["alarms"]} == ours


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_widgets_lie_beside_each_other_within_the_grid(environment, templates):
    for stack in ("monitoring", "overview"):
        taken = set()
        for each in body(templates(environment)[stack])["widgets"]:
            cells = {
                (x, y)
                for x in range(each["x"], each["x"] + each["width"])
                for y in range(each["y"], each["y"] + each["height"])
            }
            assert not taken & cells
            assert each["x"] + each["width"] <= 24
            taken |= cells


def test_traffic_is_shown_by_variant(templates):
    shown = lines(body(templates("prod")["monitoring"]))["Requests a minute, by variant"]
    assert [metric[5] for metric in shown] == ["champion", "challenger", "shadow"]


def test_features_are_searched_so_that_new_ones_appear(templates):
    [[drift]] = lines(body(templates("prod")["monitoring"]))["Distance of each feature from training"]
    assert drift["expression"] == (
        'SEARCH(\'{"aws/sagemaker/Endpoints/data-metrics",Endpoint,MonitoringSchedule} '
        'Endpoint="mlops-prod-loan-approval" MonitoringSchedule="mlops-prod-loan-approval-monitoring" '
        "feature_baseline_drift', 'Maximum', 3600)"
    )


def test_runs_of_training_are_shown_where_models_are_trained(templates):
    assert "Training runs" in lines(body(templates("staging")["monitoring"]))
    assert "Training runs" not in lines(body(templates("prod")["monitoring"]))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_has_one_over_all_its_models(environment, templates):
    from stacks.settings import load

    overview = templates(environment)["overview"]
    assert overview.only("AWS::CloudWatch::Dashboard")["Properties"]["DashboardName"] == f"mlops-{environment}"
    shown = lines(body(overview))
    models = load(ROOT / "config", environment).models
    assert {len(metrics) for metrics in shown.values()} == {len(models)}, "one model, one line"
    assert "ImportValue" not in json.dumps(overview.body)
    [text] = [each for each in body(overview)["widgets"] if each["type"] == "text"]
    assert f"mlops-{environment}-loan-approval" in text["properties"]["markdown"]


def test_figures_can_be_read_elsewhere_by_those_whom_the_configuration_names(tmp_path, templates):
    import shutil

    from cdk_nag import AwsSolutionsChecks

    from stacks.settings import load

    shutil.copytree(ROOT / "config", tmp_path / "config")
    grafana = "arn:aws:iam::444455556666:role/grafana"
    base = tmp_path / "config" / "base.toml"
    base.write_text(base.read_text().replace("readers = []", f'readers = ["{grafana}"]'))
    app = new_app(tmp_path / "cdk.out")
    add_some(app, load(tmp_path / "config", "local"), "overview")
    overview = Template(app.synth().get_stack_by_name("mlops-local-overview").template)
    assert AwsSolutionsChecks(app).validate_scope(app).violations == []
    [trust] = overview.only("AWS::IAM::Role")["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": grafana}
    actions = {action for action, _ in overview.allowed(overview.role("Reader"))}
    assert all(action.partition(":")[2].startswith(("Get", "List", "Describe")) for action in actions)
    assert {action.partition(":")[0] for action in actions} == {"cloudwatch", "tag"}
    assert "MetricsReaderArn" in overview.body["Outputs"]
    assert not templates("local")["overview"].resources("AWS::IAM::Role"), "nobody reads who is not named"
