"""The same applicant meets the same variant: for callers of an endpoint that want an experiment to be sticky.

SageMaker draws a variant anew for every request. A caller that names one in TargetVariant decides itself; here by
a hash of the applicant's id, so that no list of assignments has to be kept, and every process decides alike.

Standard library only, with boto3 clients passed in: copy this file to where the callers are.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Variant = Literal["champion", "challenger"]

_NEVER = float("-inf")
_log = logging.getLogger(__name__)


def variant_for(applicant_id: str, weights: Mapping[str, float], salt: str) -> Variant:
    """The variant of an applicant, given the variants' weights.

    Monotone: while the challenger's share grows, applicants move to it and none moves back. `salt` makes
    experiments independent of each other: with another one, other applicants are the first to meet a challenger.
    """
    return "challenger" if position(applicant_id, salt) < _share(weights) else "champion"


def position(applicant_id: str, salt: str) -> float:
    """Where an applicant stands between 0 (included) and 1 (excluded): uniform over applicants, fixed for each."""
    digest = hashlib.sha256(f"{len(salt)}:{salt}:{applicant_id}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / (1 << 53)  # as many bits as a float can hold


def _share(weights: Mapping[str, float]) -> float:
    total = sum(weights.values())
    return weights.get("challenger", 0.0) / total if total else 0.0


@dataclass(frozen=True)
class _Routing:
    """What DescribeEndpoint said, and when it is asked again."""

    weights: Mapping[str, float]
    salt: str
    until: float


class StickyEndpoint:
    """Invokes an endpoint so that each applicant stays with a variant while an experiment runs.

    It does so where the configuration asks for it: an endpoint whose tag `assignment` says "random" draws itself.

    sagemaker, runtime: boto3 clients "sagemaker" and "sagemaker-runtime". The weights are read at most once every
    `refresh_seconds`, by one thread. salt: by default the endpoint configuration's name, which is the same
    throughout an experiment and another one in the next.
    """

    def __init__(
        self,
        sagemaker: Any,
        runtime: Any,
        endpoint: str,
        refresh_seconds: float = 60,
        salt: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sagemaker, self._runtime, self._endpoint = sagemaker, runtime, endpoint
        self._refresh_seconds, self._salt, self._clock = refresh_seconds, salt, clock
        self._routing = _Routing({}, "", until=_NEVER)
        self._reading = threading.Lock()

    def invoke(self, applicant_id: str, **invoke_arguments: Any) -> dict[str, Any]:
        """InvokeEndpoint's answer for this applicant; `invoke_arguments` are its own, such as Body and InferenceId.

        Without a challenger that has a share, SageMaker routes as it always does. So it does once more, instead of
        failing, when the challenger has just gone. Whatever else InvokeEndpoint raises is raised.
        """
        variant = self.variant(applicant_id)
        arguments = {**invoke_arguments, "EndpointName": self._endpoint}
        if variant is None:
            return self._invoke(arguments)
        try:
            return self._invoke({**arguments, "TargetVariant": variant})
        except self._runtime.exceptions.ValidationError:
            _log.info("endpoint %s: variant %s has gone", self._endpoint, variant)
            self._routing = _Routing({}, "", until=_NEVER)
            return self._invoke(arguments)

    def variant(self, applicant_id: str) -> Variant | None:
        """Whom this applicant meets; None where there is nothing to choose."""
        routing = self._current()
        return variant_for(applicant_id, routing.weights, routing.salt) if _share(routing.weights) > 0 else None

    def _invoke(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._runtime.invoke_endpoint(**arguments)
        return answer

    def _current(self) -> _Routing:
        """The routing as last read; read anew when its time is over, while other threads go on with the old one.

        Only the first time do they wait: there is no old one.
        """
        if self._clock() < self._routing.until:
            return self._routing
        if self._reading.acquire(blocking=self._routing.until == _NEVER):
            try:
                if self._clock() >= self._routing.until:
                    self._routing = self._read()
            except Exception:  # no application stays without an answer because the weights cannot be read
                _log.warning("endpoint %s: its weights cannot be read", self._endpoint, exc_info=True)
                self._routing = replace(self._routing, until=self._clock() + self._refresh_seconds)
            finally:
                self._reading.release()
        return self._routing

    def _read(self) -> _Routing:
        found = self._sagemaker.describe_endpoint(EndpointName=self._endpoint)
        tags = self._sagemaker.list_tags(ResourceArn=found["EndpointArn"])["Tags"]
        if {"Key": "assignment", "Value": "random"} in tags:
            return _Routing({}, "", self._clock() + self._refresh_seconds)
        weights = {
            variant["VariantName"]: float(variant.get("CurrentWeight", 0.0))
            for variant in found.get("ProductionVariants", [])
        }
        salt = found.get("EndpointConfigName", "") if self._salt is None else self._salt
        return _Routing(weights, salt, self._clock() + self._refresh_seconds)
