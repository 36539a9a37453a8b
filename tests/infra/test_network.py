"""The private network: no way to the internet, an endpoint for everything that is called, and everything inside."""

import json
import re
import shutil
from ipaddress import IPv4Network
from pathlib import Path

import boto3
import pytest

from mlops_constructs.vpc_endpoints import DOWNLOADS, GATEWAYS, INTERFACES, ON_DEMAND
from stacks.settings import SettingsError, load
from tests.infra.environments import (
    ACCOUNTS,
    ACCOUNTS_REGION,
    ENVIRONMENTS,
    PRIVATE,
    ROOT,
    TRAINED,
    flat,
    in_accounts,
    new_app,
)

CODE = ("lambdas", "pipeline_code")
# Fields of dataclasses that `environment.clients` makes boto3's clients of.
_CLIENTS = re.compile(r"class Clients:\n(?P<fields>(?:.*\n)*?)(?=\n\n|\n    def|\Z)")
_FIELD = re.compile(r"^    (\w+): Any$", re.MULTILINE)
_CALLED = re.compile(r"""(?:\bclients?|boto3\.client)\(\s*"([a-z0-9-]+)\"""")
_LISTED = re.compile(r"""(?:for \w+ in|name:.*in) \(((?:"[a-z0-9-]+",? ?)+)\)""")
_NAMES_OF_FIELDS = {"runtime": "sagemaker-runtime", "lambda_": "lambda"}
_CLOSING = "NetworkWatchClosing"
OUTSIDE = {"ec2": "lambdas/custom_resources", "codebuild": "lambdas/project_controller"}
"""Services without an endpoint, and the one place whose code calls each: a function that is not in the network."""
JOBS = {"Processing", "Training", "Tuning"}

ISOLATED = {
    # Nothing is called: SageMaker brings the inputs and takes the outputs.
    "BuildBaseline": True,
    "GateModel": True,
    "GateTunedModel": True,
    "TrainModel": True,
    "TuneModel": True,
    "ValidateData": False,  # installs what the image lacks
    "IngestFeatures": False,  # writes to Feature Store
    "PrepareFeatures": False,  # joins features by Athena
    "EvaluateModel": False,  # looks at the champion of this moment
    "EvaluateTunedModel": False,
    "WatchInputs": False,  # reads the windows that are due, and who the champion is
    "WatchOutcomes": False,
    "Report": False,  # publishes figures and an event
}


def services(folders=CODE) -> set[str]:
    """What functions, jobs and models make boto3's clients of, by boto3's names."""
    found = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        text = path.read_text()
        for fields in (match["fields"] for match in _CLIENTS.finditer(text)):
            found |= {_NAMES_OF_FIELDS.get(name, name) for name in _FIELD.findall(fields)}
        found |= set(_CALLED.findall(text))
        found |= {name for names in _LISTED.findall(text) for name in re.findall(r'"([a-z0-9-]+)"', names)}
    return found & {*boto3.session.Session().get_available_services()}


def resources(templates, environment, kind):
    """Resources of a type in all stacks of an environment, by stack and logical id."""
    return {
        (stack, name): each["Properties"]
        for stack, template in templates(environment).items()
        for name, each in template.resources(kind).items()
    }


def definitions(templates, environment):
    for each in resources(templates, environment, "AWS::SageMaker::Pipeline").values():
        yield json.loads(flat(each["PipelineDefinition"]["PipelineDefinitionBody"]))


def steps(templates, environment):
    """All steps of all pipelines, those in branches too."""
    waiting = [step for each in definitions(templates, environment) for step in each["Steps"]]
    while waiting:
        step = waiting.pop()
        waiting += [*step["Arguments"].get("IfSteps", []), *step["Arguments"].get("ElseSteps", [])]
        yield step


def jobs(templates, environment):
    """Of each step that starts jobs: its name, and where such a job says what it is connected to."""
    for step in steps(templates, environment):
        arguments = step["Arguments"]
        if step["Type"] in JOBS:
            yield step["Name"], arguments.get("NetworkConfig") or arguments.get("TrainingJobDefinition") or arguments


@pytest.mark.parametrize("environment", PRIVATE)
def test_nothing_leads_to_the_internet(environment, templates):
    types = {each["Type"] for each in templates(environment)["network"].body["Resources"].values()}
    assert not types & {
        "AWS::EC2::InternetGateway",
        "AWS::EC2::VPCGatewayAttachment",
        "AWS::EC2::EgressOnlyInternetGateway",
        "AWS::EC2::NatGateway",
        "AWS::EC2::EIP",
        "AWS::EC2::Route",
        "AWS::EC2::TransitGatewayAttachment",
        "AWS::EC2::VPCPeeringConnection",
    }
    for subnet in templates(environment)["network"].resources("AWS::EC2::Subnet").values():
        assert subnet["Properties"]["MapPublicIpOnLaunch"] is False


@pytest.mark.parametrize("environment", PRIVATE)
def test_zones_have_subnets_apart_and_are_found_at_deployment(environment, templates):
    found = [each["Properties"] for each in templates(environment)["network"].resources("AWS::EC2::Subnet").values()]
    zones = [json.dumps(each["AvailabilityZone"]) for each in found]
    assert zones == [json.dumps({"Fn::Select": [n, {"Fn::GetAZs": ""}]}) for n in range(len(found))]
    blocks = [IPv4Network(each["CidrBlock"]) for each in found]
    assert len(blocks) == load(ROOT / "config", environment).network.availability_zones
    assert not any(one.overlaps(other) for one in blocks for other in blocks if one is not other)


def test_synthesis_looks_nothing_up(synthesized):
    """In accounts that are written down too, where CDK would ask for zones."""
    manifests = [*synthesized.glob("*/manifest.json")]
    assert len(manifests) > len(ENVIRONMENTS)
    for manifest in manifests:
        assert "missing" not in json.loads(manifest.read_text()), manifest


def test_every_service_that_is_called_has_an_endpoint_and_no_other_has():
    assert services() - {*OUTSIDE} == {*GATEWAYS, *INTERFACES, *ON_DEMAND}


@pytest.mark.parametrize("service", OUTSIDE)
def test_what_has_no_endpoint_is_called_from_outside_alone(service):
    places = {place.relative_to(ROOT).as_posix() for folder in CODE for place in (ROOT / folder).iterdir()}
    assert [place for place in sorted(places) if service in services([place])] == [OUTSIDE[service]]


def test_the_function_that_starts_builds_is_outside_where_there_is_a_network(tmp_path):
    from mlops_constructs.naming import EnvironmentNames
    from stacks.environment import add_stacks

    config = Path(shutil.copytree(ROOT / "config", tmp_path / "config"))
    with (config / "staging.toml").open("a") as file:
        file.write('\n[projects]\nenabled = true\nroles = ["arn:aws:iam::111122223333:role/studio"]\n')
    app = new_app(tmp_path / "cdk.out")
    settings = load(config, "staging").model_copy(update={"models": {}})  # the models' stacks would only cost time
    add_stacks(app, settings, code_root=ROOT / "pipeline_code")
    stack = EnvironmentNames(settings.project, "staging").projects_stack
    template = json.loads((Path(app.synth().directory) / f"{stack}.template.json").read_text())
    functions = {
        name: each["Properties"]
        for name, each in template["Resources"].items()
        if each["Type"] == "AWS::Lambda::Function"
    }
    assert [name.startswith("NewModels") for name, each in functions.items() if "VpcConfig" not in each] == [True]


@pytest.mark.parametrize("environment", PRIVATE)
def test_endpoints_stand_in_every_subnet_by_their_services_own_names(environment, templates):
    template = templates(environment)["network"]
    found = [each["Properties"] for each in template.resources("AWS::EC2::VPCEndpoint").values()]
    gateways = {flat(each["ServiceName"]) for each in found if each["VpcEndpointType"] == "Gateway"}
    assert gateways == {f"com.amazonaws.<AWS::Region>.{service}" for service in GATEWAYS}
    interfaces = [each for each in found if each["VpcEndpointType"] == "Interface"]
    assert len(interfaces) == len({*INTERFACES, DOWNLOADS})
    subnets = len(template.resources("AWS::EC2::Subnet"))
    for each in interfaces:
        assert each["PrivateDnsEnabled"] is True
        assert len(each["SubnetIds"]) == subnets


@pytest.mark.parametrize("environment", PRIVATE)
def test_endpoints_let_through_nobody_elses_principals_and_to_s3_only_known_buckets(environment, templates):
    ours = {"aws:PrincipalAccount": [{"Ref": "AWS::AccountId"}]}
    signed_by_aws = {
        "s3:PutObject": "arn:<AWS::Partition>:s3:::cloudformation-custom-resource-response-",
        "s3:GetObject": "arn:<AWS::Partition>:s3:::assets-????????????-<AWS::Region>/*",
    }
    for each in templates(environment)["network"].resources("AWS::EC2::VPCEndpoint").values():
        first, *others = each["Properties"]["PolicyDocument"]["Statement"]
        is_s3 = flat(each["Properties"]["ServiceName"]).endswith(".s3")
        theirs = {"aws:ResourceAccount": [{"Ref": "AWS::AccountId"}]} if is_s3 else {}
        assert first["Condition"] == {"StringEquals": {**ours, **theirs}}
        assert bool(others) is is_s3
        for other in others:
            assert flatter(other["Resource"]).startswith(signed_by_aws[other["Action"]])


def test_accounts_that_work_together_let_each_other_through_and_only_they_take_roles(synthesized):
    template = json.loads((synthesized / in_accounts("staging") / "mlops-staging-network.template.json").read_text())
    endpoints = [each for each in template["Resources"].values() if each["Type"] == "AWS::EC2::VPCEndpoint"]
    names = {flat(each["Properties"]["ServiceName"]) for each in endpoints}
    assert f"com.amazonaws.{ACCOUNTS_REGION}.sts" in names
    for each in endpoints:
        condition = each["Properties"]["PolicyDocument"]["Statement"][0]["Condition"]["StringEquals"]
        assert condition["aws:PrincipalAccount"] == [ACCOUNTS["staging"], ACCOUNTS["prod"]]


def flatter(value):
    """As `flat`, with nested functions by the first text in them."""
    match value:
        case {"Fn::Join": [_, list(parts)]}:
            return "".join(flatter(part) for part in parts)
        case {"Fn::Join": [*_]} | {"Fn::Split": [*_]}:
            return "<…>"
    return flat(value)


@pytest.mark.parametrize("environment", PRIVATE)
def test_the_network_is_watched_and_what_ec2_leaves_open_is_closed(environment, templates):
    foundation, network = templates(environment)["foundation"], templates(environment)["network"]
    log = foundation.only("AWS::EC2::FlowLog")["Properties"]
    assert (log["TrafficType"], log["ResourceType"]) == ("ALL", "VPC")
    closing = foundation.only("Custom::DefaultSecurityGroup")["Properties"]
    assert "DefaultSecurityGroup" in flat(closing["Name"])
    for group in network.resources("AWS::EC2::SecurityGroup").values():
        assert group["Properties"]["SecurityGroupEgress"], "EC2 would allow everything"
        for rule in group["Properties"].get("SecurityGroupIngress", []):
            assert "CidrIp" not in rule
    for rule in network.resources("AWS::EC2::SecurityGroupIngress").values():
        assert rule["Properties"]["SourceSecurityGroupId"] == rule["Properties"]["GroupId"]


@pytest.mark.parametrize("environment", PRIVATE)
def test_every_function_is_inside_but_the_one_that_closes_the_door(environment, templates):
    functions = resources(templates, environment, "AWS::Lambda::Function")
    outside = {name for (_, name), each in functions.items() if "VpcConfig" not in each}
    assert len(functions) > 5
    assert [name.startswith(_CLOSING) for name in outside] == [True]
    subnets = len(templates(environment)["network"].resources("AWS::EC2::Subnet"))
    for each in (each for each in functions.values() if "VpcConfig" in each):
        assert len(each["VpcConfig"]["SubnetIds"]) == subnets
        assert len(each["VpcConfig"]["SecurityGroupIds"]) == 1


@pytest.mark.parametrize("environment", PRIVATE)
def test_every_job_and_every_model_is_inside(environment, templates):
    models = resources(templates, environment, "AWS::SageMaker::Model")
    assert models
    connected = [each["VpcConfig"] for each in models.values()]
    connected += [job["VpcConfig"] for _, job in jobs(templates, environment)]
    assert len(connected) > len(models)
    for each in connected:
        assert (len(each["Subnets"]), len(each["SecurityGroupIds"])) == (2, 1)


@pytest.mark.parametrize("environment", [each for each in ENVIRONMENTS if each not in PRIVATE])
def test_without_a_network_nothing_names_one(environment, templates):
    for stack, template in templates(environment).items():
        text = json.dumps(template.body)
        assert "VpcConfig" not in text, stack
        assert "AWS::EC2::" not in text, stack
        assert "PACKAGE_REPOSITORY" not in text, stack


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_containers_that_call_nothing_have_no_network(environment, templates):
    found = {name: job["EnableNetworkIsolation"] for name, job in jobs(templates, environment)}
    assert found.items() <= ISOLATED.items()
    assert environment not in TRAINED or {"GateModel", "TrainModel", "TuneModel"} <= found.keys()


@pytest.mark.parametrize("environment", TRAINED)
def test_traffic_between_the_machines_of_a_training_is_encrypted(environment, templates):
    trainings = [job for name, job in jobs(templates, environment) if name in ("TrainModel", "TuneModel")]
    assert len(trainings) == 2
    for each in trainings:
        assert each["EnableInterContainerTrafficEncryption"] is True


@pytest.mark.parametrize("environment", TRAINED)
def test_an_isolated_training_finds_its_code_in_a_channel(environment, templates):
    for name, job in jobs(templates, environment):
        if name in ("TrainModel", "TuneModel"):
            [code] = [each for each in job["InputDataConfig"] if each["ChannelName"] == "code"]
    arguments = next(step["Arguments"] for step in steps(templates, environment) if step["Name"] == "TrainModel")
    archive = code["DataSource"]["S3DataSource"]["S3Uri"].rpartition("/")[2]
    assert arguments["HyperParameters"]["sagemaker_submit_directory"] == f"/opt/ml/input/data/code/{archive}"


@pytest.mark.parametrize("environment", PRIVATE)
def test_roles_may_connect_to_these_subnets_and_functions_code_may_not(environment, templates):
    foundation = templates(environment)["foundation"]
    policies = {
        name: each["Properties"]["PolicyDocument"]["Statement"]
        for name, each in foundation.resources("AWS::IAM::ManagedPolicy").items()
    }
    [functions], [others] = (
        [each for name, each in policies.items() if name.startswith(prefix)]
        for prefix in ("NetworkFunctions", "NetworkJobs")
    )
    for statement in functions:
        assert statement["Condition"] == {"Null": {"lambda:SourceFunctionArn": "true"}}
    for statement in (*functions, *others):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if statement["Resource"] == "*":
            assert all(re.match(r"ec2:(Describe|DeleteNetworkInterfacePermission)", each) for each in actions)
    attached = {
        (stack, name): json.dumps(each.get("ManagedPolicyArns", []))
        for (stack, name), each in resources(templates, environment, "AWS::IAM::Role").items()
    }
    used = {flat(each["Role"]) for each in resources(templates, environment, "AWS::Lambda::Function").values()}
    for (stack, name), arns in attached.items():
        if f"<{name}>" in used and not name.startswith(_CLOSING):
            assert "NetworkFunctions" in arns, (stack, name)


@pytest.fixture
def refused(tmp_path):
    def message(text):
        for file in (ROOT / "config").glob("*.toml"):
            content = file.read_text()
            if file.stem == "staging":
                content = content.replace('mode = "vpc"\n', text, 1)
            (tmp_path / file.name).write_text(content)
        with pytest.raises(SettingsError) as error:
            load(tmp_path, "staging")
        assert "\n" not in str(error.value)
        return str(error.value).partition(": ")[2]

    return message


IDS = 'subnet_ids = ["subnet-0a1b2c3d", "subnet-0a1b2c3e"]\nsecurity_group_ids = ["sg-0a1b2c3d"]\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('mode = "private"\n', 'network.mode = "private": must be one of "public", "vpc"'),
        (
            'mode = "vpc"\ncidr = "10.0.0.0/26"\n',
            'network.cidr = "10.0.0.0/26": must be at least a /24: each of 2 zones gets a subnet of 128 addresses or '
            "more",
        ),
        (
            'mode = "vpc"\ncidr = "10.0.0.0/8"\n',
            'network.cidr = "10.0.0.0/8": must be a private IPv4 block from /16 to /28, for example 10.0.0.0/20',
        ),
        (
            'mode = "vpc"\ncidr = "8.8.8.0/20"\n',
            'network.cidr = "8.8.8.0/20": must be a private IPv4 block from /16 to /28, for example 10.0.0.0/20',
        ),
        (
            'mode = "vpc"\navailability_zones = 1\n',
            "network.availability_zones = 1: must be a whole number from 2 to 6",
        ),
        (
            f'mode = "public"\nvpc_id = "vpc-0a1b2c3d"\n{IDS}',
            'network.vpc_id = "vpc-0a1b2c3d": must be empty, since mode is "public": set mode = "vpc" to run in that '
            "VPC",
        ),
        (
            f'mode = "vpc"\n{IDS}',
            'network.vpc_id = "": must be given together with subnet_ids and security_group_ids, or none of them for a '
            "VPC of its own",
        ),
        (
            'mode = "vpc"\nvpc_id = "vpc-0a1b2c3d"\nsubnet_ids = ["subnet-0a1b2c3d"]\n'
            'security_group_ids = ["sg-0a1b2c3d"]\n',
            'network.subnet_ids = ["subnet-0a1b2c3d"]: must be at least 2 subnets, each in another zone',
        ),
        (
            'mode = "vpc"\nvpc_id = "mine"\n',
            'network.vpc_id = "mine": must be a VPC\'s id, such as vpc-0a1b2c3d4e5f60718, or ""',
        ),
    ],
)
def test_a_wrong_network_is_one_line(text, expected, refused):
    assert refused(text).startswith(expected)


def test_an_experiment_that_no_endpoint_leads_to_is_refused(refused):
    tracking = "arn:aws:sagemaker:eu-west-1:111122223333:mlflow-tracking-server/runs"
    given = f'mode = "vpc"\n\n[model_defaults.experiments]\ntracking = "{tracking}"\n'
    assert 'must be "", since network.mode is "vpc"' in refused(given)


def test_a_vpc_that_is_there_is_used_as_it_is(tmp_path):
    """No stack for it, no endpoints in it, and its own default group stays what its owner made of it."""
    from tests.infra.environments import add, new_app

    config = tmp_path / "config"
    config.mkdir()
    for file in (ROOT / "config").glob("*.toml"):
        text = file.read_text().replace('mode = "vpc"\n', f'mode = "vpc"\nvpc_id = "vpc-0a1b2c3d"\n{IDS}')
        (config / file.name).write_text(text)
    app = new_app(tmp_path / "cdk.out")
    add(app, "prod", config)
    app.synth()
    written = {path.name: path.read_text() for path in Path(app.outdir).glob("*.template.json")}
    assert not any("-network." in name for name in written)
    kinds = {each["Type"] for text in written.values() for each in json.loads(text)["Resources"].values()}
    assert not any(kind.startswith("AWS::EC2::") for kind in kinds)
    model = next(
        each["Properties"]
        for each in json.loads(written["mlops-prod-loan-approval-serving.template.json"])["Resources"].values()
        if each["Type"] == "AWS::SageMaker::Model"
    )
    assert model["VpcConfig"] == {
        "Subnets": ["subnet-0a1b2c3d", "subnet-0a1b2c3e"],
        "SecurityGroupIds": ["sg-0a1b2c3d"],
    }
