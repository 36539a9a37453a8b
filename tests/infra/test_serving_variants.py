"""Which variants stand follows from the release parameters, and so do their alarms, scaling and outputs."""

import json

import pytest

from tests.infra.environments import ENVIRONMENTS, SWITCHED
from tests.infra.serving_stack import (
    ALL,
    CHALLENGER,
    CHALLENGER_WITH_SHARE,
    CHAMPION,
    CONFIG_NAME,
    ENDPOINT,
    FIRST,
    NO_CHAMPION,
    SECOND,
    SHADOW,
    at,
    config,
    scaled,
    variants,
    versions,
    watched,
)

SCHEDULES = ("AWS::Scheduler::Schedule", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "AWS::CloudWatch::Alarm")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("released", [{}, NO_CHAMPION])
def test_without_a_champion_there_are_roles_and_a_function_and_what_switches_the_endpoint(
    environment, released, templates
):
    serving = at(templates(environment)["serving"], **released)
    standing = {each["Type"] for each in serving.body["Resources"].values()}
    assert standing == {
        *("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::Lambda::Function", "AWS::Logs::LogGroup"),
        *(["AWS::SSM::Parameter"] if environment in SWITCHED else []),
        *(SCHEDULES if environment == "dev" else []),
    }
    assert {name: each["Value"] for name, each in serving.body["Outputs"].items()} == {
        "ChampionPackage": "none",
        "ChallengerPackage": released.get("challenger", "none"),
        "ChallengerWeight": released.get("weight", "0"),
        "ShadowPackage": released.get("shadow", "none"),
        "ChallengerScaled": "false",
        **({"RunningNow": "on"} if environment in SWITCHED else {}),
    }


@pytest.mark.parametrize(
    ("released", "expected", "shadows", "targets"),
    [
        (CHAMPION, {"champion": 1}, {}, {"champion"}),
        (CHALLENGER, {"champion": 1, "challenger": 0}, {}, {"champion"}),
        (CHALLENGER_WITH_SHARE, {"champion": 1, "challenger": 0}, {}, {"champion", "challenger"}),
        (SHADOW, {"champion": 1}, {"shadow": 1}, {"champion"}),
        (ALL, {"champion": 1, "challenger": 0}, {}, {"champion", "challenger"}),
    ],
)
def test_variants_follow_the_release_parameters(released, expected, shadows, targets, templates):
    """A challenger enters without a share and is scaled only with one; a shadow stands only without a challenger."""
    serving = at(templates("prod")["serving"], **released)
    assert variants(serving) == expected
    found = config(serving).get("ShadowProductionVariants", [])
    assert {each["VariantName"]: each["InitialVariantWeight"] for each in found} == shadows
    assert set(scaled(serving)) == targets
    assert set(watched(serving)) == set(expected) | set(shadows)
    outputs = serving.body["Outputs"]
    assert outputs["ChallengerScaled"]["Value"] == ("true" if "challenger" in targets else "false")
    for variant in ("champion", "challenger", "shadow"):
        names = outputs.get(f"{variant.title()}Alarms", {}).get("Value", {"Fn::Join": [",", []]})["Fn::Join"][1]
        assert {each["Ref"] for each in names} == watched(serving).get(variant, set())


def test_each_variant_says_which_version_answers(templates):
    template = templates("prod")["serving"]
    assert versions(at(template, **CHALLENGER)) == {"champion": "1", "challenger": "2"}
    assert versions(at(template, **SHADOW)) == {"champion": "1", "shadow": "2"}
    # A challenger on its way to champion serves under both names, so that the set of variants stays.
    assert versions(at(template, champion=SECOND, challenger=SECOND)) == {"champion": "2", "challenger": "2"}


def test_outputs_tell_what_is_deployed(templates):
    outputs = at(templates("prod")["serving"], **CHALLENGER_WITH_SHARE).body["Outputs"]
    assert {name: each["Value"] for name, each in outputs.items() if "Alarms" not in name} == {
        "ChampionPackage": FIRST,
        "ChallengerPackage": SECOND,
        "ChallengerWeight": "30",
        "ShadowPackage": "none",
        "ChallengerScaled": "true",
        "EndpointName": "mlops-prod-loan-approval",
        "EndpointConfigName": CONFIG_NAME,
        "ModelName": {"Fn::GetAtt": ["ServingModel2BFB7A72", "ModelName"]},
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_challenger_leaves_behind_no_scaling_target(environment, templates):
    """SageMaker refuses to remove a variant with one, and CloudFormation deletes it after the endpoint's update."""
    template = templates(environment)["serving"]
    without_share = at(template, **CHALLENGER)
    assert config(without_share) == config(at(template, **CHALLENGER_WITH_SHARE)), "the first update moves no traffic"
    assert "challenger" not in scaled(without_share)
    gone = at(template, **CHAMPION)
    assert set(scaled(gone)) == set(scaled(without_share)), "the second update deletes no target"


@pytest.mark.parametrize("released", [CHAMPION, CHALLENGER_WITH_SHARE, SHADOW, ALL])
def test_nothing_refers_to_what_does_not_stand(released, templates):
    template = templates("prod")["serving"]
    serving = at(template, **released)
    missing = set(template.body["Resources"]) - set(serving.body["Resources"])
    for name in missing:
        assert f'"{name}"' not in json.dumps([each.get("Properties") for each in serving.body["Resources"].values()])
        assert f'"{name}"' not in json.dumps(serving.body["Outputs"])


@pytest.mark.parametrize("released", [CHAMPION, CHALLENGER_WITH_SHARE, ALL])
def test_a_model_that_is_switched_off_keeps_its_stack_without_an_endpoint(released, prod_with):
    template = prod_with("[models.loan_approval]\nenabled = false")
    serving = at(template, **released)
    standing = {each["Type"] for each in serving.body["Resources"].values()}
    assert standing == {"AWS::IAM::Role", "AWS::IAM::Policy", "AWS::Lambda::Function", "AWS::Logs::LogGroup"}
    assert serving.body["Outputs"]["ChampionPackage"]["Value"] == FIRST
    assert serving.body["Outputs"]["ChallengerScaled"]["Value"] == "false"
    assert "EndpointName" not in serving.body["Outputs"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_autoscaling_follows_the_endpoint(environment, templates):
    serving = at(templates(environment)["serving"], **CHALLENGER_WITH_SHARE)
    counts = {each["VariantName"]: each["InitialInstanceCount"] for each in config(serving)["ProductionVariants"]}
    policies = serving.resources("AWS::ApplicationAutoScaling::ScalingPolicy").values()
    for variant, name in scaled(serving).items():
        target = serving.body["Resources"][name]
        assert ENDPOINT in target["DependsOn"]
        assert target["Properties"]["ResourceId"] == f"endpoint/mlops-{environment}-loan-approval/variant/{variant}"
        bounds = target["Properties"]["MinCapacity"], target["Properties"]["MaxCapacity"]
        assert bounds[0] <= counts[variant] <= bounds[1]
        assert "ScheduledActions" not in target["Properties"]
        [policy] = [each for each in policies if each["Properties"]["ScalingTargetId"] == {"Ref": name}]
        assert variant in policy["Properties"]["PolicyName"]


def test_off_hours_have_bounds_of_their_own_in_their_time_zone(prod_with):
    serving = at(
        prod_with("[models.loan_approval.serving.autoscaling.off_hours]\nenabled = true\nmax_instances = 3"),
        **CHALLENGER_WITH_SHARE,
    )
    for name in scaled(serving).values():
        assert serving.body["Resources"][name]["Properties"]["ScheduledActions"] == [
            {
                "ScheduledActionName": "off-hours",
                "Schedule": "cron(0 20 ? * MON-FRI *)",
                "Timezone": "Europe/Berlin",
                "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 3},
            },
            {
                "ScheduledActionName": "usual-hours",
                "Schedule": "cron(0 7 ? * MON-FRI *)",
                "Timezone": "Europe/Berlin",
                "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 10},
            },
        ]


def test_without_autoscaling_nothing_is_scaled_or_said_to_be_whatever_the_share(prod_with):
    serving = at(prod_with("[models.loan_approval.serving.autoscaling]\nenabled = false"), **CHALLENGER_WITH_SHARE)
    assert scaled(serving) == {}
    assert "ChallengerScaled" not in serving.body["Outputs"]
    assert variants(serving) == {"champion": 1, "challenger": 0}
