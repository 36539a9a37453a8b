"""Which container image runs a framework: AWS's prebuilt one of the region, or one of the user's own."""

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk

from mlops_constructs.errors import ConstructError
from mlops_constructs.frameworks import FRAMEWORKS, JOB_IMAGES, Framework
from mlops_constructs.spark_image import SPARK, SPARK_IMAGE

_PREBUILT: Mapping[str, Framework] = {**FRAMEWORKS, **JOB_IMAGES, SPARK: SPARK_IMAGE}


@dataclass(frozen=True)
class ContainerImage:
    """An image's URI, and the ARN of the ECR repository that a role needs to pull it.

    built_in: SageMaker takes the image for one of its algorithms, in script mode too. It then brings its own
    metrics and ranges of tunable hyperparameters, and refuses jobs that define others.
    """

    uri: str
    repository_arn: str
    built_in: bool


class Images:
    """The images of one stack; `overrides` maps a framework to an image URI of the user's own."""

    def __init__(self, stack: cdk.Stack, overrides: Mapping[str, str]) -> None:
        self._stack = stack
        self._overrides = overrides

    def image(self, framework: str) -> ContainerImage:
        """The image of a framework; raises ConstructError for one that is neither known nor overridden."""
        if framework in self._overrides:
            return _parse(self._overrides[framework])
        if framework not in _PREBUILT:
            raise ConstructError(
                f"no image is known for framework {framework!r}: use {', '.join(sorted(FRAMEWORKS))}, "
                f"or name one under [images]"
            )
        return self._prebuilt(framework, _PREBUILT[framework])

    def uri(self, framework: str) -> str:
        return self.image(framework).uri

    def _prebuilt(self, name: str, framework: Framework) -> ContainerImage:
        region, account = self._stack.region, self._account(name, framework)
        repository = f"{account}.dkr.ecr.{region}.{self._stack.url_suffix}/{framework.repository}"
        return ContainerImage(
            f"{repository}:{framework.tag}",
            f"arn:{self._stack.partition}:ecr:{region}:{account}:repository/{framework.repository}",
            framework.built_in,
        )

    def _account(self, name: str, framework: Framework) -> str:
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

    def _mapping(self, name: str, framework: Framework) -> cdk.CfnMapping:
        mapping_id = f"{name.title().replace('_', '')}Images"
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
