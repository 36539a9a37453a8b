"""What the configuration lets the release controller do, as the text that its function reads."""

import json

from mlops_constructs.release_settings import ReleaseSettings


def policy_json(settings: ReleaseSettings, *, environment: str, enabled: bool) -> str:
    """The function's variable POLICY (lambdas/release_controller/policy.py: Policy), as short as JSON can be.

    Evidence of passed tests is kept with the version itself, under a key that names the environment.
    """
    policy = {
        "enabled": enabled,
        "stages": settings.stages,
        "experiment": settings.experiment.model_dump(),
        "metric": settings.metric.model_dump(),
        "evidence": [evidence_key(each) for each in settings.requires],
        "second_person": settings.second_person,
        "tests": settings.tests,
        "evidence_key": evidence_key(environment),
        "keep_versions": settings.keep_versions,
    }
    return json.dumps(policy, separators=(",", ":"), ensure_ascii=False)


def evidence_key(environment: str) -> str:
    """The key of a version's metadata that says whether it passed the tests of `environment`."""
    return f"{environment}-tests"
