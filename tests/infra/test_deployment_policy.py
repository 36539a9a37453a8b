"""What CloudFormation may do when it deploys: enough for every resource of every template, and no more than meant."""

import json
import re
import shutil
from pathlib import Path

import pytest

from local_aws.cloudformation import schemas
from mlops.bootstrap import POLICY_LIMIT, Plan
from mlops_constructs.deployment_policy import PASSED_TO, SERVICES
from tests.infra.environments import ROOT, all_synthesized, new_app
from tests.infra.permissions import ACCOUNT, REGION, Person

NEVER_USED = re.compile(
    # What CloudFormation asks for features that no template here has: streams, other stores, other network types.
    r"(elasticfilesystem|s3files|s3tables|firehose|kinesis|lakeformation|organizations|ram|ds|redshift\w*|rds|"
    r"route53\w*|vpc-lattice|ecr|xray|resource-groups|secretsmanager|codestar-\w+|mediastore\w*|account|"
    r"autoscaling|billing|vpce):.*|"
    r"dynamodb:(BatchWriteItem|DeleteItem|GetItem|PutItem|Query|Scan|UpdateItem)|"  # of tables that are imported
    r"iam:(Attach|Detach)(Group|User)Policy|ec2:(CreateVpcEncryptionControl|ModifyVpcTenancy)|"
    r"iam:(PutUser.*|DeleteUser.*|GetUser.*|PutGroup.*|DeleteGroup.*|GetGroup.*|List\w*Groups?\w*|List\w*Users?\w*|"
    r"SimulateCustomPolicy|SimulatePrincipalPolicy|ListPolicies|ListRoles|ListPolicyTags|SetDefaultPolicyVersion|"
    r"(Put|Delete)RolePermissionsBoundary)|"
    r"s3:GetObject.*|ec2:(Describe|Create|Delete)NetworkInterface.*|ec2:.*(Ipam|Ipv6|TransitGateway|CarrierGateway|"
    r"LocalGateway|NetworkAcl|InternetGateway|EgressOnly|Verified|CoreNetwork|PrefixList|Nat).*"
)
"""Rights that schemas name for what no template here does."""

PLAN = Plan("mlops", "tests", ACCOUNT, REGION, "hnb659fds", boundary="mlops-boundary")


def evaluated(action, resource="*", plan=PLAN, key="Deployment", **context):
    """Whether the plan's policy lets CloudFormation do it, or with key="Boundary" its boundary."""
    document = plan.template()["Resources"][key]["Properties"]["PolicyDocument"]
    return Person.with_statements(*document["Statement"]).may(action, resource, **context)


def role(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def switched_on(folder):
    """The stacks that no environment has as it is configured: the delivery's, projects, a budget."""
    from stacks.delivery import add_delivery
    from stacks.environment import add_stacks
    from stacks.settings import load, load_delivery

    config = Path(shutil.copytree(ROOT / "config", folder / "config"))
    dev = config / "dev.toml"
    studio = 'roles = ["arn:aws:iam::111122223333:role/service-role/studio"]'
    dev.write_text(f"{dev.read_text()}\n[projects]\nenabled = true\n{studio}\n\n[budget]\nmonthly_usd = 900\n")
    environment, delivery = new_app(folder / "environment"), new_app(folder / "delivery")
    # What models have is in the other templates.
    add_stacks(environment, load(config, "dev").model_copy(update={"models": {}}), code_root=ROOT / "pipeline_code")
    add_delivery(delivery, load_delivery(config))
    environment.synth()
    delivery.synth()
    return folder


@pytest.fixture(scope="module")
def resources(tmp_path_factory):
    """Of every template that this repository can make."""
    folders = all_synthesized(tmp_path_factory), switched_on(tmp_path_factory.mktemp("switched-on"))
    return [
        resource
        for folder in folders
        for file in folder.glob("*/*.template.json")
        for resource in json.loads(file.read_text())["Resources"].values()
    ]


@pytest.fixture(scope="module")
def needed(resources):
    """What CloudFormation says that it calls for the resource types of all templates, by the schemas of the types."""
    kinds = {each["Type"] for each in resources}
    found = [schemas.schema(kind, REGION) for kind in kinds if not kind.startswith("Custom::")]
    assert all(found)
    return {
        action.lower().partition(":")[0] + ":" + action.partition(":")[2]: each.type_name
        for each in found
        for handler in each.document.get("handlers", {}).values()
        for action in handler.get("permissions", [])
        if "*" not in action
    }


def test_every_resource_of_every_template_can_be_made_changed_and_removed(needed):
    context = {
        "iam__PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/mlops-boundary",
        "iam__PassedToService": "lambda.amazonaws.com",
    }
    own = {"iam": [role("mlops-dev-x"), f"arn:aws:iam::{ACCOUNT}:policy/mlops-dev-viewer"]}
    linked = role("aws-service-role/sagemaker.application-autoscaling.amazonaws.com/X")
    missing = {
        action: kind
        for action, kind in needed.items()
        if not NEVER_USED.fullmatch(action)
        and not any(
            evaluated(action, resource, **context)
            for resource in own.get(action.partition(":")[0], ["*"]) + ([linked] if "ServiceLinked" in action else [])
        )
    }
    assert missing == {}


def test_no_service_is_allowed_that_no_template_has_anything_of(needed, resources):
    made = {action.partition(":")[0] for action in needed} | {
        # These types' schemas name no right.
        each["Type"].split("::")[1].lower()
        for each in resources
    }
    assert set(SERVICES) - made == set()


def test_roles_are_handed_to_whoever_takes_one_in_a_template_and_to_nobody_else(resources):
    taking = set()
    for each in resources:
        if each["Type"] != "AWS::IAM::Role":
            continue
        for statement in each["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
            services = statement["Principal"].get("Service", [])
            taking |= {services} if isinstance(services, str) else set(services)
    assert set(PASSED_TO) == taking


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", "arn:aws:s3:::mlops-prod-data/loan_approval/book.csv"),
        ("dynamodb:Query", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/ledger"),
        ("sagemaker:UpdateModelPackage", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/mlops-prod-x/1"),
        ("sagemaker:InvokeEndpoint", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/mlops-prod-x"),
        ("s3:BypassGovernanceRetention", "arn:aws:s3:::evidence/x"),
        ("iam:CreateRole", role("somebody-elses")),
        ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/mlops-x"),
        ("iam:PutRolePolicy", role(f"cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-{REGION}")),
        ("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/mlops-deployment-{REGION}"),
        ("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/mlops-boundary"),
        ("ec2:RunInstances", "*"),
        ("ec2:CreateInternetGateway", "*"),
        ("ec2:AllocateAddress", "*"),
        (
            "codeartifact:ReadFromRepository",
            f"arn:aws:codeartifact:{REGION}:{ACCOUNT}:repository/mlops-prod/mlops-prod",
        ),
        ("codeartifact:PublishPackageVersion", "*"),
        ("codeartifact:DeletePackageVersions", "*"),
        ("organizations:LeaveOrganization", "*"),
    ],
)
def test_a_deployment_cannot(action, resource):
    bound = {"iam__PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/mlops-boundary"}
    assert not evaluated(action, resource, **bound)


def test_code_of_functions_is_read_from_the_bucket_of_the_bootstrap():
    assert evaluated("s3:GetObject", f"arn:aws:s3:::cdk-hnb659fds-assets-{ACCOUNT}-{REGION}/1.zip")
    other = Plan("mlops", "tests", ACCOUNT, REGION, "own")
    assert not evaluated("s3:GetObject", f"arn:aws:s3:::cdk-hnb659fds-assets-{ACCOUNT}-{REGION}/1.zip", plan=other)


def test_no_role_is_made_without_the_boundary_where_there_is_one():
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/mlops-boundary"
    for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"):
        assert evaluated(action, role("mlops-dev-x"), iam__PermissionsBoundary=boundary)
        assert not evaluated(action, role("mlops-dev-x"))
        assert evaluated(action, role("mlops-dev-x"), plan=Plan("mlops", "tests", ACCOUNT, REGION, "hnb659fds"))


def test_roles_are_handed_to_the_services_that_take_them_and_to_no_other():
    assert evaluated("iam:PassRole", role("mlops-dev-x"), iam__PassedToService="sagemaker.amazonaws.com")
    assert not evaluated("iam:PassRole", role("mlops-dev-x"), iam__PassedToService="ec2.amazonaws.com")
    assert not evaluated("iam:PassRole", role("admin"), iam__PassedToService="sagemaker.amazonaws.com")


def test_no_role_under_the_boundary_makes_rights():
    assert evaluated("sagemaker:CreateModel", key="Boundary")
    assert not evaluated("iam:CreateRole", role("mlops-dev-x"), key="Boundary")
    assert not evaluated("iam:PutRolePolicy", role("mlops-dev-x"), key="Boundary")
    assert evaluated("iam:PassRole", role("mlops-dev-x"), key="Boundary"), "jobs are given roles"


def test_policies_are_short_enough_for_the_longest_project():
    template = Plan("p" * 20, "tests", ACCOUNT, "ap-southeast-99", "q" * 10, boundary="b" * 128).template()
    for each in template["Resources"].values():
        text = json.dumps(each["Properties"]["PolicyDocument"], separators=(",", ":"))
        assert len(text) < POLICY_LIMIT
