"""Where jobs in a private network get Python packages from that their image lacks: CodeArtifact, which asks PyPI."""

import aws_cdk as cdk
from aws_cdk import aws_codeartifact as codeartifact
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from mlops_constructs.access import NO_RESOURCE, allow
from mlops_constructs.naming import EnvironmentNames

UPSTREAM = "public:pypi"


class PackageRepository(Construct):
    """One repository, which keeps what was once taken; CodeArtifact reaches PyPI, and nothing in the VPC does."""

    def __init__(self, scope: Construct, construct_id: str, *, names: EnvironmentNames, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        domain = codeartifact.CfnDomain(self, "Domain", domain_name=names.package_domain, encryption_key=key.key_arn)
        repository = codeartifact.CfnRepository(
            self,
            "Repository",
            domain_name=domain.attr_name,
            repository_name=names.base,
            description=f"Python packages of the jobs of {names.base}",
            external_connections=[UPSTREAM],
        )
        self.address = f"{names.package_domain}/{stack.account}/{names.base}"
        """Domain, its owner and repository, for the variable PACKAGE_REPOSITORY (monitoring/packages.py)."""
        self.readers = self._build_policy(domain, repository)

    def _build_policy(
        self, domain: codeartifact.CfnDomain, repository: codeartifact.CfnRepository
    ) -> iam.ManagedPolicy:
        """What reading takes (CodeArtifact user guide: using Python packages, authentication and tokens)."""
        policy = iam.ManagedPolicy(self, "Readers", description="Reads Python packages")
        allow(policy, ["codeartifact:GetAuthorizationToken"], [domain.attr_arn])
        reads = ["codeartifact:GetRepositoryEndpoint", "codeartifact:ReadFromRepository"]
        allow(policy, reads, [repository.attr_arn])
        allow(
            policy,
            ["sts:GetServiceBearerToken"],
            ["*"],
            conditions={"StringEquals": {"sts:AWSServiceName": "codeartifact.amazonaws.com"}},
            why=f"{NO_RESOURCE}; a condition limits it to tokens for CodeArtifact.",
        )
        return policy
