"""The model card of a version: what the manifest knows and what people wrote, in SageMaker's own schema. Pure.

Schema and limits: SageMaker developer guide, "Model cards", JSON schema; AWS::SageMaker::ModelCard (CloudFormation).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from state import Json

Status = Literal["Draft", "PendingReview", "Approved", "Archived"]

NAME_LIMIT = 63  # CreateModelCard: ModelCardName
CONTENT_LIMIT = 100_000  # CreateModelCard: Content
LINE, TEXT, NOTE = 1024, 2048, 255
NAME = 63
LISTED, DATASETS, HYPERPARAMETERS, METRICS = 15, 10, 100, 50
PERCENT = 100
MOST = (100, 20, 5, 0)
"""Figures of one group that a card shows: as many as leave it small enough; the reports have them all."""


class BadCard(Exception):
    """card.toml is not what it should be; the message says where."""


def name(base: str, version: int) -> str:
    """As mlops_constructs.naming has it: cut, with a hash of the whole, where it would be too long."""
    end = f"-v{version}"
    if len(base) + len(end) <= NAME_LIMIT:
        return f"{base}{end}"
    end = f"-{hashlib.sha256(base.encode()).hexdigest()[:8]}{end}"
    return f"{base[: NAME_LIMIT - len(end)].rstrip('-')}{end}"


def read(text: str) -> dict[str, dict[str, str]]:
    """card.toml as sections of texts. Raises BadCard."""
    import tomllib  # here, since most runs read no card, and a cold start would wait for it

    try:
        sections = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadCard(f"card.toml: {error}") from None
    for section, members in sections.items():
        if not isinstance(members, dict):
            raise BadCard(f"card.toml: {section} is no section: write [{section}] above its texts")
        for key, value in members.items():
            if not isinstance(value, str):
                raise BadCard(f"card.toml: [{section}] {key} is no text: put it between quotes")
    return sections


def status(manifest: Mapping[str, Any]) -> Status:
    """It follows the approval; a version that was rejected or retired needs no card that changes any more."""
    approval = manifest["approvals"][-1]["status"] if manifest["approvals"] else ""
    if manifest["retired"] is not None or approval == "Rejected":
        return "Archived"
    if approval == "Approved":
        return "Approved"
    pipeline = manifest["pipeline"]
    return "Draft" if pipeline and not pipeline["ended_at"] else "PendingReview"


def content(manifest: Mapping[str, Any], written: Mapping[str, Mapping[str, str]]) -> Json:
    """What the card says. It holds nothing of the card itself or of the revision, so that neither changes the other;
    and it has an order of its own, since the revisions' members are sorted.

    written: card.toml, by section.
    """
    card: Json = {}
    for most in MOST:
        card = _content(manifest, written, most)
        if len(serialized(card)) <= CONTENT_LIMIT:
            break
    return card


def serialized(card: Json) -> str:
    """As SageMaker takes it; it counts characters."""
    return json.dumps(card, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _content(manifest: Mapping[str, Any], written: Mapping[str, Mapping[str, str]], most: int) -> Json:
    """most: figures of one group."""
    evaluation = [*_evaluation(manifest), *_bias(manifest), *_explanation(manifest)]
    for group in (group for each in evaluation for group in each["metric_groups"]):
        group["metric_data"] = group["metric_data"][:most]
    sections = {
        "model_overview": _overview(manifest, written.get("overview", {})),
        "intended_uses": _uses(manifest, written),
        "training_details": _training(manifest, written.get("data", {})),
        "evaluation_details": [each for each in evaluation if most],
        "additional_information": _additional(manifest, written),
    }
    return {name: kept for name, section in sections.items() if (kept := _filled(section))}


def _overview(manifest: Mapping[str, Any], written: Mapping[str, str]) -> Json:
    artifact, images = manifest["artifact"], manifest["images"]
    return {
        "model_name": f"{manifest['model']} in {manifest['environment']}",
        "model_version": manifest["version"],
        "model_description": _cut(written.get("description"), LINE),
        "model_creator": _cut(written.get("creator"), LINE),
        "model_owner": _cut(manifest["governance"]["owner"], LINE),
        "problem_type": _cut(written.get("problem_type"), LINE),
        "model_artifact": [artifact["uri"]] if artifact else [],
        # SageMaker tells the digests of those that serve the version.
        "inference_environment": {"container_image": [each["uri"] for each in images if each["digest"]][:LISTED]},
    }


def _uses(manifest: Mapping[str, Any], written: Mapping[str, Mapping[str, str]]) -> Json:
    uses = written.get("intended_uses", {})
    scope = uses.get("out_of_scope")
    told = [uses.get("uses"), f"Out of scope: {scope}" if scope else None]
    return {
        "purpose_of_model": _cut(uses.get("purpose"), TEXT),
        "intended_uses": _cut("\n".join(each for each in told if each), TEXT),
        "factors_affecting_model_efficiency": _cut(uses.get("efficiency"), TEXT),
        "risk_rating": manifest["governance"]["risk_rating"],
        "explanations_for_risk_rating": _cut(written.get("risk", {}).get("explanation"), TEXT),
    }


def _training(manifest: Mapping[str, Any], written: Mapping[str, str]) -> Json:
    data, training = manifest["data"], manifest["training"]
    periods = data["periods"]
    told = [
        written.get("description"),
        _days(periods),
        f"Limits: {written['limits']}" if written.get("limits") else None,
    ]
    return {
        "training_observations": _cut("\n".join(each for each in told if each), LINE),
        "training_job_details": {
            "training_arn": training["job"],
            "training_datasets": _distinct(each["uri"] for each in data["inputs"])[:LISTED],
            "training_environment": {"container_image": _trained_in(manifest)[:LISTED]},
            "training_metrics": _metrics(dict(sorted(training["metrics"].items())))[:METRICS],
            "hyper_parameters": [
                {"name": key[:NOTE], "value": value[:NOTE]}
                for key, value in sorted(training["hyperparameters"].items())
                if value
            ][:HYPERPARAMETERS],
        }
        if training
        else {},
    }


def _days(periods: Mapping[str, str]) -> str | None:
    try:
        trained, tested = (f"{periods[f'{each}_from']} to {periods[f'{each}_to']}" for each in ("train", "test"))
    except KeyError:
        return None
    return f"Trained on {trained}, tested on {tested}."


def _trained_in(manifest: Mapping[str, Any]) -> list[str]:
    """Images of the steps that trained."""
    steps = manifest["pipeline"]["steps"] if manifest["pipeline"] else []
    trained = {each["name"] for each in steps if each["type"] in ("Training", "Tuning")}
    return [each["uri"] for each in manifest["images"] if trained & set(each["used_by"])]


def _evaluation(manifest: Mapping[str, Any]) -> list[Json]:
    if not manifest["metrics"]:
        return []
    return [_detail(manifest, "Quality on the test data", [("quality", dict(sorted(manifest["metrics"].items())))])]


def _bias(manifest: Mapping[str, Any]) -> list[Json]:
    """One entry, with a group of metrics for each value of each facet."""
    bias = manifest["bias"]
    if not bias or not bias["facets"]:
        return []
    groups = [
        (f"{facet} = {value}", dict(sorted(metrics.items())))
        for facet, values in sorted(bias["metrics"].items())
        for value, metrics in sorted(values.items())
    ]
    return [{**_detail(manifest, "Bias", groups), "metadata": {"report": bias["uri"]}}]


def _explanation(manifest: Mapping[str, Any]) -> list[Json]:
    """Shares in percent, since a share has many zeros."""
    explanations = manifest["explanations"]
    if not explanations or not explanations["shares"]:
        return []
    largest = sorted(explanations["shares"].items(), key=lambda each: (-each[1], each[0]))
    shares = {feature: round(PERCENT * share, 2) for feature, share in largest}
    group = [("percent of the mean absolute SHAP value", shares)]
    return [{**_detail(manifest, "Explanation", group), "metadata": {"report": explanations["uri"]}}]


def _detail(manifest: Mapping[str, Any], title: str, groups: Iterable[tuple[str, Mapping[str, float]]]) -> Json:
    return {
        "name": title,
        "datasets": _distinct(each["uri"] for each in manifest["data"]["inputs"])[:DATASETS],
        "metric_groups": [
            {"name": group[:NAME], "metric_data": [{**each, "type": "number"} for each in _metrics(metrics)]}
            for group, metrics in groups
        ],
    }


def _metrics(metrics: Mapping[str, float]) -> list[Json]:
    return [{"name": key[:NOTE], "value": value} for key, value in metrics.items()]


def _additional(manifest: Mapping[str, Any], written: Mapping[str, Mapping[str, str]]) -> Json:
    ethics, code, data = written.get("ethics", {}), manifest["code"], manifest["data"]
    bundle = (code or {}).get("bundle") or {}
    details = {
        "model_package": manifest["package"],
        "code_sha256": bundle.get("sha256"),
        "commit": (code or {}).get("commit"),
        "data_sha256": data["sha256"],
        "features": ", ".join(each["group"] for each in data["features"]),
        "made_in": (manifest["origin"] or {}).get("environment"),
        "review_days": str(manifest["governance"]["review_days"]),
    }
    return {
        "ethical_considerations": _cut(ethics.get("considerations"), TEXT),
        "caveats_and_recommendations": _cut(ethics.get("caveats"), TEXT),
        "custom_details": {key: _cut(value, LINE) for key, value in details.items() if value},
    }


def _filled(value: Any) -> Any:
    """Without what is empty, at any depth: the schema knows no null, and what nobody wrote is not said."""
    if isinstance(value, dict):
        kept = {key: _filled(held) for key, held in value.items()}
        return {key: held for key, held in kept.items() if held not in (None, "", [], {})}
    return [_filled(held) for held in value] if isinstance(value, list) else value


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value[:LINE] for value in values))


def _cut(text: str | None, limit: int) -> str | None:
    return text.strip()[:limit] if text else None
