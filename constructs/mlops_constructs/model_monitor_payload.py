"""What a model's folder says of its requests and answers to Model Monitor and Clarify, which cannot run its code."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlops_constructs import shipped
from mlops_constructs.errors import ConstructError, SettingRefusedError
from mlops_constructs.naming import ModelNames

FILE = "model_monitor.py"
PROBLEMS = ("BinaryClassification", "MulticlassClassification", "Regression")
ATTRIBUTE_LIMIT = 256
"""Of an expression that finds features or predictions (template reference: ModelBiasJobDefinition, EndpointInput)."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Payload:
    """`PAYLOAD` of `pipeline_code/<model>/model_monitor.py`.

    features: of a request. looked_up: those that the model finds itself, and tells with a prediction. instances,
    predictions: members of a JSON request and response that hold the rows. fields: of a prediction, in the order of a
    line of CSV. probability, decision, version: which of the fields are what. favourable: the decision that people
    hope for. positive: the outcome that counts as label 1. threshold: the probability above which Clarify takes label
    1 as predicted.
    """

    problem_type: str
    features: tuple[str, ...]
    instances: str
    predictions: str
    fields: tuple[str, ...]
    probability: str
    decision: str
    version: str
    favourable: str
    positive: str
    threshold: float
    looked_up: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.problem_type not in PROBLEMS:
            raise ConstructError(f"{FILE}: problem_type {self.problem_type!r}: use {', '.join(PROBLEMS)}")
        if absent := [name for name in (self.probability, self.decision, self.version) if name not in self.fields]:
            raise ConstructError(f"{FILE}: fields have no {', '.join(absent)}: name every field of a prediction")
        if len(self.features_attribute) > ATTRIBUTE_LIMIT:
            raise ConstructError(
                f"{FILE}: the expression that finds the features has {len(self.features_attribute)} characters, AWS "
                f"allows {ATTRIBUTE_LIMIT}: Clarify cannot watch a model with so many or so long names of inputs"
            )

    @property
    def features_attribute(self) -> str:
        """JMESPath of the rows of a request, each as a list in the order of the features."""
        return f"{_quoted(self.instances)}[*].[{','.join(_quoted(name) for name in self.features)}]"

    @property
    def probability_attribute(self) -> str:
        return f"{_quoted(self.predictions)}[*].{_quoted(self.probability)}"

    def text(self) -> str:
        """As JSON, as short as it can be."""
        return json.dumps(asdict(self), separators=(",", ":"))


def load(code_root: Path, names: ModelNames) -> Payload:
    """Raises SettingRefusedError where the model's folder says nothing, ConstructError for what is wrong in it."""
    place = f"{code_root.name}/{names.folder}/{FILE}"
    if not (code_root / names.folder / FILE).is_file():
        key = f"models.{names.folder}.monitoring.engine"
        raise SettingRefusedError(key, "model-monitor", f'"pipeline", or {place} must be there')
    given: dict[str, Any] = shipped.load(code_root, f"{names.folder}.{Path(FILE).stem}").PAYLOAD
    try:
        lists = {name: tuple(given[name]) for name in ("features", "fields")}
        return Payload(**{**given, **lists, "looked_up": tuple(given.get("looked_up", ()))})
    except (KeyError, TypeError) as error:
        raise ConstructError(f"{place}: {error}") from None


def _quoted(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else json.dumps(name)
