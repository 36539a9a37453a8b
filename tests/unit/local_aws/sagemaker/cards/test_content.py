"""The content of a card against AWS's schema, member by member, and what a card looks like as a PDF."""

from __future__ import annotations

import copy
import re
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest

from local_aws.core.api import ValidationException
from local_aws.sagemaker import model_cards_pdf, model_cards_schema

METRICS: list[dict[str, Any]] = [
    {"name": "auc", "type": "number", "value": 0.81234567, "notes": "on the test months"},
    {"name": "calibrated", "type": "boolean", "value": True},
    {"name": "confusion", "type": "matrix", "value": [[90, 10], [20, 80]], "x_axis_name": ["no", "yes"]},
    {"name": "shares", "type": "bar_chart", "value": [0.7, 0.3], "x_axis_name": ["Term", "GrAppv"]},
    {"name": "roc", "type": "linear_graph", "value": [[0, 0], [1, 1]], "x_axis_name": "fpr", "y_axis_name": "tpr"},
]
# Every section and member that the developer guide lists ("Model card JSON schema").
CONTENT: dict[str, Any] = {
    "model_overview": {
        "model_description": "Whether a loan is repaid.",
        "model_owner": "risk@example.com",
        "model_creator": "pipeline",
        "problem_type": "Binary classification",
        "algorithm_type": "XGBoost",
        "model_id": "loan-approval",
        "model_artifact": ["s3://b/model.tar.gz"],
        "model_name": "loan-approval",
        "model_version": 1,
        "inference_environment": {"container_image": ["xgboost:3.0-5"]},
    },
    "intended_uses": {
        "purpose_of_model": "Advice to a person who decides.",
        "intended_uses": "Loans of the 7(a) programme.",
        "factors_affecting_model_efficiency": "Years unlike those it was trained on.",
        "risk_rating": "High",
        "explanations_for_risk_rating": "It touches access to credit.",
    },
    "business_details": {"business_problem": "p", "business_stakeholders": "s", "line_of_business": "l"},
    "training_details": {
        "objective_function": {"function": {"function": "Maximize", "facet": "AUC", "condition": "c"}, "notes": "n"},
        "training_observations": "o",
        "training_job_details": {
            "training_arn": "arn:aws:sagemaker:eu-west-1:111122223333:training-job/train-1",
            "training_datasets": ["s3://b/train/"],
            "training_environment": {"container_image": ["xgboost:3.0-5"]},
            "training_metrics": [{"name": "auc", "value": 0.8, "notes": "n"}],
            "user_provided_training_metrics": [{"name": "gini", "value": 0.6}],
            "hyper_parameters": [{"name": "max_depth", "value": "6"}],
        },
    },
    "evaluation_details": [
        {
            "name": "test months",
            "evaluation_observation": "o",
            "evaluation_job_arn": "arn:aws:sagemaker:eu-west-1:111122223333:processing-job/evaluate-1",
            "datasets": ["s3://b/test/"],
            "metadata": {"Months": "12"},
            "metric_groups": [{"name": "quality", "metric_data": METRICS}],
        }
    ],
    "additional_information": {
        "ethical_considerations": "e",
        "caveats_and_recommendations": "c",
        "custom_details": {"Commit of the code": "abc"},
    },
}


def test_what_the_guide_lists_is_accepted():
    assert model_cards_schema.problems(CONTENT) == []


def changed(path: str, value: Any) -> dict[str, Any]:
    content = copy.deepcopy(CONTENT)
    place: Any = content
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in way:
        place = place[part]
    place[last] = value
    return content


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("model_overview.model_description", "x" * 1025, "$.model_overview.model_description: must be at most 1024"),
        ("intended_uses.purpose_of_model", "x" * 2049, "$.intended_uses.purpose_of_model: must be at most 2048"),
        ("model_overview.model_artifact", ["s3://b"] * 16, "$.model_overview.model_artifact: must have at most 15"),
        ("model_overview.model_version", 0, "$.model_overview.model_version: must be at least 1"),
        ("model_overview.model_version", "1", "$.model_overview.model_version: string found, number expected"),
        ("model_overview.model_version", True, "$.model_overview.model_version: boolean found, number expected"),
        ("model_overview.ModelName", "x", "$.model_overview.ModelName: is not defined in the schema"),
        ("intended_uses.risk_rating", "high", "$.intended_uses.risk_rating: does not have a value in the enumeration"),
        ("training_details.objective_function.function.function", "Most", "function: does not have a value"),
        ("evaluation_details.0", {"datasets": []}, "$.evaluation_details[0].name: is missing but it is required"),
        ("evaluation_details.0.name", "n" * 64, "$.evaluation_details[0].name: must match the pattern"),
        ("evaluation_details.0.datasets", ["d"] * 11, "$.evaluation_details[0].datasets: must have at most 10"),
        ("evaluation_details.0.metadata", {"k": 1}, "$.evaluation_details[0].metadata.k: number found, string"),
        ("evaluation_details.0.metric_groups.0.metric_data.2.value", [[]], "value[0]: must have at least 1 items"),
        ("evaluation_details.0.metric_groups.0.metric_data.0.type", "percentage", "type: does not have a value"),
        ("additional_information.custom_details.k", "x" * 1025, "custom_details.k: must be at most 1024"),
        ("evaluation_details", {}, "$.evaluation_details: object found, array expected"),
    ],
)
def test_what_the_schema_forbids_is_told_with_its_place(path, value, problem):
    [found] = model_cards_schema.problems(changed(path, value))
    assert problem in found


@pytest.mark.parametrize(("content", "message"), [("{", "not valid JSON"), ("[]", r"\$: array found, object expected")])
def test_a_card_is_not_made_of_something_else(call, content, message):
    with pytest.raises(ValidationException, match=message):
        call("CreateModelCard", ModelCardName="x", Content=content, ModelCardStatus="Draft")
    assert call("ListModelCards")["ModelCardSummaries"] == []


def test_a_templates_content_becomes_the_apis():
    given = {
        "ModelOverview": {"ModelName": "loans"},
        "EvaluationDetails": [{"Name": "n", "Metadata": {"OwnKey": "v"}, "MetricGroups": [{"XAxisName": ["a"]}]}],
        "AdditionalInformation": {"CustomDetails": {"CommitId": "abc"}},
    }
    assert model_cards_schema.from_template(given) == {
        "model_overview": {"model_name": "loans"},
        "evaluation_details": [{"name": "n", "metadata": {"OwnKey": "v"}, "metric_groups": [{"x_axis_name": ["a"]}]}],
        "additional_information": {"custom_details": {"CommitId": "abc"}},
    }


def pages(content: dict[str, Any], name: str = "loans-v1") -> list[str]:
    """The drawing commands of each page."""
    time = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
    card = {"ModelCardName": name, "ModelCardVersion": 2, "ModelCardStatus": "Approved"}
    pdf = model_cards_pdf.render({**card, "CreationTime": time, "LastModifiedTime": time}, content)
    start = int(pdf.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    assert pdf[start:].startswith(b"xref\n")
    for number, place in enumerate(re.findall(rb"(\d{10}) 00000 n", pdf[start:]), 1):
        assert pdf[int(place) :].startswith(b"%d 0 obj\n" % number)
    streams = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    return [zlib.decompress(stream).decode("cp1252") for stream in streams]


def texts(content: dict[str, Any], **more: Any) -> list[str]:
    return re.findall(r"\((.*)\) Tj", "\n".join(pages(content, **more)))


def test_a_pdf_shows_everything_that_the_card_says():
    shown = texts(CONTENT)
    for text in ("loans-v1", "Approved", "2026-11-21 12:30 UTC", "Intended uses", "Risk rating", "High", "max_depth"):
        assert text in shown
    assert "0.812346 (on the test months)".replace("(", r"\(").replace(")", r"\)") in shown
    for text in ("confusion", "Matrix", "90", "80", "Term", "0.7", "fpr", "tpr", "Commit of the code", "yes"):
        assert text.strip() in [each.strip() for each in shown]

    def leaves(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [leaf for inner in value.values() for leaf in leaves(inner)]
        if isinstance(value, list):
            return [leaf for inner in value for leaf in leaves(inner)]
        return [value] if isinstance(value, str) else []

    hidden = {"number", "boolean", "matrix", "bar_chart", "linear_graph"}  # types of metrics have words of their own
    together = " ".join(shown).replace("\\", "")
    assert [leaf for leaf in leaves(CONTENT) if leaf not in together and leaf not in hidden] == []


def test_long_texts_wrap_and_go_on_over_pages_that_are_numbered():
    description = " ".join(f"word{number}" for number in range(140))
    content = {"evaluation_details": [{"name": f"e{n}", "evaluation_observation": description} for n in range(8)]}
    found = pages(content)
    assert len(found) > 1
    for number, page in enumerate(found, 1):
        assert f"loans-v1, version 2   {number} / {len(found)}" in page
        places = [float(y) for y in re.findall(r"g [\d.]+ ([\d.]+) Td", page)]
        assert min(places) > 30
        assert max(places) < 842
    words = re.findall(r"word\d+", "\n".join(found))
    assert len(words) == 8 * 140


def test_no_line_is_wider_than_its_column():
    content = {"model_overview": {"model_description": "W" * 900, "model_owner": "a " * 500, "model_id": "—" * 300}}
    for text in texts(content):
        assert len(text) <= 100
        assert text.count("W") * 0.944 * 9.5 <= 333


def test_what_would_end_a_text_is_escaped_and_what_the_font_lacks_is_replaced():
    shown = texts({"model_overview": {"model_description": "a) b( c\\ “quoted” – ż ✓\ttab"}})
    assert r"a\) b\( c\\ “quoted” – z ? tab" in shown
