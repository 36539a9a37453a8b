"""What CloudFormation may do when it deploys the stacks, instead of everything; made by `mlops bootstrap`.

CDK's bootstrap lets CloudFormation do all that an administrator may, unless it is given policies (CDK guide: customize
bootstrapping). These name the services that the stacks consist of. Roles are limited to the project's own, and what
needs no deployment is denied: reading data, asking models, approving versions, changing these policies.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Statement = dict[str, Any]

SERVICES = (
    "application-autoscaling",
    "athena",
    "backup",
    "budgets",
    "cloudtrail",
    "cloudwatch",
    "codebuild",
    "codepipeline",
    "dynamodb",
    "events",
    "glue",
    "kms",
    "lambda",
    "logs",
    "s3",
    "sagemaker",
    "scheduler",
    "servicecatalog",
    "sns",
    "sqs",
    "ssm",
)
"""Those whose resources the stacks are made of; tests/infra/test_deployment_policy.py compares with the templates."""

NETWORK = (
    "ec2:*FlowLogs",
    "ec2:*RouteTable*",
    "ec2:*Route",
    "ec2:*SecurityGroup*",
    "ec2:*Subnet*",
    "ec2:*Tags",
    "ec2:*Vpc",
    "ec2:*VpcAttribute",
    "ec2:*VpcEndpoint*",
    "ec2:Describe*",
)
"""Of EC2 only what a VPC without instances and without a way out consists of: no gateway, no address, no machine."""

PACKAGES = (
    "codeartifact:*Domain*",
    "codeartifact:*ExternalConnection",
    "codeartifact:*RepositoryPermissionsPolicy",
    "codeartifact:*Resource",
    "codeartifact:AssociateWithDownstreamRepository",
    "codeartifact:CreateRepository",
    "codeartifact:DeleteRepository",
    "codeartifact:DescribeRepository",
    "codeartifact:ListRepositories",
    "codeartifact:UpdateRepository",
)
"""Of CodeArtifact the repository, its tags included, and no package in it: none is read, published or removed."""

OTHERS = (
    "backup-storage:Mount*",
    "codeconnections:PassConnection",
    "codeconnections:UseConnection",
    "cloudformation:DescribeStacks",
    "cloudformation:GetTemplate",
    "cloudformation:ValidateTemplate",
    "codestar-connections:PassConnection",
    "codestar-connections:UseConnection",
    "ecr:DescribeRepositories",
    "route53:AssociateVPCWithHostedZone",  # of an interface endpoint with private DNS names
    "tag:GetResources",
)

PASSED_TO = (
    "backup.amazonaws.com",
    "cloudformation.amazonaws.com",
    "cloudtrail.amazonaws.com",
    "codebuild.amazonaws.com",
    "codepipeline.amazonaws.com",
    "events.amazonaws.com",
    "lambda.amazonaws.com",
    "sagemaker.amazonaws.com",
    "scheduler.amazonaws.com",
    "servicecatalog.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
)
"""Services that the project's roles are handed to."""

_ROLES = (
    "AttachRolePolicy",
    "CreateRole",
    "DeleteRole",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "GetRole",
    "GetRolePolicy",
    "ListAttachedRolePolicies",
    "ListRolePolicies",
    "ListRoleTags",
    "PutRolePolicy",
    "TagRole",
    "UntagRole",
    "UpdateAssumeRolePolicy",
    "UpdateRole",
    "UpdateRoleDescription",
)
_ROLES_UNDER_A_BOUNDARY = (
    "AttachRolePolicy",
    "CreateRole",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",  # where the boundary comes to an environment that is there
    "PutRolePolicy",
)
_POLICIES = (
    "CreatePolicy",
    "CreatePolicyVersion",
    "DeletePolicy",
    "DeletePolicyVersion",
    "GetPolicy",
    "GetPolicyVersion",
    "ListEntitiesForPolicy",
    "ListPolicyVersions",
    "TagPolicy",
    "UntagPolicy",
)
_DATA = (
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PartiQL*",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
    "sagemaker:BatchGetRecord",
    "sagemaker:DeleteRecord",
    "sagemaker:GetRecord",
    "sagemaker:InvokeEndpoint*",
    "sagemaker:PutRecord",
)
_VERSIONS = ("sagemaker:CreateModelPackage", "sagemaker:DeleteModelPackage", "sagemaker:UpdateModelPackage")


def execution_policy(project: str, *, qualifier: str, boundary: str) -> Mapping[str, Any]:
    """Policy document, as CloudFormation takes it, for the role that CloudFormation deploys with.

    qualifier: of CDK's bootstrap, whose bucket it reads. boundary: name of the managed policy that every role has to
    have as its permissions boundary, "" for none.
    """
    return _document(
        [
            {
                "Sid": "WhatTheStacksConsistOf",
                "Effect": "Allow",
                "Action": [*(f"{service}:*" for service in SERVICES), *NETWORK, *PACKAGES, *OTHERS],
                "Resource": "*",
            },
            *_iam(project, qualifier, boundary),
            {
                "Sid": "DataAreNotReadByDeployments",
                "Effect": "Deny",
                "Action": "s3:GetObject*",
                "NotResource": f"arn:${{AWS::Partition}}:s3:::cdk-{qualifier}-assets-*",
            },
            {
                "Sid": "NorAreModelsAskedOrVersionsApproved",
                "Effect": "Deny",
                "Action": [*_DATA, *_VERSIONS],
                "Resource": "*",
            },
            {
                "Sid": "EvidenceStaysLocked",
                "Effect": "Deny",
                "Action": ["s3:BypassGovernanceRetention", "s3:DeleteObjectVersion"],
                "Resource": "*",
            },
        ]
    )


def boundary_policy() -> Mapping[str, Any]:
    """Policy document of the boundary: the most that any role of the stacks can do, whatever its own policies say."""
    return _document(
        [
            {"Sid": "WhatTheirOwnPoliciesSay", "Effect": "Allow", "Action": "*", "Resource": "*"},
            {
                "Sid": "NoRoleMakesRights",
                "Effect": "Deny",
                "Action": [
                    "account:*",
                    "iam:Add*",
                    "iam:Attach*",
                    "iam:Create*",
                    "iam:Delete*",
                    "iam:Detach*",
                    "iam:Put*",
                    "iam:Set*",
                    "iam:Update*",
                    "organizations:*",
                ],
                "Resource": "*",
            },
        ]
    )


def _iam(project: str, qualifier: str, boundary: str) -> Sequence[Statement]:
    roles, policies = (_own(kind, project) for kind in ("role", "policy"))
    bound = {"StringEquals": {"iam:PermissionsBoundary": _named("policy", boundary)}} if boundary else {}
    free = [each for each in _ROLES if not (bound and each in _ROLES_UNDER_A_BOUNDARY)]
    statements: list[Statement] = [
        _allow("RolesOfTheProject", free, roles),
        _allow("PoliciesOfTheProject", _POLICIES, policies),
        {
            **_allow("RolesAreHandedToTheirServices", ["PassRole"], roles),
            "Condition": {"StringEquals": {"iam:PassedToService": list(PASSED_TO)}},
        },
        {
            **_allow("ServicesMakeTheirOwnRoles", ["CreateServiceLinkedRole"], _named("role", "aws-service-role/*")),
        },
        {
            "Sid": "WhatBindsDeploymentsStays",
            "Effect": "Deny",
            "Action": ["iam:*Policy*", "iam:*Role*"],
            "Resource": [
                *(_named("policy", each) for each in (f"{project}-deployment-*", boundary) if each),
                _named("role", f"cdk-{qualifier}-*"),
            ],
        },
    ]
    if bound:
        statements.append({**_allow("RolesUnderTheBoundary", _ROLES_UNDER_A_BOUNDARY, roles), "Condition": bound})
    return statements


def _allow(sid: str, actions: Sequence[str], resource: str) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": [f"iam:{each}" for each in actions], "Resource": resource}


def _own(kind: str, project: str) -> str:
    return _named(kind, f"{project}-*")


def _named(kind: str, name: str) -> str:
    return f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:{kind}/{name}"


def _document(statements: Sequence[Statement]) -> Mapping[str, Any]:
    return {"Version": "2012-10-17", "Statement": [_substituted(each) for each in statements]}


def _substituted(value: Any) -> Any:
    """Texts with `${…}` as Fn::Sub."""
    match value:
        case str() if "${" in value:
            return {"Fn::Sub": value}
        case dict():
            return {key: _substituted(each) for key, each in value.items()}
        case list():
            return [_substituted(each) for each in value]
    return value
