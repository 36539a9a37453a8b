"""Which prebuilt container image runs a framework, in each region.

Accounts and tags are AWS's own, as the SageMaker Python SDK 3.27 lists them. Tags are exact: the alias
`latest` would change what a version of a model runs in.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk

from mlops_constructs.errors import ConstructError


@dataclass(frozen=True)
class ContainerImage:
    """An image's URI, and the ARN of the ECR repository that a role needs to pull it.

    built_in: SageMaker takes the image for one of its algorithms, in script mode too. It then brings its own
    metrics and ranges of tunable hyperparameters, and refuses jobs that define others.
    """

    uri: str
    repository_arn: str
    built_in: bool


@dataclass(frozen=True)
class _Framework:
    repository: str
    tag: str
    accounts: Mapping[str, str]
    built_in: bool


_XGBOOST_ACCOUNTS = {
    "af-south-1": "510948584623",
    "ap-east-1": "651117190479",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "720646828776",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ca-central-1": "341280168497",
    "ca-west-1": "190319476487",
    "cn-north-1": "450853457545",
    "cn-northwest-1": "451049120500",
    "eu-central-1": "492215442770",
    "eu-central-2": "680994064768",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-south-2": "104374241257",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "il-central-1": "898809789911",
    "me-central-1": "272398656194",
    "me-south-1": "801668240914",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-gov-east-1": "237065988967",
    "us-gov-west-1": "414596584902",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}

FRAMEWORKS: Mapping[str, _Framework] = {
    "xgboost": _Framework("sagemaker-xgboost", "3.0-5", _XGBOOST_ACCOUNTS, built_in=True),
}


class Images:
    """The images of one stack; `overrides` maps a framework to an image URI of the user's own."""

    def __init__(self, stack: cdk.Stack, overrides: Mapping[str, str]) -> None:
        self._stack = stack
        self._overrides = overrides

    def image(self, framework: str) -> ContainerImage:
        """The image of a framework; raises ConstructError for one that is neither known nor overridden."""
        if framework in self._overrides:
            return _parse(self._overrides[framework])
        if framework not in FRAMEWORKS:
            raise ConstructError(
                f"no image is known for framework {framework!r}: use {', '.join(sorted(FRAMEWORKS))}, "
                f"or name one under [images]"
            )
        return self._prebuilt(framework, FRAMEWORKS[framework])

    def uri(self, framework: str) -> str:
        return self.image(framework).uri

    def _prebuilt(self, name: str, framework: _Framework) -> ContainerImage:
        region, account = self._stack.region, self._account(name, framework)
        repository = f"{account}.dkr.ecr.{region}.{self._stack.url_suffix}/{framework.repository}"
        return ContainerImage(
            f"{repository}:{framework.tag}",
            f"arn:{self._stack.partition}:ecr:{region}:{account}:repository/{framework.repository}",
            framework.built_in,
        )

    def _account(self, name: str, framework: _Framework) -> str:
        """Known now if the region is; otherwise looked up by CloudFormation when it deploys."""
        region = self._stack.region
        if not cdk.Token.is_unresolved(region):
            if region not in framework.accounts:
                raise ConstructError(
                    f"AWS publishes no {name} image in region {region!r}: use one of "
                    f"{', '.join(sorted(framework.accounts))}, or name an image under [images]"
                )
            return framework.accounts[region]
        return self._mapping(name, framework).find_in_map(cdk.Aws.REGION, "account")

    def _mapping(self, name: str, framework: _Framework) -> cdk.CfnMapping:
        mapping_id = f"{name.title()}Images"
        existing = self._stack.node.try_find_child(mapping_id)
        if isinstance(existing, cdk.CfnMapping):
            return existing
        table = {region: {"account": account} for region, account in framework.accounts.items()}
        return cdk.CfnMapping(self._stack, mapping_id, mapping=table)


def _parse(uri: str) -> ContainerImage:
    """Account, region and repository of an ECR image URI."""
    host, _, path = uri.partition("/")
    account, _, _, region, *suffix = host.split(".")
    repository = path.split("@")[0].split(":")[0]
    partition = "aws-cn" if suffix[-1] == "cn" else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return ContainerImage(uri, f"arn:{partition}:ecr:{region}:{account}:repository/{repository}", built_in=False)
