"""What child processes, jobs and serving containers, see of the AWS they run in."""

from __future__ import annotations

import os

from local_aws import clients, permissions
from local_aws.core.api import Context


def environment(ctx: Context, role: str | None = None) -> dict[str, str]:
    """An ordinary SDK configuration that points at this server, and nothing else of the server's environment.

    role: ARN of the role that the child acts as; without one, as the account's root. The region stands in AWS_REGION
    alone, as in SageMaker's containers: boto3 reads AWS_DEFAULT_REGION.
    """
    return {
        "AWS_ENDPOINT_URL": clients.url(),
        "AWS_REGION": ctx.region,
        "AWS_ACCESS_KEY_ID": ctx.account,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        **permissions.credentials(role, "SageMaker"),
    }
