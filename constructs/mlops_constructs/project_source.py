"""The repository that a build clones and pushes a branch to: its address, and what it takes to use it."""

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from mlops_constructs.access import allow
from mlops_constructs.delivery_settings import CodeCommitSource, ConnectionSource

BRANCHES = "new-model"
"""Branches of new models begin so."""

_USE = ("codeconnections:UseConnection", "codestar-connections:UseConnection")
# A connection's own permissions are finer than the action (developer tools console guide: UseConnection).
_REPOSITORY = ("codeconnections:FullRepositoryId", "codestar-connections:FullRepositoryId")


@dataclass(frozen=True)
class ProjectSource:
    """Git over HTTPS, with credentials that AWS's helper makes of the build's role: no token is kept anywhere."""

    stack: cdk.Stack
    settings: ConnectionSource | CodeCommitSource

    @property
    def url(self) -> str:
        if isinstance(self.settings, CodeCommitSource):
            host = f"git-codecommit.{self.stack.region}.{self.stack.url_suffix}"
            return f"https://{host}/v1/repos/{self.settings.repository}"
        # Of the connection's own account and region (developer tools console guide: git-http of a connection).
        _, _, service, region, account, connection = self.settings.connection.split(":", 5)
        path = f"{account}/{region}/{connection.partition('/')[2]}/{self.settings.repository}.git"
        return f"https://{service}.{region}.{self.stack.url_suffix}/git-http/{path}"

    @property
    def pull_requests_in(self) -> str:
        """The repository of CodeCommit in which a pull request is opened; "" elsewhere, where people do it."""
        return self.settings.repository if isinstance(self.settings, CodeCommitSource) else ""

    def grant(self, role: iam.Role) -> None:
        """Let `role` read the repository, and push to branches of new models."""
        if isinstance(self.settings, CodeCommitSource):
            self._grant_repository(role, self.settings.repository)
            return
        for action, key in zip(_USE, _REPOSITORY, strict=True):
            only = {"StringEquals": {key: self.settings.repository}}
            allow(role, [action], [self.settings.connection], conditions=only)

    def _grant_repository(self, role: iam.Role, name: str) -> None:
        repository = self.stack.format_arn(service="codecommit", resource=name)
        allow(role, ["codecommit:GitPull", "codecommit:GitPush", "codecommit:CreatePullRequest"], [repository])
        # Only what names a branch is asked: the first request of a push names none (CodeCommit's user guide: limit
        # pushes to branches).
        elsewhere = {
            "StringNotLike": {"codecommit:References": [f"refs/heads/{BRANCHES}/*"]},
            "Null": {"codecommit:References": "false"},
        }
        role.add_to_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY, actions=["codecommit:GitPush"], resources=[repository], conditions=elsewhere
            )
        )
