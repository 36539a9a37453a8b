"""With engine "model-monitor", SageMaker's own monitors are deployed, and everything behind them stays as it is."""

import json
import re

import pytest

from tests.infra.environments import ROOT, Template, add_some, example_config, flat, new_app
from tests.infra.test_monitoring_alarms import ALONE, TROUBLES, members, metrics, named
from tests.infra.test_operations import alarms, headings

KINDS = ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")
FOLDER = "loan_approval/monitoring/baselines/version-<MonitoredPackage>"
PLACE = {
    "SecurityGroupIds": {"<mlops-prod-network:ExportsOutputFnGetAttNetworkWorkloads2B15305AGroupId4C0C3E97>"},
    "Subnets": {
        "<mlops-prod-network:ExportsOutputFnGetAttNetworkSubnet18D1B2567SubnetIdE7160A96>",
        "<mlops-prod-network:ExportsOutputFnGetAttNetworkSubnet29A0E8491SubnetId13169692>",
    },
}
ENGINE = """
[models.loan_approval.monitoring]
engine = "model-monitor"
{more}

[models.loan_approval.monitoring.labels]
{labels}

[models.loan_approval.serving.stop]
enabled = false
"""


def configured(folder, environment, more="", labels='missing_means = ""', extra=""):
    """The configuration with another engine for one environment."""
    config = folder / "config"
    example_config(config)
    text = (config / f"{environment}.toml").read_text()
    assert "loan_approval.monitoring" not in text
    (config / f"{environment}.toml").write_text(text + ENGINE.format(more=more, labels=labels) + extra)
    return config


def synthesize(folder, environment, **changes):
    from stacks.environment import add_stacks
    from stacks.settings import load

    app = new_app(folder / "cdk.out")
    add_stacks(app, load(configured(folder, environment, **changes), environment), code_root=ROOT / "pipeline_code")
    app.synth()
    return app


def monitoring(folder, environment):
    path = folder / "cdk.out" / f"mlops-{environment}-loan-approval-monitoring.template.json"
    return Template(json.loads(path.read_text()))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folder, app and monitoring template of dev (daily windows) and prod (versions of staging)."""
    found = {}
    for environment in ("dev", "prod"):
        folder = tmp_path_factory.mktemp(environment)
        app = synthesize(folder, environment)
        found[environment] = (app, monitoring(folder, environment))
    return found


@pytest.fixture(params=["dev", "prod"])
def template(made, request):
    return made[request.param][1]


def definition(template, kind):
    return template.only(f"AWS::SageMaker::{kind}JobDefinition")["Properties"]


def schedules(template):
    return {
        each["Properties"]["MonitoringScheduleConfig"]["MonitoringType"]: each
        for each in template.resources("AWS::SageMaker::MonitoringSchedule").values()
    }


def plain(value):
    """A value as one text; the version, which only the deployment knows, by where it comes from."""
    if isinstance(value, dict) and "Fn::Select" in value:
        [found] = set(re.findall(r'"Ref": "(\w+)"', json.dumps(value)))
        return f"<{found}>"
    if isinstance(value, dict) and "Fn::Join" in value:
        return "".join(plain(part) for part in value["Fn::Join"][1])
    return flat(value)


def uri(value):
    return re.sub(r"^s3://<[^>]*?(Artifacts|Capture)[^>]*>/", r"\1:", plain(value))


def test_four_monitors_take_the_place_of_the_pipeline(template):
    assert not template.resources("AWS::SageMaker::Pipeline")
    assert not template.resources("AWS::Scheduler::Schedule")
    assert set(schedules(template)) == set(KINDS)
    for kind in KINDS:
        assert len(template.resources(f"AWS::SageMaker::{kind}JobDefinition")) == 1


def test_monitors_exist_while_there_is_a_champion_and_are_made_anew_for_each(template):
    """Each property of a job definition replaces it, and a name that is taken would be refused."""
    condition = template.body["Conditions"]["HasChampion"]
    assert condition == {"Fn::Not": [{"Fn::Equals": [{"Ref": "MonitoredPackage"}, "none"]}]}
    parameter = template.body["Parameters"]["MonitoredPackage"]
    assert parameter["Type"] == "AWS::SSM::Parameter::Value<String>"
    assert parameter["Default"].endswith("/loan-approval/release/champion")
    assert template.body["Outputs"]["MonitoredPackage"]["Value"] == {"Ref": "MonitoredPackage"}
    kinds = ["MonitoringSchedule", *(f"{kind}JobDefinition" for kind in KINDS)]
    for kind in kinds:
        for each in template.resources(f"AWS::SageMaker::{kind}").values():
            assert each["Condition"] == "HasChampion"
    for kind, schedule in schedules(template).items():
        name = definition(template, kind)["JobDefinitionName"]
        assert re.fullmatch(r"mlops-\w+-loan-approval-\w+-[0-9a-f]{8}-v<MonitoredPackage>", plain(name))
        assert schedule["Properties"]["MonitoringScheduleConfig"]["MonitoringJobDefinitionName"] == name


def test_version_is_the_number_at_the_end_of_the_package(template):
    name = definition(template, "DataQuality")["JobDefinitionName"]["Fn::Join"][1][1]
    [place, split] = name["Fn::Select"]
    text = flat(split["Fn::Split"][1]).replace("<MonitoredPackage>", "arn:aws:sagemaker:r:1:model-package/group/12")
    assert text.split("/")[int(place)] == "12"
    assert int(place) <= "none//".count("/"), "CloudFormation refuses to select what is not there"


def test_baselines_are_those_of_the_version(template):
    found = {
        kind: {name: uri(each["S3Uri"]) for name, each in definition(template, kind)[f"{kind}BaselineConfig"].items()}
        for kind in KINDS
    }
    assert found == {
        "DataQuality": {
            "ConstraintsResource": f"Artifacts:{FOLDER}/data-quality/constraints.json",
            "StatisticsResource": f"Artifacts:{FOLDER}/data-quality/statistics.json",
        },
        "ModelQuality": {"ConstraintsResource": f"Artifacts:{FOLDER}/model-quality/constraints.json"},
        "ModelBias": {"ConstraintsResource": f"Artifacts:{FOLDER}/bias/constraints.json"},
        "ModelExplainability": {"ConstraintsResource": f"Artifacts:{FOLDER}/explainability/constraints.json"},
    }
    for kind in ("DataQuality", "ModelQuality"):
        script = definition(template, kind)[f"{kind}AppSpecification"]["RecordPreprocessorSourceUri"]
        assert uri(script) == f"Artifacts:{FOLDER}/record_preprocessor.py"
    for kind, folder in (("ModelBias", "bias"), ("ModelExplainability", "explainability")):
        config = definition(template, kind)[f"{kind}AppSpecification"]["ConfigUri"]
        assert uri(config) == f"Artifacts:{FOLDER}/{folder}/analysis_config.json"


def test_the_function_puts_into_the_folder_what_the_definitions_name(template):
    import importlib
    import sys

    named_files = set(re.findall(r"/((?:[\w-]+/)?[\w-]+\.(?:json|py))\"", json.dumps(template.body)))
    folder = str(ROOT / "lambdas" / "monitor_translator")
    sys.path.insert(0, folder)
    try:
        modules = {name: sys.modules.pop(name) for name in ("baselines", "settings") if name in sys.modules}
        found = importlib.import_module("baselines")
        files = {place for each in found.FILES.values() for place, _, _ in each}
        files |= {found.BIAS_CONFIG, found.EXPLAINABILITY_CONFIG, found.SCRIPT}
    finally:
        sys.path.remove(folder)
        for name in ("baselines", "settings"):
            sys.modules.pop(name, None)
        sys.modules.update(modules)
    assert files <= named_files
    asked = {name for name in named_files if name.startswith(("data-", "model-", "bias", "expl", "record"))}
    assert asked == files


def test_outcomes_are_joined_when_they_have_matured(template):
    """730 days, and the hour that captured data may be late; windows of a day end at midnight."""
    for kind in ("ModelQuality", "ModelBias"):
        given = definition(template, kind)[f"{kind}JobInput"]
        endpoint = given["EndpointInput"]
        assert (endpoint["StartTimeOffset"], endpoint["EndTimeOffset"]) == ("-PT17545H", "-PT17521H")
        assert uri(given["GroundTruthS3Input"]["S3Uri"]) == "Capture:loan_approval/ground-truth"
        assert schedules(template)[kind]["Properties"]["MonitoringScheduleConfig"]["ScheduleConfig"] == {
            "ScheduleExpression": "cron(0 1 ? * * *)"
        }
    for kind in ("DataQuality", "ModelExplainability"):
        assert "StartTimeOffset" not in definition(template, kind)[f"{kind}JobInput"]["EndpointInput"]
        assert schedules(template)[kind]["Properties"]["MonitoringScheduleConfig"]["ScheduleConfig"] == {
            "ScheduleExpression": "cron(0 1 ? * * *)",
            "DataAnalysisStartTime": "-PT25H",
            "DataAnalysisEndTime": "-PT1H",
        }


def test_predictions_are_found_where_the_answers_have_them(template):
    quality = definition(template, "ModelQuality")
    assert quality["ModelQualityAppSpecification"]["ProblemType"] == "BinaryClassification"
    endpoint = quality["ModelQualityJobInput"]["EndpointInput"]
    assert (endpoint["InferenceAttribute"], endpoint["ProbabilityAttribute"]) == ("label", "probability")
    bias = definition(template, "ModelBias")["ModelBiasJobInput"]["EndpointInput"]
    assert bias["ProbabilityAttribute"] == "predictions[*].probability"
    assert bias["ProbabilityThresholdAttribute"] == 0.25
    assert bias["FeaturesAttribute"].startswith("instances[*].[GrAppv,SBA_Appv,")


def test_jobs_are_encrypted_bounded_and_write_below_the_findings(template, made):
    private = template is made["prod"][1]
    for kind in KINDS:
        found = definition(template, kind)
        cluster = found["JobResources"]["ClusterConfig"]
        assert cluster["InstanceCount"] == 1
        key = found[f"{kind}JobOutputConfig"]["KmsKeyId"]
        assert cluster["VolumeKmsKeyId"] == key
        assert "Key" in json.dumps(key)
        [output] = found[f"{kind}JobOutputConfig"]["MonitoringOutputs"]
        assert uri(output["S3Output"]["S3Uri"]).startswith("Artifacts:loan_approval/monitoring/model-monitor/")
        assert found["StoppingCondition"]["MaxRuntimeInSeconds"] == 3600
        network = dict(found["NetworkConfig"])
        place = {name: {flat(each) for each in ids} for name, ids in network.pop("VpcConfig", {}).items()}
        assert network == {"EnableInterContainerTrafficEncryption": True, "EnableNetworkIsolation": False}
        assert place == (PLACE if private else {})


def test_an_execution_ends_before_the_next(tmp_path):
    """Hourly, with the merging of outcomes: half an hour for each of the two jobs (developer guide)."""
    from stacks.settings import load

    app = new_app(tmp_path / "cdk.out")
    config = configured(tmp_path, "dev", more="window_hours = 1\ndelay_minutes = 90")
    add_some(app, load(config, "dev"), "monitoring")
    app.synth()
    template = monitoring(tmp_path, "dev")
    longest = {kind: definition(template, kind)["StoppingCondition"]["MaxRuntimeInSeconds"] for kind in KINDS}
    assert longest == {"DataQuality": 3600, "ModelQuality": 1800, "ModelBias": 1800, "ModelExplainability": 3600}
    config = schedules(template)["DataQuality"]["Properties"]["MonitoringScheduleConfig"]["ScheduleConfig"]
    assert config == {
        "ScheduleExpression": "cron(0 * ? * * *)",
        "DataAnalysisStartTime": "-PT3H",
        "DataAnalysisEndTime": "-PT2H",
    }


def test_requests_that_the_definitions_become_are_ones_that_sagemaker_takes(template):
    """Against the shapes of CreateDataQualityJobDefinition and the others."""
    from mlops_constructs.definition_arguments import _check
    from mlops_constructs.definition_expressions import Scope
    from mlops_constructs.definition_shapes import request_shape

    def known(value):
        match value:
            case {"Fn::Join": _} | {"Ref": _} | {"Fn::GetAtt": _} | {"Fn::ImportValue": _} | {"Fn::Select": _}:
                text = plain(value).replace("<MonitoredPackage>", "3")
                return re.sub(r"<[^>]*>", "111122223333", text)
            case dict():
                return {name: known(each) for name, each in value.items()}
            case list():
                return [known(each) for each in value]
        return value

    for kind in KINDS:
        request = known(definition(template, kind))
        request["RoleArn"] = "arn:aws:iam::111122223333:role/monitors"
        key = "arn:aws:kms:eu-west-1:111122223333:key/1"
        request["JobResources"]["ClusterConfig"]["VolumeKmsKeyId"] = key
        request[f"{kind}JobOutputConfig"]["KmsKeyId"] = key
        request.pop("Tags", None)
        assert list(_check(request, request_shape(f"Create{kind}JobDefinition"), "", Scope({}, {}))) == []
        schedule = known(schedules(template)[kind]["Properties"])
        schedule.pop("Tags", None)
        assert list(_check(schedule, request_shape("CreateMonitoringSchedule"), "", Scope({}, {}))) == []
        for name in (request["JobDefinitionName"], schedule["MonitoringScheduleName"]):
            assert len(name) <= 63 - 5, "six digits of versions must fit"


def test_images_are_aws_s_own_of_the_region(made):
    """dev names no region, so CloudFormation looks the account up."""
    template = made["dev"][1]
    assert template.body["Mappings"]["MonitorImages"]["eu-west-1"] == {"account": "468650794304"}
    assert template.body["Mappings"]["ClarifyImages"]["eu-west-1"] == {"account": "131013547314"}
    image = plain(definition(template, "ModelBias")["ModelBiasAppSpecification"]["ImageUri"])
    assert image.endswith("/sagemaker-clarify-processing:1.0")
    image = plain(definition(template, "DataQuality")["DataQualityAppSpecification"]["ImageUri"])
    assert image.endswith("/sagemaker-model-monitor-analyzer")


def test_a_region_without_the_images_is_one_line(tmp_path):
    from mlops_constructs.errors import ConstructError

    where = 'account = "111122223333"\nregion = "ca-west-1"\n'
    config = configured(tmp_path, "dev")
    (config / "dev.toml").write_text(where + (config / "dev.toml").read_text())
    from stacks.environment import add_stacks
    from stacks.settings import load

    with pytest.raises(ConstructError) as caught:
        add_stacks(new_app(tmp_path / "cdk.out"), load(config, "dev"), code_root=ROOT / "pipeline_code")
    assert str(caught.value).startswith("AWS publishes no images of Model Monitor and Clarify in region 'ca-west-1': ")
    assert "\n" not in str(caught.value)


def test_accounts_are_those_of_the_sdk(shared_fixtures):
    from mlops_constructs.model_monitor_images import ANALYZER, ANALYZER_ACCOUNTS

    listed = json.loads((shared_fixtures / "monitor" / "image_accounts_model_monitor.json").read_text())
    found = listed["versions"][""]
    assert (found["registries"], found["repository"]) == (dict(ANALYZER_ACCOUNTS), ANALYZER)


def test_no_outcome_cannot_mean_anything_to_model_monitor(tmp_path):
    from mlops_constructs.errors import SettingRefusedError

    with pytest.raises(SettingRefusedError, match=r"monitoring.labels.missing_means = '0': must be \"\" with engine"):
        synthesize(tmp_path, "dev", labels='missing_means = "0"')


def test_alarms_stay_the_same_and_look_at_figures_that_the_translator_publishes(template):
    found = named(template)
    expected = {name for each in TROUBLES.values() for name in each} | ALONE | {"InputDrift"}
    assert set(found) <= expected
    assert {"degradation", "InputDrift", "Bias", "Attribution", "DataQualityFault", "NoCapture"} <= set(found)
    runs = {name: [each[:2] for each in metrics(found[name])] for name in ("MonitoringFailed", "MonitoringMissed")}
    namespace = "aws/sagemaker/Endpoints/data-metrics"
    assert set(runs["MonitoringFailed"]) == {(namespace, "run_failed"), (namespace, "run_succeeded")}
    assert (namespace, "run_succeeded") in runs["MonitoringMissed"]
    assert not any("ModelBuildingPipeline" in place for each in runs.values() for place, _ in each)
    rules = {
        each["Properties"]["AlarmName"].rpartition("-")[2]: members(template, flat(each["Properties"]["AlarmRule"]))
        for each in template.resources("AWS::CloudWatch::CompositeAlarm").values()
    }
    assert rules["MonitoringTrouble"] == TROUBLES["MonitoringTrouble"]


def test_dead_letters_and_failures_of_the_translator_ring_and_are_explained(template):
    found = {name: properties for name, properties in alarms(template) if "Translator" in name}
    assert {re.sub(r"^ModelMonitor", "", name) for name in found} == {
        "TranslatorDeadLettersWaiting",
        "TranslatorFunctionFails",
    }
    assert {re.sub(r"^ModelMonitor", "", name) for name in found} <= headings()
    assert all(properties["AlarmActions"] for properties in found.values())


def test_it_is_woken_by_jobs_of_the_monitors_role_and_by_releases_and_looks_by_itself(template):
    rules = [
        each["Properties"]
        for name, each in template.resources("AWS::Events::Rule").items()
        if name.startswith("ModelMonitorTranslator")
    ]
    patterns = [rule["EventPattern"] for rule in rules if "EventPattern" in rule]
    [job] = [each for each in patterns if each["source"] == ["aws.sagemaker"]]
    assert job["detail"] == {
        "RoleArn": [{"Fn::GetAtt": [template.role("ModelMonitorRole"), "Arn"]}],
        "ProcessingJobStatus": ["Completed", "Failed", "Stopped"],
    }
    [released] = [each for each in patterns if each["source"] == ["mlops.release"]]
    assert released["detail-type"] == ["Model Release Done"]
    assert [rule["ScheduleExpression"] for rule in rules if "ScheduleExpression" in rule] == ["rate(15 minutes)"]
    for rule in rules:
        [target] = rule["Targets"]
        assert "Undelivered" in json.dumps(target["DeadLetterConfig"])


def test_translator_may_do_exactly_this(made):
    template = made["dev"][1]
    where = "<AWS::Region>:<AWS::AccountId>"
    base = "mlops-dev-loan-approval"
    prefix = f"arn:<AWS::Partition>:{{}}:{where}:"
    found = {
        (action, arn)
        for action, arn in template.allowed(template.role("ModelMonitorTranslatorFunctionRole"))
        if not action.startswith(("s3:", "logs:", "kms:", "xray:", "sqs:", "dynamodb:"))
    }
    assert found == {
        ("cloudformation:DescribeStacks", f"{prefix.format('cloudformation')}stack/{base}-monitoring/*"),
        ("cloudformation:DescribeStacks", f"{prefix.format('cloudformation')}stack/{base}-serving/*"),
        ("cloudformation:UpdateStack", f"{prefix.format('cloudformation')}stack/{base}-monitoring/*"),
        ("ssm:GetParameter", f"{prefix.format('ssm')}parameter/mlops/dev/loan-approval/release/champion"),
        ("ssm:GetParameters", f"{prefix.format('ssm')}parameter/mlops/dev/loan-approval/release/champion"),
        ("sagemaker:DescribeModelPackage", f"{prefix.format('sagemaker')}model-package/{base}/*"),
        ("sagemaker:ListMonitoringExecutions", "*"),
        ("sagemaker:DescribeProcessingJob", f"{prefix.format('sagemaker')}processing-job/*"),
        ("cloudwatch:PutMetricData", "*"),
        ("events:PutEvents", f"{prefix.format('events')}event-bus/default"),
    }


def test_monitors_write_only_findings(template):
    written = {
        re.sub(r"<.*(Artifacts|Capture).*>", r"\1", arn)
        for role in ("ModelMonitorRole", "ModelMonitorTranslatorFunctionRole")
        for action, arn in template.allowed(template.role(role))
        if action == "s3:PutObject"
    }
    assert {arn.rpartition(":::")[2] for arn in written} == {"Artifacts/loan_approval/monitoring/*"}


def test_an_update_of_the_stack_by_the_translator_needs_no_other_parameter(template):
    """CloudFormation resolves every parameter with the rights of who asks."""
    role = template.role("ModelMonitorTranslatorFunctionRole")
    read = {arn.rpartition(":parameter")[2] for action, arn in template.allowed(role) if action == "ssm:GetParameters"}
    asked = {each["Default"] for each in template.body["Parameters"].values() if "SSM" in each["Type"]}
    assert asked == read


def test_variables_are_what_the_function_reads(template):
    [function] = [
        each["Properties"]
        for name, each in template.resources("AWS::Lambda::Function").items()
        if name.startswith("ModelMonitorTranslatorFunction")
    ]
    source = (ROOT / "lambdas" / "monitor_translator" / "settings.py").read_text()
    fields = re.findall(r"^    (\w+): ", source.partition("class Settings:")[2].partition("@classmethod")[0], re.M)
    assert set(function["Environment"]["Variables"]) == {name.upper() for name in fields}


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_checks_find_nothing_unexplained(environment, made):
    from cdk_nag import AwsSolutionsChecks

    app = made[environment][0]
    report = AwsSolutionsChecks(app).validate_scope(app)
    assert {v.rule_name: [each.construct_path for each in v.violating_resources] for v in report.violations} == {}


@pytest.mark.parametrize("environment", ["prod"])
def test_cfn_lint_finds_nothing(environment, made):
    import subprocess
    import sys
    from pathlib import Path

    path = Path(made[environment][0].outdir) / f"mlops-{environment}-loan-approval-monitoring.template.json"
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--ignore-checks", "W3005", "--", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (run.returncode, run.stdout) == (0, "")


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_schema_of_the_recorded_types_finds_nothing(environment, made):
    """The local AWS checks these types against CloudFormation's own schema before it keeps them."""
    from local_aws.cloudformation import schema_check, schemas

    template = made[environment][1]
    for kind in ("MonitoringSchedule", *(f"{kind}JobDefinition" for kind in KINDS)):
        schema = schemas.schema(f"AWS::SageMaker::{kind}", "eu-west-1")
        for each in template.resources(f"AWS::SageMaker::{kind}").values():
            properties = json.loads(json.dumps(each["Properties"]))
            assert list(schema_check.problems(schema, resolved(properties))) == []


def resolved(value):
    """As after a deployment."""
    match value:
        case {"Fn::Join": _} | {"Ref": _} | {"Fn::GetAtt": _} | {"Fn::ImportValue": _} | {"Fn::Select": _}:
            text = plain(value).replace("<MonitoredPackage>", "3")
            if "Role" in text:
                return "arn:aws:iam::111122223333:role/monitors"
            return re.sub(r"<[^>]*>", "111122223333", text) if "Key" not in text else "arn:aws:kms:r:1:key/1"
        case dict():
            return {name: resolved(each) for name, each in value.items()}
        case list():
            return [resolved(each) for each in value]
    return value
