"""Each house rule fires when a synthesized template is broken, and says where and what to do."""

import copy
import json
from functools import cache

import pytest

from mlops_constructs.naming import ENDPOINT_LIMIT
from stacks.house_rules.aws_events import SENT
from stacks.house_rules.findings import Expected
from stacks.house_rules.rules import RULES, findings
from stacks.house_rules.templates import Templates
from tests.infra.environments import ROOT, WATCHED_BY_AWS

UNTAGGED = "-state"  # release parameters: their construct says why
DELETE = object()


@pytest.fixture(scope="module")
def bodies(assembly):
    """All templates of an environment by the names of their stacks."""

    @cache
    def read(environment):
        files = assembly(environment).glob("*.template.json")
        return {path.name.removesuffix(".template.json"): json.loads(path.read_text()) for path in files}

    return read


@cache
def settings(environment):
    from stacks.settings import load

    return load(ROOT / "config", environment)


def expected_of(environment, **changes):
    from stacks.compliance import expected

    asked = expected(settings(environment))
    return Expected(**{**asked.__dict__, **changes})


def found(bodies, asked, *, rule):
    """Logical ids and what to do, of what one rule finds beyond what is accepted."""
    breaches = [each for each in findings(Templates(bodies), asked) if each.rule == rule]
    accepted = {each.resource.stack for each in breaches if rule == "tagged" and each.resource.stack.endswith(UNTAGGED)}
    return {each.resource.name: each.to_do for each in breaches if each.resource.stack not in accepted}


def put(value, path, new):
    """`value` with something else at a path of keys and positions, or with nothing there."""
    *way, last = path.split(".")
    for key in way:
        value = value[int(key) if isinstance(value, list) else key]
    last = int(last) if isinstance(value, list) else last
    if new is DELETE:
        del value[last]
    else:
        value[last] = new


def breaking(bodies, kind, path, new, *, having=""):
    """All templates with one property of the first resource of a type changed, and that resource's logical id.

    having: a property that it must have.
    """
    changed = copy.deepcopy(bodies)
    for stack in sorted(changed):
        for name, each in changed[stack]["Resources"].items():
            if each["Type"] == kind and (not having or having in each.get("Properties", {})):
                put(each, path, new)
                return changed, name
    raise AssertionError(f"no {kind}")


PROPERTIES = "Properties."
OPEN = [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}]
ANYBODY = [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]
ROUTING = "Properties.DeploymentConfig.BlueGreenUpdatePolicy.TrafficRoutingConfiguration"
TARGET = {"Arn": "arn:aws:lambda:eu-west-1:111122223333:function:lost", "Id": "Lost"}
MONITOR_EVENT = {
    "source": ["aws.sagemaker"],
    "detail-type": ["SageMaker Model Monitor Execution Status Change"],
}
MUTATIONS = {
    # rule: [(type, path, what is put there, part of what the finding says)]
    "encrypted": [
        ("AWS::S3::Bucket", "BucketEncryption", DELETE, "KMSMasterKeyID"),
        ("AWS::SQS::Queue", "KmsMasterKeyId", DELETE, "KmsMasterKeyId"),
        ("AWS::SNS::Topic", "KmsMasterKeyId", DELETE, "KmsMasterKeyId"),
        ("AWS::DynamoDB::Table", "SSESpecification", DELETE, "SSESpecification"),
        ("AWS::Logs::LogGroup", "KmsKeyId", DELETE, "KmsKeyId"),
        ("AWS::CloudTrail::Trail", "KMSKeyId", DELETE, "KMSKeyId"),
        ("AWS::Backup::BackupVault", "EncryptionKeyArn", DELETE, "EncryptionKeyArn"),
        ("AWS::SageMaker::EndpointConfig", "KmsKeyId", DELETE, "KmsKeyId"),
        ("AWS::SageMaker::EndpointConfig", "DataCaptureConfig.KmsKeyId", DELETE, "DataCaptureConfig"),
        ("AWS::SageMaker::FeatureGroup", "OnlineStoreConfig.SecurityConfig", DELETE, "OnlineStoreConfig"),
        ("AWS::SageMaker::FeatureGroup", "OfflineStoreConfig.S3StorageConfig.KmsKeyId", DELETE, "OfflineStore"),
        ("AWS::KMS::Key", "EnableKeyRotation", False, "EnableKeyRotation"),
    ],
    "private": [
        ("AWS::S3::Bucket", "PublicAccessBlockConfiguration.BlockPublicPolicy", False, "BlockPublicPolicy"),
        ("AWS::S3::BucketPolicy", "PolicyDocument.Statement", OPEN, "everybody"),
        ("AWS::IAM::Role", "AssumeRolePolicyDocument.Statement", ANYBODY, "everybody"),
        ("AWS::KMS::Key", "KeyPolicy.Statement", ANYBODY, "everybody"),
        ("AWS::Lambda::Permission", "Principal", "*", "who may call"),
    ],
    "known-events": [
        ("AWS::Events::Rule", "EventPattern", MONITOR_EVENT, "SageMaker Model Monitor Execution Status Change"),
        ("AWS::Events::Rule", "EventPattern", {"source": ["aws.sagemaker"]}, "detail-type"),
        ("AWS::Events::Rule", "EventPattern", {"source": ["aws.glue"], "detail-type": ["x"]}, "aws_events.py"),
    ],
    "nothing-lost": [
        ("AWS::Events::Rule", "Targets.0.DeadLetterConfig", DELETE, "DeadLetterConfig"),
        ("AWS::Lambda::Function", "ReservedConcurrentExecutions", 0, "it never runs"),
    ],
    "logs-expire": [
        ("AWS::Logs::LogGroup", "RetentionInDays", DELETE, "RetentionInDays"),
        ("AWS::Lambda::Function", "LoggingConfig", DELETE, "for ever"),
    ],
    "guarded-deployment": [
        ("AWS::SageMaker::Endpoint", f"{ROUTING}.CanarySize".removeprefix(PROPERTIES), DELETE, "CanarySize"),
        ("AWS::SageMaker::Endpoint", f"{ROUTING}.CanarySize.Value".removeprefix(PROPERTIES), 60, "at most 50"),
        ("AWS::SageMaker::Endpoint", f"{ROUTING}.LinearStepSize".removeprefix(PROPERTIES), {"Value": 10}, "LinearStep"),
        ("AWS::SageMaker::Endpoint", "DeploymentConfig.RollingUpdatePolicy", {"WaitIntervalInSeconds": 1}, "not both"),
        ("AWS::SageMaker::Endpoint", "DeploymentConfig.AutoRollbackConfiguration", DELETE, "without any"),
        (
            "AWS::SageMaker::Endpoint",
            "DeploymentConfig.AutoRollbackConfiguration.Alarms.0",
            {"AlarmName": "gone"},
            "there is no gone",
        ),
    ],
    "scaled-variants": [
        (
            "AWS::ApplicationAutoScaling::ScalableTarget",
            "ResourceId",
            "endpoint/mlops-prod-loan-approval/variant/old",
            "there is no old",
        ),
    ],
    "names-fit": [
        ("AWS::CloudTrail::Trail", "TrailName", "t" * 129, "by 1"),
        ("AWS::SageMaker::Endpoint", "EndpointName", {"Fn::Sub": "e" * 50 + "${AWS::Region}"}, "by 2"),
        ("AWS::IAM::Role", "RoleName", {"Fn::Join": ["-", ["r" * 60, {"Ref": "AWS::AccountId"}]]}, "by 9"),
    ],
}
CASES = [(rule, *each) for rule, cases in MUTATIONS.items() for each in cases]


@pytest.mark.parametrize(("rule", "kind", "path", "new", "says"), CASES)
def test_a_broken_property_is_found(rule, kind, path, new, says, bodies):
    having = path.partition(".")[0] if new is DELETE or "." in path or kind == "AWS::Events::Rule" else ""
    broken, name = breaking(bodies("prod"), kind, PROPERTIES + path, new, having=having)
    assert says not in found(bodies("prod"), expected_of("prod"), rule=rule).get(name, "")
    assert says in found(broken, expected_of("prod"), rule=rule)[name]


def test_a_resource_without_tags_or_with_another_models_is_found(bodies):
    for new in (DELETE, [{"Key": "project", "Value": "mlops"}, {"Key": "environment", "Value": "dev"}]):
        of_loans = {name: body for name, body in bodies("prod").items() if "-loan-approval-" in name}
        broken, name = breaking(of_loans, "AWS::SageMaker::Endpoint", "Properties.Tags", new)
        to_do = found(broken, expected_of("prod"), rule="tagged")[name]
        assert "environment = prod" in to_do and "model = loan-approval" in to_do
    assert "project = mlops" not in to_do


@pytest.mark.parametrize(
    "kind", ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::SageMaker::FeatureGroup")
)
@pytest.mark.parametrize("policy", ("DeletionPolicy", "UpdateReplacePolicy"))
def test_state_that_a_deployment_could_delete_is_found_where_it_is_retained(policy, kind, bodies):
    broken, name = breaking(bodies("prod"), kind, policy, "Delete")
    assert policy in found(broken, expected_of("prod"), rule="kept")[name]
    assert found(broken, expected_of("prod", retain=False), rule="kept") == {}


@pytest.mark.parametrize(
    ("policy", "of"),
    (("AWS::S3::BucketPolicy", "Bucket"), ("AWS::SQS::QueuePolicy", "Queues"), ("AWS::SNS::TopicPolicy", "Topics")),
)
def test_a_policy_that_does_not_deny_plain_http_is_found(policy, of, bodies):
    broken, name = breaking(bodies("prod"), policy, "Properties.PolicyDocument.Statement", [])
    owners = json.dumps(
        [each["Resources"][name]["Properties"][of] for each in broken.values() if name in each["Resources"]]
    )
    [owner] = found(broken, expected_of("prod"), rule="tls-only")
    assert owner in owners


def test_a_queue_without_an_alarm_is_found_and_one_whose_alarm_tells_nobody(bodies):
    watch = "ApproximateNumberOfMessagesVisible"

    def change(what):
        changed = copy.deepcopy(bodies("prod"))
        for body in changed.values():
            for name, each in list(body["Resources"].items()):
                if each["Type"] == "AWS::CloudWatch::Alarm" and each["Properties"].get("MetricName") == watch:
                    what(body["Resources"], name)
        return found(changed, expected_of("prod"), rule="alarmed")

    queues = [n for b in bodies("prod").values() for n, r in b["Resources"].items() if r["Type"] == "AWS::SQS::Queue"]
    assert set(change(lambda resources, name: resources.pop(name))) == set(queues)
    told = change(lambda resources, name: resources[name]["Properties"].pop("AlarmActions", None))
    # Those that are left are told of by a composite alarm.
    assert told and set(told) < set(queues)


def test_a_function_whose_failures_go_nowhere_is_found(bodies):
    changed = copy.deepcopy(bodies("prod"))
    for body in changed.values():
        body["Resources"] = {
            n: r for n, r in body["Resources"].items() if r["Type"] != "AWS::Lambda::EventInvokeConfig"
        }
    lost = found(changed, expected_of("prod"), rule="nothing-lost")
    assert {"on_failure" in to_do for to_do in lost.values()} == {True}
    # CloudFormation waits for the answers of the others.
    assert not any("Guard" in name or "InstanceType" in name for name in lost)


def test_a_scaling_target_that_would_outlive_its_variant_is_found(bodies):
    changed = copy.deepcopy(bodies("prod"))
    [serving] = [body for name, body in changed.items() if name.endswith("-loan-approval-serving")]
    targets = {n: r for n, r in serving["Resources"].items() if r["Type"].endswith("ScalableTarget")}
    [challenger] = [n for n, r in targets.items() if r["Properties"]["ResourceId"].endswith("/challenger")]
    targets[challenger]["Condition"] = "HasChampion"
    assert "outlive" in found(changed, expected_of("prod"), rule="scaled-variants")[challenger]
    del targets[challenger]["Condition"]
    assert challenger in found(changed, expected_of("prod"), rule="scaled-variants")


def test_a_schedule_without_dead_letters_is_found(bodies):
    broken, name = breaking(bodies("staging"), "AWS::Scheduler::Schedule", "Properties.Target.DeadLetterConfig", DELETE)
    assert "DeadLetterConfig" in found(broken, expected_of("staging"), rule="nothing-lost")[name]


@pytest.mark.parametrize(
    "expression", ("rate(1 hour)", "cron(30 3 ? * * *)", "cron(0 3 * * ? *)", "cron(0 25 ? * * *)")
)
def test_a_schedule_that_model_monitor_refuses_is_found(expression):
    assert list(monitored(expression)) == ["Schedule"]


@pytest.mark.parametrize("expression", ("cron(0 * ? * * *)", "cron(0 17 ? * * *)", "cron(0 3/6 ? * * *)", "NOW"))
def test_a_schedule_that_model_monitor_takes_is_not_found(expression):
    assert monitored(expression) == {}


def monitored(expression):
    config = {"ScheduleConfig": {"ScheduleExpression": expression}}
    schedule = {"Type": "AWS::SageMaker::MonitoringSchedule", "Properties": {"MonitoringScheduleConfig": config}}
    asked = Expected(retain=False, in_vpc=False, tags={})
    return found({"watch": {"Resources": {"Schedule": schedule}}}, asked, rule="monitor-schedules")


@pytest.mark.parametrize("default", ("", None))
def test_an_ssm_parameter_without_a_name_is_found(default, bodies):
    changed = copy.deepcopy(bodies("prod"))
    [serving] = [body for name, body in changed.items() if name.endswith("-loan-approval-serving")]
    put(serving["Parameters"]["ChampionPackage"], "Default", DELETE if default is None else default)
    assert "empty" in found(changed, expected_of("prod"), rule="parameters-exist")["ChampionPackage"]


class TestInsideTheVpc:
    """Where the configuration asks for a VPC, whatever runs without one is found; elsewhere nothing is asked."""

    def outside(self, bodies, environment):
        changed = copy.deepcopy(bodies(environment))
        for body in changed.values():
            for each in body["Resources"].values():
                each.get("Properties", {}).pop("VpcConfig", None)
                definition = each.get("Properties", {}).get("PipelineDefinition")
                if definition:
                    each["Properties"]["PipelineDefinition"] = {"PipelineDefinitionBody": DEFINITION}
        return changed

    def test_functions_models_and_jobs_are_found(self, bodies):
        changed = self.outside(bodies, "staging")
        kinds = {name: each["Type"] for body in changed.values() for name, each in body["Resources"].items()}
        names = found(changed, expected_of("staging", in_vpc=True), rule="inside-vpc")
        wanted = {"AWS::Lambda::Function", "AWS::SageMaker::Model", "AWS::SageMaker::Pipeline"}
        assert {kinds[name] for name in names} >= wanted
        assert all(name in names for name, kind in kinds.items() if kind in wanted)

    def test_nothing_is_asked_in_public_mode(self, bodies):
        assert found(self.outside(bodies, "staging"), expected_of("staging", in_vpc=False), rule="inside-vpc") == {}

    def test_a_way_to_the_internet_is_found(self, bodies):
        changed = {**bodies("prod"), "more": {"Resources": {"Out": {"Type": "AWS::EC2::NatGateway"}}}}
        assert "Out" in found(changed, expected_of("prod", in_vpc=True), rule="inside-vpc")


DEFINITION = json.dumps(
    {
        "Steps": [
            {
                "Name": "Choose",
                "Type": "Condition",
                "Arguments": {
                    "IfSteps": [
                        {
                            "Name": "Train",
                            "Type": "Training",
                            "Arguments": {"AlgorithmSpecification": {"TrainingInputMode": "File"}},
                        }
                    ],
                    "ElseSteps": [],
                },
            }
        ]
    }
)


CUT = {"AWS::CodeArtifact::Domain", "AWS::Scheduler::Schedule", "AWS::SageMaker::MonitoringSchedule"}
"""Their names are cut where they would be too long: test_naming.py."""


@pytest.mark.parametrize("environment", ("staging", "prod"))
def test_the_longest_names_that_a_model_can_have_fit_every_resource(environment, bodies):
    """63 characters of project, environment and model, as ModelNames lets through at most."""
    base = f"{'p' * 20}-{'e' * 30}"
    text = json.dumps(bodies(environment))
    for short, long in ((f"mlops-{environment}", base), ("loan-approval", "m" * 11), ("loan_approval", "m" * 11)):
        assert short in text
        text = text.replace(short, long)
    assert len(f"{base}-{'m' * 11}") == ENDPOINT_LIMIT
    templates = Templates(json.loads(text))
    too_long = [each for each in findings(templates, expected_of(environment)) if each.rule == "names-fit"]
    assert [each.line for each in too_long if each.resource.kind not in CUT] == []


def test_no_event_of_the_list_is_the_one_that_samples_invented():
    assert "SageMaker Model Monitor Execution Status Change" not in SENT["aws.sagemaker"]


def test_every_rule_has_a_mutation():
    """A rule that no broken template sets off is not known to work; those beside MUTATIONS have tests of their own."""
    alone = {"tls-only", "kept", "inside-vpc", "alarmed", "monitor-schedules", "tagged", "parameters-exist"}
    assert MUTATIONS.keys() | alone == RULES.keys()


def test_rules_hold_for_model_monitors_own_schedules(bodies):
    kinds = {each["Type"] for body in bodies(WATCHED_BY_AWS).values() for each in body["Resources"].values()}
    asked = Expected(retain=True, in_vpc=False, tags={})
    assert found(bodies(WATCHED_BY_AWS), asked, rule="monitor-schedules") == {}
    assert found(bodies(WATCHED_BY_AWS), asked, rule="guarded-deployment") == {}
    assert kinds & {"AWS::SageMaker::MonitoringSchedule", "AWS::SageMaker::Endpoint"}
