"""Projects of SageMaker Studio that make a model: what is deployed where they are enabled, and who may do what."""

import json
import re
import shutil
import subprocess

import pytest

from mlops_constructs import project_build, project_controller, project_template
from mlops_constructs.naming import EnvironmentNames
from tests.infra import test_operations
from tests.infra.environments import ROOT, Template, add_some, new_app, synthesize
from tests.unit.lambdas.conftest import LAMBDAS, load_folder

STUDIO = "arn:aws:iam::111122223333:role/service-role/studio"
ENABLED = f'\n[projects]\nenabled = true\nroles = ["{STUDIO}"]\n'
CODECOMMIT = '[source]\nkind = "codecommit"\nrepository = "platform"\nbranch = "main"\n'
S3 = '[source]\nkind = "s3"\nbucket = "sources"\nkey = "platform.zip"\n'
NAMES = EnvironmentNames("mlops", "dev")


def config_with(folder, source=None, dev=ENABLED):
    """The configuration, with projects in dev and another source."""
    config = folder / "config"
    shutil.copytree(ROOT / "config", config)
    with (config / "dev.toml").open("a") as file:
        file.write(dev)
    if source:
        text = (config / "delivery.toml").read_text()
        replaced = re.sub(r"\[source\]\n.*?(?=\n\[)", lambda _: source, text, flags=re.DOTALL)
        assert replaced != text
        (config / "delivery.toml").write_text(replaced)
    return config


def synthesized(config, outdir):
    """What the checks found, and the template."""
    from stacks.environment import add_stacks
    from stacks.settings import load

    app = new_app(outdir)
    # One stack is looked at: the models' would only cost time.
    settings = load(config, "dev").model_copy(update={"models": {}})
    add_stacks(app, settings, code_root=ROOT / "pipeline_code")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CDK_VALIDATION", "true")
        found = synthesize(app, settings)["found"]
    return found, Template(json.loads((outdir / f"{NAMES.projects_stack}.template.json").read_text()))


@pytest.fixture(scope="module")
def by_connection(tmp_path_factory):
    folder = tmp_path_factory.mktemp("connection")
    return synthesized(config_with(folder), folder / "cdk.out")


@pytest.fixture(scope="module")
def by_codecommit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("codecommit")
    return synthesized(config_with(folder, CODECOMMIT), folder / "cdk.out")


def test_no_environment_has_them_unless_it_says_so():
    from stacks.settings import load

    assert not any(load(ROOT / "config", name).projects.enabled for name in ("local", "dev", "staging", "prod"))


@pytest.mark.parametrize("kind", ["by_connection", "by_codecommit"])
def test_checks_find_nothing_unexplained(request, kind):
    found, _ = request.getfixturevalue(kind)
    assert {plugin: [each for each in lines if "-projects" in each] for plugin, lines in found.items()} == {}


def test_studio_shows_the_product_and_those_who_may_start_it_are_named(by_connection):
    _, template = by_connection
    product = template.only("AWS::ServiceCatalog::CloudFormationProduct")["Properties"]
    assert {"Key": "sagemaker:studio-visibility", "Value": "true"} in product["Tags"]
    principal = template.only("AWS::ServiceCatalog::PortfolioPrincipalAssociation")["Properties"]
    assert (principal["PrincipalARN"], principal["PrincipalType"]) == (STUDIO, "IAM")
    constraint = template.only("AWS::ServiceCatalog::LaunchRoleConstraint")["Properties"]
    assert constraint["RoleArn"]["Fn::GetAtt"][0] == template.role("CatalogLaunchRole")
    policy = template.only("AWS::IAM::ManagedPolicy")["Properties"]
    assert policy["Roles"] == ["studio"]


def test_the_launch_role_may_ask_the_function_and_make_no_resource(by_connection):
    _, template = by_connection
    allowed = {action for action, _ in template.allowed(template.role("CatalogLaunchRole"))}
    services = {action.partition(":")[0] for action in allowed}
    assert services == {"cloudformation", "lambda", "s3"}
    assert "s3:GetObject" in allowed
    assert not any(action.startswith(("iam:", "sagemaker:")) for action in allowed)


def test_the_build_uses_one_repository_by_the_connection(by_connection):
    _, template = by_connection
    statements = template.statements(template.role("BuildRole"))
    [used] = [each for each in statements if each["Action"] == "codeconnections:UseConnection"]
    assert used["Condition"] == {"StringEquals": {"codeconnections:FullRepositoryId": "example/mlops"}}
    assert ":connection/" in used["Resource"]
    variables = template.only("AWS::CodeBuild::Project")["Properties"]["Environment"]["EnvironmentVariables"]
    url = str(next(each["Value"] for each in variables if each["Name"] == "REPOSITORY"))
    assert "https://codeconnections.eu-west-1." in url
    assert "/git-http/111122223333/eu-west-1/00000000-0000-4000-8000-000000000000/example/mlops.git" in url


def test_the_build_pushes_to_branches_of_new_models_only(by_codecommit):
    _, template = by_codecommit
    role = {"Ref": template.role("BuildRole")}
    statements = [
        statement
        for policy in template.resources("AWS::IAM::Policy").values()
        if role in policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]
    [denied] = [each for each in statements if each["Effect"] == "Deny"]
    assert denied["Action"] == "codecommit:GitPush"
    assert denied["Condition"]["StringNotLike"] == {"codecommit:References": ["refs/heads/new-model/*"]}
    assert denied["Condition"]["Null"] == {"codecommit:References": "false"}


def test_the_template_asks_the_function_that_is_deployed_and_for_what_that_takes(by_connection):
    _, deployed = by_connection
    template = project_template.body(NAMES)
    names = {each["Properties"].get("FunctionName") for each in deployed.resources("AWS::Lambda::Function").values()}
    resource = template["Resources"]["Model"]["Properties"]
    assert resource["ServiceToken"]["Fn::Sub"].rpartition(":")[2] in names
    forms = load_folder(LAMBDAS / "project_controller", "project_controller").request.FORMS
    assert set(forms) == set(template["Parameters"])
    for name, pattern in {"ModelName": project_template.MODEL, "Owner": project_template.OWNER}.items():
        assert pattern == f"^{forms[name].pattern}$"


def test_its_alarms_are_explained(by_connection):
    found = {name for name, _ in test_operations.alarms(by_connection[1])}
    assert found == {"NewModelsFunctionFails", "NewModelsDeadLettersWaiting"} <= test_operations.headings()


def test_the_function_and_the_build_name_the_same_places():
    gateway = load_folder(LAMBDAS / "project_controller", "project_controller").gateway
    assert (gateway.WAITING, gateway.TOLD) == (project_controller.WAITING, project_build.TOLD)
    variables = set(gateway._VARIABLES.values())
    used = set(re.findall(r"\$\{?([A-Z_]+)", " ".join(project_build.COMMANDS)))
    assert variables <= used
    assert used - variables == {"BUCKET", "BRANCH", "REPOSITORY", "PULL_REQUESTS_IN", "CODEBUILD_BUILD_ID"}


def test_the_build_runs_what_the_shell_takes():
    assert subprocess.run(["bash", "-n"], input=project_build.SCRIPT, text=True, capture_output=True).stderr == ""


def test_what_cannot_be_pushed_to_is_refused_in_one_line(tmp_path):
    from stacks.settings import SettingsError, load

    with pytest.raises(SettingsError) as caught:
        load(config_with(tmp_path, S3), "dev")
    assert str(caught.value) == (
        "config/dev.toml: projects.enabled = true: must be false, since source.kind of config/delivery.toml is "
        '"s3", which takes no branch'
    )


@pytest.mark.parametrize(
    ("dev", "line"),
    [
        ("\n[projects]\nenabled = true\n", "roles"),
        (ENABLED.replace("role/", "user/"), "the ARN of an IAM role"),
    ],
)
def test_who_may_start_them_is_checked(tmp_path, dev, line):
    from stacks.settings import SettingsError, load

    with pytest.raises(SettingsError, match=line):
        load(config_with(tmp_path, dev=dev), "dev")


def test_a_models_pipeline_and_versions_are_shown_in_its_project(tmp_path):
    from stacks.settings import load

    told = '\n[models.loan_approval.sagemaker_project]\nid = "p-abc123"\nname = "loans"\n'
    config = config_with(tmp_path, dev=told)
    app = new_app(tmp_path / "cdk.out")
    add_some(app, load(config, "dev"), "training")
    app.synth()
    name = f"{NAMES.model('loan_approval').training_stack}.template.json"
    template = Template(json.loads((tmp_path / "cdk.out" / name).read_text()))
    for kind in ("Pipeline", "ModelPackageGroup"):
        tags = template.only(f"AWS::SageMaker::{kind}")["Properties"]["Tags"]
        found = {each["Key"]: each["Value"] for each in tags}
        assert found["sagemaker:project-id"] == "p-abc123"
        assert found["sagemaker:project-name"] == "loans"


def test_a_project_is_named_by_both_its_id_and_its_name(tmp_path):
    from stacks.settings import SettingsError, load

    with pytest.raises(SettingsError, match="together with name"):
        load(config_with(tmp_path, dev='\n[models.loan_approval.sagemaker_project]\nid = "p-abc123"\n'), "dev")
