"""The gate with limits: what is broken refuses a model, whatever else is good about it."""

import json

import pytest

from monitoring.limits import Limits
from monitoring.steps import job
from tabular import gate
from tabular.gate import Rule, decide

AREA = {"value": 0.8, "standard_error": 0.02, "lower": 0.76, "upper": 0.84}
EVALUATION = {"auc": AREA, "champion": None}
LIMITS = '{"bias":{"DI":[0.8,1.25]},"max_attribution_share":0.5}'


def bias(value):
    metrics = [{"name": "DI", "description": "Disparate Impact (DI)", "value": value}]
    facets = {"afam": [{"value_or_threshold": "yes", "metrics": metrics}]}
    return {"version": "1.0", "post_training_bias_metrics": {"facets": facets}}


def explanation(first, second):
    return {"explanations": {"kernel_shap": {"label0": {"global_shap_values": {"pirat": first, "chist": second}}}}}


@pytest.fixture
def base(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    return tmp_path


def run(base, *arguments, **documents):
    for name, document in {"evaluation": EVALUATION, **documents}.items():
        folder = base / "processing" / "input" / name
        folder.mkdir(parents=True)
        file = "evaluation.json" if name == "evaluation" else "analysis.json"
        (folder / file).write_text(json.dumps(document))
    gate.main(["--min-auc", "0.65", *arguments])


def written(base):
    return json.loads((base / "processing/output/gate/gate.json").read_text())


def test_a_good_model_outside_of_a_limit_is_refused(base):
    with pytest.raises(job.StepError) as refused:
        run(base, "--limits", LIMITS, bias=bias(0.79), explainability=explanation(1, 1))
    assert str(refused.value) == "gate failed: DI of afam=yes is 0.7900, not within the limits 0.8 to 1.25"
    (broken,) = written(base)["broken"]
    assert {key: broken[key] for key in ("metric", "subject", "value", "lowest", "highest")} == {
        "metric": "DI",
        "subject": "afam=yes",
        "value": 0.79,
        "lowest": 0.8,
        "highest": 1.25,
    }


def test_every_reason_against_is_told(base):
    with pytest.raises(job.StepError, match=r"below the minimum 0.9; DI of afam=yes is undefined.*; attribution share"):
        run(base, "--min-auc", "0.9", "--limits", LIMITS, bias=bias(None), explainability=explanation(3, 1))
    assert written(base)["passed"] is False


def test_a_model_within_its_limits_passes_with_them_among_the_reasons(base, capsys):
    run(base, "--limits", LIMITS, bias=bias(0.8), explainability=explanation(1, 1))
    assert written(base)["passed"] is True
    assert written(base)["broken"] == []
    assert "DI of afam=yes is 0.8000, within the limits 0.8 to 1.25; attribution share" in capsys.readouterr().out


def test_without_limits_no_analysis_is_needed(base):
    run(base)
    assert written(base)["reasons"] == ["AUC 0.8000 (95 % interval 0.7600 to 0.8400) is at least the minimum 0.65"]


def test_limits_that_cannot_be_judged_end_the_step_with_their_words(base):
    with pytest.raises(job.StepError, match="gate: bias DI: not in the analysis, which has none"):
        run(base, "--limits", LIMITS)
    assert not (base / "processing/output/gate/gate.json").exists()


def test_what_are_no_limits_ends_the_step(base):
    with pytest.raises(job.StepError, match="none of Clarify's metrics"):
        run(base, "--limits", '{"bias": {"FAIRNESS": [0, 1]}}')


def test_limits_are_judged_besides_the_champion():
    champion = {"version": "3", "auc_difference": {"value": -0.2, "standard_error": 0.01}}
    rule = Rule(0.65, 0.01, 0.95, Limits.read(LIMITS))
    verdict = decide({**EVALUATION, "champion": champion}, rule, bias(0.5), explanation(1, 1))
    assert len(verdict.reasons) == 2
    assert [each.metric for each in verdict.broken] == ["DI"]
