"""A version's baselines in the places that its job definitions name, and what Clarify and the script are told. Pure.

Job definitions name every document by its address when they are made; where a version's baselines lie is known to the
registry alone. So each version has a folder of its own: copies of its baselines, Clarify's two configurations, and the
script that reads captured records, which is told which version's answers count.

Formats: SageMaker developer guide, "Parameters to Monitor Bias Drift" and "... Attribution Drift".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from settings import Payload

DATA, QUALITY, BIAS, EXPLAINABILITY = "DataQuality", "ModelQuality", "ModelBias", "ModelExplainability"

FILES: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    DATA: (
        ("data-quality/statistics.json", "ModelDataQuality", "Statistics"),
        ("data-quality/constraints.json", "ModelDataQuality", "Constraints"),
    ),
    QUALITY: (("model-quality/constraints.json", "ModelQuality", "Constraints"),),
    BIAS: (("bias/constraints.json", "Bias", "PostTrainingConstraints"),),
    EXPLAINABILITY: (("explainability/constraints.json", "Explainability", "Constraints"),),
}
"""By monitoring type: the copy's place, and the member of DriftCheckBaselines that says where the original is."""

BIAS_CONFIG, EXPLAINABILITY_CONFIG = "bias/analysis_config.json", "explainability/analysis_config.json"
SCRIPT = "record_preprocessor.py"
PUBLISHED = "published.json"
"""Written last: what the folder was made of. A folder without it is not complete."""

SHAP_SAMPLES = 100
"""Synthetic rows for each explained one. With Clarify's own choice an hour of traffic takes longer than an hour."""

_SETTINGS = "SETTINGS: Dict[str, Any] = {}"
"""The line of the script that is replaced."""
_NEGATIVE = "0"
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class NoBaseline(Exception):
    """A monitor has nothing to compare with; the text says why. It is skipped, and that is counted."""


@dataclass(frozen=True)
class Published:
    """What a version's folder was made of: if any of it changes, the folder is made anew. missing: by type, why."""

    package: str
    model: str
    script: str
    payload: str
    missing: Mapping[str, str]

    @classmethod
    def read(cls, document: object) -> Published | None:
        try:
            return cls(**document) if isinstance(document, dict) else None
        except TypeError:
            return None

    def document(self) -> dict[str, Any]:
        return asdict(self)

    def is_made_of(self, package: str, model: str, script: str, payload: str) -> bool:
        return (self.package, self.model, self.script, self.payload) == (package, model, script, payload)


def sources(package: Mapping[str, Any], kind: str) -> list[tuple[str, str]]:
    """Places of the copies and addresses of the originals; raises NoBaseline if the version came without one."""
    checks = package.get("DriftCheckBaselines", {})
    found = []
    for place, group, member in FILES[kind]:
        uri = checks.get(group, {}).get(member, {}).get("S3Uri")
        if not uri:
            raise NoBaseline(f"the version was registered without {group}.{member}")
        found.append((place, str(uri)))
    return found


def bias_config(payload: Payload, constraints: Mapping[str, Any]) -> dict[str, Any]:
    """The facets are those of the version's own baseline; outcomes are its labels."""
    facets = constraints.get("post_training_bias_metrics", {}).get("facets", {})
    chosen = [
        {"name_or_index": name, "value_or_threshold": [_typed(value) for value in values]}
        for name, groups in facets.items()
        if (values := [part for group in groups for part in str(group["value_or_threshold"]).split(",")])
    ]
    if not chosen:
        raise NoBaseline("the version's bias baseline names no facets")
    hoped_for = payload.positive if payload.favourable == payload.positive else _NEGATIVE
    return {
        "version": "1.0",
        "headers": [*payload.features, "outcome"],
        "label": "outcome",
        "label_values_or_threshold": [_typed(hoped_for)],
        "facet": chosen,
    }


def explainability_config(payload: Payload, model: str, instance_type: str, endpoint_prefix: str) -> dict[str, Any]:
    """model: name of the SageMaker model behind the champion. It answers on an endpoint that Clarify starts for it."""
    if not model:
        raise NoBaseline("the endpoint has no champion whose model could be asked")
    return {
        "version": "1.0",
        "headers": list(payload.features),
        "methods": {
            "shap": {
                "num_samples": SHAP_SAMPLES,
                "agg_method": "mean_abs",
                "use_logit": True,
                "save_local_shap_values": False,
            }
        },
        "predictor": {
            "model_name": model,
            "instance_type": instance_type,
            "initial_instance_count": 1,
            "endpoint_name_prefix": endpoint_prefix,
            "content_type": "application/json",
            "accept_type": "application/json",
            "content_template": f'{{"{payload.instances}": $records}}',
            "record_template": "$features_kvp",
        },
    }


def comparable(constraints: Mapping[str, Any], features: Sequence[str]) -> dict[str, Any]:
    """Attributions of the features that requests hold: Clarify knows no others, such as those a model derives.

    Raises NoBaseline where there are not two of them, which it takes to have an order.
    """
    methods: dict[str, dict[str, Any]] = {}
    for method, labels in constraints.get("explanations", {}).items():
        methods[method] = {}
        for label, explained in labels.items():
            shap = explained.get("global_shap_values", {})
            kept = {name: shap[name] for name in features if name in shap}
            if len(kept) < 2:
                raise NoBaseline("the version's attributions are of other features than its requests hold")
            methods[method][label] = {"global_shap_values": kept}
    if not methods:
        raise NoBaseline("the version's attribution baseline explains nothing")
    return {"version": "1.0", "explanations": methods}


def script(text: str, payload: Payload, version: str) -> str:
    """The script with its settings; raises ValueError if it has not the line for them."""
    if text.count(_SETTINGS) != 1:
        raise ValueError(f"{SCRIPT}: expected one line {_SETTINGS!r}")
    given = json.dumps({**asdict(payload), "champion": version}, sort_keys=True)
    return text.replace(_SETTINGS, f"SETTINGS: Dict[str, Any] = json.loads({given!r})")


def _typed(text: str) -> int | float | str:
    """Numbers as numbers, as the captured JSON has them."""
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)
