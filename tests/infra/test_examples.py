"""The examples as a team starts from them: copied under a name of its own, they synthesise without a finding."""

import json
import shutil
import tarfile

import pytest

from mlops.new_model import like, make
from tests.infra.environments import ROOT, flat, new_app, synthesize

NAME = "letter_routing"


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A project with the example in it, and its templates in `dev`, with what all packs and the house rules say."""
    from stacks.environment import add_stacks
    from stacks.settings import load

    root = tmp_path_factory.mktemp("example")
    shutil.copytree(ROOT / "config", root / "config")
    make.make(root, like.plan(root, NAME, "finetune"))
    settings = load(root / "config", "dev")
    settings = settings.model_copy(update={"models": {NAME: settings.models[NAME]}})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root / "pipeline_code"))
        app = new_app(root / "cdk.out")
        add_stacks(app, settings, code_root=root / "pipeline_code")
        return root / "cdk.out", synthesize(app, settings)


@pytest.fixture(scope="module")
def steps(copied):
    template = json.loads((copied[0] / "mlops-dev-letter-routing-training.template.json").read_text())
    (pipeline,) = (each for each in template["Resources"].values() if each["Type"] == "AWS::SageMaker::Pipeline")
    body = json.loads(flat(pipeline["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]))
    return {each["Name"]: each for each in body["Steps"]} | {"parameters": body["Parameters"]}


def test_no_rule_finds_anything_in_its_templates(copied):
    assert copied[1]["found"] == {}


def test_nothing_is_called_as_in_the_example(copied):
    kept = [path.name for path in copied[0].glob("*.json") if "message_routing" in path.read_text()]
    assert kept == []


def test_it_learns_on_a_gpu_without_a_network_from_a_base_model_in_the_data_bucket(steps):
    job = steps["FineTune"]["Arguments"]
    assert "/huggingface-pytorch-training:" in job["AlgorithmSpecification"]["TrainingImage"]
    assert "-gpu-" in job["AlgorithmSpecification"]["TrainingImage"]
    assert job["EnableNetworkIsolation"] is True
    channels = {each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"] for each in job["InputDataConfig"]}
    assert channels["base"] == {"Get": "Parameters.BaseModelUri"}
    defaults = {each["Name"]: each.get("DefaultValue") for each in steps["parameters"]}
    assert defaults["BaseModelUri"].endswith(f"/{NAME}/base/")
    assert defaults["TrainingInstanceType"] == "ml.g5.xlarge"
    # Its disks are encrypted by the hardware; naming a key would be refused.
    assert "VolumeKmsKeyId" not in job["ResourceConfig"]


def test_all_else_and_the_endpoint_run_on_processors(steps):
    images = {
        step: steps[step]["Arguments"]["AppSpecification"]["ImageUri"]
        for step in ("ValidateData", "EvaluateModel", "GateModel")
    }
    served = steps["RegisterModel"]["Arguments"]["InferenceSpecification"]["Containers"][0]["Image"]
    assert {*images.values(), served} == {served}
    assert "/huggingface-pytorch-inference:" in served
    assert "-cpu-" in served


def test_a_version_is_registered_only_after_the_gate_and_names_its_base_model(steps):
    register = steps["RegisterModel"]
    assert register["DependsOn"] == ["GateModel"]
    noted = register["Arguments"]["CustomerMetadataProperties"]
    assert noted["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert {"base_sha256", "base_accuracy", "test_accuracy", "test_auc", "data_sha256", "code_sha256"} <= set(noted)


def test_its_code_holds_the_steps_that_the_definition_runs(copied, steps):
    names = set()
    for path in copied[0].rglob("asset.*.tar.gz"):
        with tarfile.open(path) as archive:
            names |= set(archive.getnames())
    assert {f"{NAME}/steps/{step}.py" for step in ("validate", "train", "evaluate", "gate")} <= names
    assert {"train.py", "inference.py", f"{NAME}/lora.py"} <= names
