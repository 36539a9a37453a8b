"""The pipeline brings each commit to every environment in the same order, with the same words, and with no more rights
than the environment that a stage is about; what is released is none of its business."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infra.environments import (
    ACCOUNTS,
    ACCOUNTS_REGION,
    DELIVERY,
    DELIVERY_ACCOUNT,
    ROOT,
    Template,
    config_with_accounts,
    flat,
    new_app,
)

STACK = "mlops-delivery"
ORDER = ("dev", "staging", "prod")


@pytest.fixture(scope="module")
def delivery(assembly: Callable[[str], Path]) -> Template:
    """As app.py makes it, under all rules; the configuration is the project's own."""
    out = assembly(DELIVERY)
    assert [path.name for path in out.glob("*.template.json")] == [f"{STACK}.template.json"]
    report = json.loads((out / "validation-report.json").read_text())
    assert [each for plugin in report["pluginReports"] for each in plugin["violations"]] == []
    return Template(json.loads((out / f"{STACK}.template.json").read_text()))


def synthesized(folder: Path, config: Path) -> Template:
    from stacks.delivery import add_delivery
    from stacks.settings import load_delivery

    app = new_app(folder / "cdk.out")
    add_delivery(app, load_delivery(config))
    app.synth()
    return Template(json.loads((folder / "cdk.out" / f"{STACK}.template.json").read_text()))


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Every environment has an account of its own, and the pipeline has one too."""
    folder = tmp_path_factory.mktemp("elsewhere")
    return synthesized(folder, config_with_accounts(folder / "config"))


def changed(folder: Path, *changes: tuple[str, str]) -> Template:
    """With texts of delivery.toml replaced."""
    config = folder / "config"
    config.mkdir()
    for file in (ROOT / "config").glob("*.toml"):
        text = file.read_text()
        for old, new in changes if file.stem == "delivery" else ():
            assert old in text
            text = text.replace(old, new)
        (config / file.name).write_text(text)
    return synthesized(folder, config)


def pipeline(template: Template) -> dict[str, Any]:
    return dict(template.only("AWS::CodePipeline::Pipeline")["Properties"])


def stages(template: Template) -> dict[str, dict[str, Any]]:
    return {each["Name"]: each for each in pipeline(template)["Stages"]}


def actions(template: Template, stage: str) -> dict[str, dict[str, Any]]:
    return {each["Name"]: each for each in stages(template)[stage]["Actions"]}


def projects(template: Template) -> dict[str, dict[str, Any]]:
    """Projects by stage and action."""
    return {
        f"{stage}/{name}": template.body["Resources"][action["Configuration"]["ProjectName"]["Ref"]]["Properties"]
        for stage, each in stages(template).items()
        for name, action in actions(template, stage).items()
        if action["ActionTypeId"]["Provider"] == "CodeBuild"
    }


def spec(project: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(project["Source"]["BuildSpec"]))


def commands(project: dict[str, Any]) -> list[str]:
    return list(spec(project)["phases"]["build"]["commands"])


def build_role(template: Template, project: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Logical id and properties of the role that a project has."""
    [name, _] = project["ServiceRole"]["Fn::GetAtt"]
    return name, template.body["Resources"][name]["Properties"]


def taken(template: Template, project: dict[str, Any]) -> list[str]:
    """The roles that a project may take."""
    role, _ = build_role(template, project)
    return sorted(each for action, each in template.allowed(role) if action == "sts:AssumeRole")


def test_a_commit_is_built_once_updates_the_pipeline_and_goes_through_the_environments_in_order(
    delivery: Template,
) -> None:
    assert list(stages(delivery)) == [
        "Source", "Build", "UpdatePipeline",
        "Deploy-dev", "Train-dev",
        "Deploy-staging", "Train-staging",
        "Approve-prod", "Deploy-prod",
    ]  # fmt: skip
    assert list(actions(delivery, "Approve-prod")) == ["Difference", "Approval"]
    for environment in ORDER:
        deployment = actions(delivery, f"Deploy-{environment}")
        assert [(name, each["RunOrder"]) for name, each in deployment.items()] == [("Deploy", 1), ("Verify", 2)]
    assert pipeline(delivery)["PipelineType"] == "V2"
    assert pipeline(delivery)["RestartExecutionOnUpdate"] is True


def test_the_build_runs_what_a_person_runs_and_leaves_an_assembly_for_each_environment(delivery: Template) -> None:
    build = projects(delivery)["Build/Build"]
    assert commands(build) == [
        "make install lint test",
        *(f"make synth ENV={each}" for each in ("delivery", *ORDER)),
    ]
    assert spec(build)["phases"]["install"]["runtime-versions"] == {"python": "3.11", "nodejs": "22"}
    assert spec(build)["artifacts"]["files"] == ["**/*"]
    assert not any("cdk.out" in each for each in spec(build)["artifacts"]["exclude-paths"])


@pytest.mark.parametrize("environment", ["delivery", *ORDER])
def test_what_was_built_is_deployed_and_nothing_is_synthesized_again(environment: str, delivery: Template) -> None:
    name = "UpdatePipeline/Update" if environment == "delivery" else f"Deploy-{environment}/Deploy"
    assert commands(projects(delivery)[name]) == ["make install", f"make deploy ENV={environment}"]
    stage, _, action = name.partition("/")
    assert actions(delivery, stage)[action]["InputArtifacts"] == [{"Name": "Build"}]
    assert actions(delivery, "Build")["Build"]["OutputArtifacts"] == [{"Name": "Build"}]


def test_the_targets_of_the_commands_exist_and_deploy_what_synth_made() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {line.partition(":")[0] for line in makefile.splitlines() if re.match(r"[a-z-]+:", line)}
    assert {"install", "lint", "test", "synth", "deploy", "diff"} <= targets
    recipes = {name: makefile.partition(f"\n{name}: ")[2].partition("\n\n")[0] for name in ("deploy", "diff")}
    for recipe in recipes.values():
        assert "--app build/cdk.out/$(ENV)" in recipe
        assert "$(REACH)" in recipe  # where ENV is local: the local AWS, as for mlops
        assert "$(STALE)" in recipe
    assert "--method template" in recipes["diff"]  # with the role that only looks


def test_a_deployment_leaves_released_versions_alone(templates: Any) -> None:
    """A release is data: which version serves is in SSM parameters, whose values no template of a commit holds and an
    update reads anew. Whether an endpoint runs at this hour is a parameter of the stack itself, which keeps its value.
    """
    recipe = (ROOT / "Makefile").read_text().partition("\ndeploy: ")[2].partition("\n\n")[0]
    assert "--previous-parameters" in recipe
    for environment in ORDER:
        parameters = templates(environment)["serving"].body["Parameters"]
        released = {name: each for name, each in parameters.items() if not name.startswith("Running")}
        assert {"ChampionPackage", "ChallengerPackage", "ShadowPackage"} <= set(released)
        for name, parameter in released.items():
            assert parameter["Type"] == "AWS::SSM::Parameter::Value<String>", name
            assert parameter["Default"].startswith("/mlops/")
        begun = templates(environment)["state"].resources("AWS::SSM::Parameter").values()
        assert {each["Properties"]["Value"] for each in begun} <= {"none", "0"}


def test_training_is_a_stage_of_its_own_that_knows_the_commit_and_starts_only_what_changed(delivery: Template) -> None:
    train = projects(delivery)["Train-dev/Train"]
    assert commands(train)[1:] == ['.venv/bin/python -m mlops train --env dev --all --if-changed --commit "$COMMIT"']
    given = json.loads(actions(delivery, "Train-dev")["Train"]["Configuration"]["EnvironmentVariables"])
    assert [(each["name"], each["value"]) for each in given] == [("COMMIT", "#{Source_Source_NS.CommitId}")]
    assert stages(delivery)["Train-dev"]["OnFailure"] == {
        "Result": "RETRY",
        "RetryConfiguration": {"RetryMode": "FAILED_ACTIONS"},
    }


def test_what_deploys_rolls_back_and_asks_nobody_and_trains_nothing_when_it_does(delivery: Template) -> None:
    for environment in ORDER:
        stage = stages(delivery)[f"Deploy-{environment}"]
        assert stage["OnFailure"] == {"Result": "ROLLBACK"}
        assert set(actions(delivery, f"Deploy-{environment}")) == {"Deploy", "Verify"}
    for name in ("Source", "Build", "UpdatePipeline", "Approve-prod"):
        assert "OnFailure" not in stages(delivery)[name]


@pytest.mark.parametrize(("environment", "minutes"), [("dev", "10"), ("staging", "10"), ("prod", "30")])
def test_nothing_is_deployed_to_what_rings_and_what_rings_afterwards_is_rolled_back(
    environment: str, minutes: str, delivery: Template
) -> None:
    stage = stages(delivery)[f"Deploy-{environment}"]
    for key, result, wait in (("BeforeEntry", "FAIL", "5"), ("OnSuccess", "ROLLBACK", minutes)):
        [condition] = stage[key]["Conditions"]
        [rule] = condition["Rules"]
        assert (condition["Result"], rule["RuleTypeId"]["Provider"]) == (result, "CloudWatchAlarm")
        assert (rule["Configuration"]["AlarmStates"], rule["Configuration"]["WaitTime"]) == ("ALARM", wait)
        alarm = delivery.body["Resources"][rule["Configuration"]["AlarmName"]["Ref"]]["Properties"]
        figures = [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]
        watched = [{each["Name"]: each["Value"] for each in figure["Dimensions"]} for figure in figures]
        assert {"EndpointName": f"mlops-{environment}-loan-approval", "VariantName": "champion"} in watched
    assert "--watch" not in commands(projects(delivery)[f"Deploy-{environment}/Verify"])[-1]


def test_where_a_rule_cannot_look_the_verification_watches(elsewhere: Template) -> None:
    assert elsewhere.resources("AWS::CloudWatch::Alarm").keys() == {
        name for name in elsewhere.resources("AWS::CloudWatch::Alarm") if "DeadLettersWaiting" in name
    }
    for environment, minutes in (("dev", 10), ("prod", 30)):
        stage = stages(elsewhere)[f"Deploy-{environment}"]
        assert not {"BeforeEntry", "OnSuccess"} & set(stage)
        assert stage["OnFailure"] == {"Result": "ROLLBACK"}
        verify = projects(elsewhere)[f"Deploy-{environment}/Verify"]
        assert commands(verify)[-1] == f".venv/bin/python -m mlops verify --env {environment} --watch {minutes}"
        assert verify["TimeoutInMinutes"] == 30 + minutes


def test_who_approves_gets_a_link_to_the_difference_and_its_size(delivery: Template) -> None:
    difference = projects(delivery)["Approve-prod/Difference"]
    assert spec(difference)["env"]["exported-variables"] == ["DIFFERENCE_LINK", "DIFFERENCE"]
    assert spec(difference)["artifacts"]["files"] == ["build/difference/prod.txt"]
    assert any("make --silent diff ENV=prod" in each and "pipefail" in each for each in commands(difference))
    approval = actions(delivery, "Approve-prod")["Approval"]["Configuration"]
    assert approval["ExternalEntityLink"] == "#{Approve-prod_Difference_NS.DIFFERENCE_LINK}"
    assert "#{Source_Source_NS.CommitId}" in approval["CustomData"]
    assert "#{Approve-prod_Difference_NS.DIFFERENCE}" in approval["CustomData"]
    assert approval["NotificationArn"] == {"Ref": next(iter(delivery.resources("AWS::SNS::Topic")))}


def test_before_the_approval_nothing_could_change_production_or_what_will_be_deployed_there(delivery: Template) -> None:
    role, _ = build_role(delivery, projects(delivery)["Approve-prod/Difference"])
    assert [each.rpartition("/")[2].partition("-<")[0] for each in taken(delivery, projects(delivery)[
        "Approve-prod/Difference"
    ])] == ["cdk-hnb659fds-lookup-role"]  # fmt: skip
    written = {
        name: sorted(
            each for action, each in delivery.allowed(build_role(delivery, project)[0]) if "PutObject" in action
        )
        for name, project in projects(delivery).items()
    }
    assert {name for name, each in written.items() if each} == {"Build/Build", "Approve-prod/Difference"}
    assert [each.rpartition(">")[2] for each in written["Build/Build"]] == ["/*/Build*/*"]
    assert [each.rpartition(">")[2] for each in written["Approve-prod/Difference"]] == ["/*/Differ*/*"]
    assert not any("Delete" in action for action, _ in delivery.allowed(role))


def test_each_environment_has_a_role_that_may_take_the_bootstraps_and_its_own_there(elsewhere: Template) -> None:
    for environment, account in ACCOUNTS.items():
        place = f"{account}-{ACCOUNTS_REGION}"
        for action in ("Deploy", "Verify"):
            project = projects(elsewhere)[f"Deploy-{environment}/{action}"]
            assert build_role(elsewhere, project)[1]["RoleName"] == f"mlops-delivery-{environment}"
            assert taken(elsewhere, project) == [
                f"arn:aws:iam::{account}:role/cdk-hnb659fds-deploy-role-{place}",
                f"arn:aws:iam::{account}:role/cdk-hnb659fds-file-publishing-role-{place}",
                f"arn:aws:iam::{account}:role/cdk-hnb659fds-lookup-role-{place}",
                f"arn:aws:iam::{account}:role/mlops-{environment}-delivery",
            ]
        variables = projects(elsewhere)[f"Deploy-{environment}/Verify"]["Environment"]["EnvironmentVariables"]
        role = f"arn:aws:iam::{account}:role/mlops-{environment}-delivery"
        assert variables == [{"Name": "MLOPS_ROLE_ARN", "Type": "PLAINTEXT", "Value": role}]
    own = taken(elsewhere, projects(elsewhere)["UpdatePipeline/Update"])
    assert {each.split(":")[4] for each in own} == {DELIVERY_ACCOUNT}
    assert not any(each.endswith("-delivery") for each in own)


def test_another_bootstrap_is_used_where_the_configuration_names_one(tmp_path: Path) -> None:
    template = changed(tmp_path, ('qualifier = "hnb659fds"', 'qualifier = "tools"'))
    assert all("/cdk-tools-" in each for each in taken(template, projects(template)["UpdatePipeline/Update"]))
    assert template.body["Parameters"]["BootstrapVersion"]["Default"] == "/cdk-bootstrap/tools/version"


def test_what_a_commit_runs_before_it_is_deployed_has_no_rights_but_to_its_artifacts_and_log(
    delivery: Template,
) -> None:
    role, _ = build_role(delivery, projects(delivery)["Build/Build"])
    assert {action.partition(":")[0] for action, _ in delivery.allowed(role)} == {"s3", "kms", "logs"}


def test_builds_are_not_privileged_and_end_and_their_logs_are_encrypted_and_expire(delivery: Template) -> None:
    for project in delivery.resources("AWS::CodeBuild::Project").values():
        properties = project["Properties"]
        assert properties["Environment"]["PrivilegedMode"] is False
        assert 0 < properties["TimeoutInMinutes"] <= 480
        assert properties["EncryptionKey"]
        group = delivery.body["Resources"][properties["LogsConfig"]["CloudWatchLogs"]["GroupName"]["Ref"]]["Properties"]
        assert (group["RetentionInDays"], "KmsKeyId" in group) == (365, True)


def test_no_role_of_the_pipeline_has_all_of_anything(delivery: Template) -> None:
    for role in delivery.resources("AWS::IAM::Role"):
        for action, resource in delivery.allowed(role):
            assert "*" not in action
            assert resource != "*", (role, action)


def test_artifacts_are_encrypted_expire_and_travel_by_tls_only(delivery: Template) -> None:
    store = pipeline(delivery)["ArtifactStore"]
    bucket = store["Location"]["Ref"]
    assert store["EncryptionKey"]["Type"] == "KMS"
    properties = delivery.body["Resources"][bucket]["Properties"]
    assert any(each.get("ExpirationInDays") == 365 for each in properties["LifecycleConfiguration"]["Rules"])
    [policy] = [
        each["Properties"]["PolicyDocument"]["Statement"]
        for each in delivery.resources("AWS::S3::BucketPolicy").values()
        if each["Properties"]["Bucket"] == {"Ref": bucket}
    ]
    assert {"Bool": {"aws:SecureTransport": "false"}} in [
        each.get("Condition") for each in policy if each["Effect"] == "Deny"
    ]


def test_documentation_alone_starts_nothing(delivery: Template) -> None:
    [trigger] = pipeline(delivery)["Triggers"]
    [push] = trigger["GitConfiguration"]["Push"]
    assert push["Branches"] == {"Includes": ["main"]}
    assert push["FilePaths"] == {"Excludes": ["docs/**", "**/*.md"]}
    assert actions(delivery, "Source")["Source"]["Configuration"]["DetectChanges"] is False


@pytest.mark.parametrize("kind", ["Stage", "Pipeline"])
def test_people_hear_of_failures(kind: str, delivery: Template) -> None:
    rules = [each["Properties"] for each in delivery.resources("AWS::Events::Rule").values()]
    [rule] = [
        each for each in rules if each["EventPattern"]["detail-type"] == [f"CodePipeline {kind} Execution State Change"]
    ]
    assert rule["EventPattern"]["detail"]["state"] == ["FAILED"]
    [target] = rule["Targets"]
    assert target["Arn"] == {"Ref": next(iter(delivery.resources("AWS::SNS::Topic")))}
    assert "executions/<detail-execution-id>" in flat(target["InputTransformer"]["InputTemplate"])


@pytest.mark.parametrize(
    ("source", "event"),
    [
        (
            'kind = "codecommit"\nrepository = "mlops"\nbranch = "main"',
            {"event": ["referenceCreated", "referenceUpdated"], "referenceType": ["branch"], "referenceName": ["main"]},
        ),
        (
            'kind = "s3"\nbucket = "sources"\nkey = "mlops/main.zip"',
            {"bucket": {"name": ["sources"]}, "object": {"key": ["mlops/main.zip"]}},
        ),
    ],
)
def test_other_sources_start_the_pipeline_by_an_event(source: str, event: dict[str, Any], tmp_path: Path) -> None:
    text = (ROOT / "config" / "delivery.toml").read_text()
    before = "[source]" + text.partition("[source]")[2].partition("[build]")[0]
    template = changed(tmp_path, (before, f"[source]\n{source}\n\n"))
    patterns = [each["Properties"] for each in template.resources("AWS::Events::Rule").values()]
    [rule] = [each for each in patterns if each["EventPattern"]["detail"] == event]
    [target] = rule["Targets"]
    assert flat(target["Arn"]).endswith(f":<{next(iter(template.resources('AWS::CodePipeline::Pipeline')))}>")
    assert target["DeadLetterConfig"]
    assert "Triggers" not in pipeline(template)


@pytest.mark.parametrize(
    ("what", "failure", "success"),
    [
        ("retry", {"Result": "RETRY", "RetryConfiguration": {"RetryMode": "FAILED_ACTIONS"}}, "FAIL"),
        ("stop", None, "FAIL"),
    ],
)
def test_a_stage_may_retry_or_stop_instead(what: str, failure: Any, success: str, tmp_path: Path) -> None:
    template = changed(
        tmp_path,
        ('on_failure = "rollback"', f'on_failure = "{what}"'),
        ('execution_mode = "superseded"', 'execution_mode = "queued"'),
    )
    stage = stages(template)["Deploy-prod"]
    assert stage.get("OnFailure") == failure
    assert stage["OnSuccess"]["Conditions"][0]["Result"] == success
    assert pipeline(template)["ExecutionMode"] == "QUEUED"


def delivery_role(templates: Any, environment: str) -> tuple[Template, str, dict[str, Any]]:
    template = templates(environment)["access"]
    name = template.role("DeliveryRole")
    return template, name, template.body["Resources"][name]["Properties"]


def statements(templates: Any, environment: str) -> Iterator[tuple[str, str]]:
    template, name, _ = delivery_role(templates, environment)
    return iter(template.allowed(name))


def test_an_environments_role_is_taken_by_the_build_that_deploys_there_and_by_nobody_else(templates: Any) -> None:
    _, _, role = delivery_role(templates, "prod")
    assert role["RoleName"] == "mlops-prod-delivery"
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Action"] == "sts:AssumeRole"
    assert {name: flat(each) for name, each in trust["Condition"]["ArnEquals"].items()} == {
        "aws:PrincipalArn": "arn:<AWS::Partition>:iam::<AWS::AccountId>:role/mlops-delivery-prod"
    }
    assert set(trust["Condition"]) == {"ArnEquals"}


def test_an_environments_role_neither_approves_nor_releases_nor_deploys(templates: Any) -> None:
    for environment in ORDER:
        actions_ = {action for action, _ in statements(templates, environment)}
        changing = {each for each in actions_ if not re.search(r":(Describe|List|Get)", each)}
        trains = {"sagemaker:StartPipelineExecution"} if environment != "prod" else set()
        assert changing == {"sagemaker:InvokeEndpoint"} | trains


def test_an_environment_without_a_pipeline_has_no_such_role(templates: Any) -> None:
    assert not [each for each in templates("local")["access"].resources("AWS::IAM::Role") if "Delivery" in each]
