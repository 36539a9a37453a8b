"""Model cards: every section on the page, metrics as tables, nothing unescaped, PDF from SageMaker's export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlops import cards
from mlops.__main__ import main
from tests.unit.mlops.evidenced import ARTIFACTS, Evidenced
from tests.unit.mlops.manifests import manifest
from tests.unit.monitoring.markup import Page

EVIL = "<b onclick=x>\"'&"
CONTENT: dict[str, Any] = {
    "model_overview": {
        "model_description": "Probability that a loan will be charged off.",
        "model_owner": "credit-risk@example.com",
        "model_artifact": ["s3://b/model.tar.gz"],
        "inference_environment": {"container_image": ["1.dkr.ecr/x:1"]},
    },
    "intended_uses": {
        "purpose_of_model": "Helps to decide on loans.",
        "intended_uses": "Small loans.\nNo others.",
        "risk_rating": "High",
        "explanations_for_risk_rating": "It decides who gets a loan.",
    },
    "business_details": {"business_problem": "Loans that fail."},
    "training_details": {
        "objective_function": {"function": {"function": "Maximize", "facet": "AUC"}, "notes": "validation"},
        "training_job_details": {
            "training_arn": "arn:job",
            "hyper_parameters": [{"name": "eta", "value": "0.05"}, {"name": "max_depth", "value": "4"}],
            "training_metrics": [{"name": "validation:auc", "value": 0.71}],
        },
    },
    "evaluation_details": [
        {
            "name": "Evaluation on the newest months",
            "evaluation_observation": "Better than version 2.",
            "datasets": ["s3://b/test/"],
            "metric_groups": [
                {
                    "name": "quality",
                    "metric_data": [
                        {"name": "auc", "type": "number", "value": 0.69219, "notes": "test months"},
                        {"name": "passed", "type": "boolean", "value": True},
                        {"name": "confusion", "type": "matrix", "value": [[800, 20], [90, 110]],
                         "x_axis_name": ["paid", "failed"], "y_axis_name": ["said paid", "said failed"]},
                        {"name": "roc", "type": "linear_graph", "value": [[0.0, 0.0], [0.25, 0.625]],
                         "x_axis_name": "false positives", "y_axis_name": "true positives"},
                        {"name": "attribution", "type": "bar_chart", "value": [0.41, 0.2],
                         "x_axis_name": ["Term", "GrAppv"]},
                    ],
                }
            ],
        }
    ],
    "additional_information": {
        "ethical_considerations": "People without a history.",
        "caveats_and_recommendations": "Not for large loans.",
        "custom_details": {"Periods": "2000 to 2002"},
    },
    "something_new": {"unheard_of": "kept"},
}  # fmt: skip


def card(**more: Any) -> dict[str, Any]:
    return {
        "ModelCardName": "mlops-local-loan-approval-v3",
        "ModelCardArn": "arn:card",
        "ModelCardVersion": 2,
        "ModelCardStatus": "PendingReview",
        "Content": CONTENT,
    } | more


def test_every_word_of_the_card_is_on_the_page() -> None:
    text = Page(cards.html(card())).text

    def said(part: Any) -> None:
        if isinstance(part, dict):
            for value in part.values():
                said(value)
        elif isinstance(part, list):
            for value in part:
                said(value)
        elif isinstance(part, str) and part not in ("number", "boolean", "matrix", "linear_graph", "bar_chart"):
            assert part in text

    said(CONTENT)
    for heading in ("Model overview", "Intended uses", "Training details", "Evaluation details", "Something new"):
        assert heading in text
    assert "pending review" in text
    assert text.index("Additional information") < text.index("Something new")


def test_metrics_are_tables_by_their_type() -> None:
    page = Page(cards.html(card()))
    for number in ("0.69219", "yes", "800", "110", "0.625", "0.41"):
        assert number in page.text
    assert page.count("table") == 6  # hyperparameters, training metrics; single values, matrix, graph, bars


def test_names_and_values_are_escaped() -> None:
    def evil(part: Any) -> Any:
        if isinstance(part, dict):
            return {EVIL + name if name not in ("metric_groups", "metric_data", "value", "type", "name") else name:
                    evil(value) for name, value in part.items()}  # fmt: skip
        if isinstance(part, list):
            return [evil(each) for each in part]
        return EVIL if isinstance(part, str) and part not in ("matrix", "linear_graph") else part

    content = {name: evil(value) for name, value in CONTENT.items()} | {EVIL: EVIL}
    assert Page(cards.html(card(Content=content, ModelCardName=EVIL, ModelCardStatus=EVIL))).count("b") == 0


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"evaluation_details": []},
        {"evaluation_details": [{"name": "x", "metric_groups": [{"name": "y", "metric_data": []}]}]},
        {"evaluation_details": [{"name": "x", "metric_groups": [{"name": "y", "metric_data": [
            {"name": "m", "type": "matrix", "value": []}, {"name": "b", "type": "bar_chart", "value": [1.0, 2.0]}]}]}]},
        {"model_overview": "just a text"},
    ],
)  # fmt: skip
def test_a_card_with_little_in_it_is_shown_too(content: dict[str, Any]) -> None:
    Page(cards.html(card(Content=content)))
    assert cards.lines(card(Content={}))[0].endswith("version 2: pending review")


def test_the_command_tells_what_matters_most(evidenced: Evidenced, capsys: pytest.CaptureFixture[str]) -> None:
    evidenced.card(3, CONTENT)
    assert main(["card", "3"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "mlops-local-loan-approval-v3, version 3: approved",
        "  purpose   Helps to decide on loans.",
        "  uses      Small loans. No others.",
        "  owner     credit-risk@example.com",
        "  risk      High",
        "  metrics   auc 0.69219, passed yes",
        "  caveats   Not for large loans.",
    ]


def test_figures_that_are_asked_for_first_are_told_first() -> None:
    names = ("accuracy", "accuracy_best_constant_classifier", "auc", "f1")
    metrics = [{"name": name, "type": "number", "value": 0.5} for name in names]
    content = {"evaluation_details": [{"metric_groups": [{"metric_data": metrics}]}]}
    told = cards.lines({"ModelCardName": "x", "ModelCardVersion": 1, "ModelCardStatus": "Draft", "Content": content})
    assert told[1] == "  metrics   auc 0.5, accuracy 0.5, f1 0.5, accuracy_best_constant_classifier 0.5"


def test_the_card_of_the_manifest_is_taken_and_saved_as_a_page(
    evidenced: Evidenced, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    evidenced.card(12, CONTENT)
    evidenced.keep(manifest(3, card={"name": "mlops-local-loan-approval-v12"}))
    assert main(["card", "3", "--html", str(tmp_path / "card.html"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["card"]["Content"] == CONTENT
    assert "Helps to decide" in Page((tmp_path / "card.html").read_text()).text


def test_the_pdf_is_exported_and_fetched(evidenced: Evidenced, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cards, "POLL_SECONDS", 0.0)
    evidenced.card(3, CONTENT)
    evidenced.sagemaker.export_status = ["InProgress", "Completed"]
    create = evidenced.sagemaker.create_model_card_export_job

    def exported(**request: Any) -> dict[str, str]:
        folder = f"loan_approval/model-cards/version-3/{request['ModelCardExportJobName']}"
        evidenced.s3.put_object(Bucket=ARTIFACTS, Key=f"{folder}/card.pdf", Body=b"%PDF-1.7 it")
        return create(**request)

    monkeypatch.setattr(evidenced.sagemaker, "create_model_card_export_job", exported)
    assert main(["card", "3", "--pdf", str(tmp_path / "card.pdf")]) == 0
    assert (tmp_path / "card.pdf").read_bytes() == b"%PDF-1.7 it"
    (request,) = evidenced.sagemaker.exports
    assert request["ModelCardVersion"] == 3
    assert len(request["ModelCardExportJobName"]) <= 63
    assert request["OutputConfig"] == {"S3OutputPath": f"s3://{ARTIFACTS}/loan_approval/model-cards/version-3"}


def test_an_export_that_fails_says_why(
    evidenced: Evidenced, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    evidenced.card(3, CONTENT)
    evidenced.sagemaker.export_status = ["Failed"]
    assert main(["card", "3", "--pdf", str(tmp_path / "card.pdf")]) == 1
    assert "Failed: no" in capsys.readouterr().err
    assert not (tmp_path / "card.pdf").exists()


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_card_that_is_none_is_refused(evidenced: Evidenced, content: str) -> None:
    evidenced.card(3, {})
    evidenced.sagemaker.cards["mlops-local-loan-approval-v3"]["Content"] = content
    assert main(["card", "3"]) == 1


def test_a_version_without_a_card_says_who_makes_it(evidenced: Evidenced, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "3"]) == 1
    assert "does not exist; the record keeper makes it at registration" in capsys.readouterr().err
