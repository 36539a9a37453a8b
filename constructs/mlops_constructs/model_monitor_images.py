"""AWS's own images of Model Monitor and Clarify, by region: nobody can build them, so no setting replaces them.

Accounts are as the SageMaker Python SDK 3.27 lists them. Model Monitor's images have no tag.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk

from mlops_constructs.errors import ConstructError
from mlops_constructs.images import ContainerImage

ANALYZER, MERGER = "sagemaker-model-monitor-analyzer", "sagemaker-model-monitor-groundtruth-merger"
"""The merger joins predictions with outcomes before model quality and bias are judged; it is in the same accounts."""
CLARIFY = "sagemaker-clarify-processing"
CLARIFY_TAG = "1.0"

ANALYZER_ACCOUNTS: Mapping[str, str] = {
    "af-south-1": "875698925577",
    "ap-east-1": "001633400207",
    "ap-northeast-1": "574779866223",
    "ap-northeast-2": "709848358524",
    "ap-northeast-3": "990339680094",
    "ap-south-1": "126357580389",
    "ap-southeast-1": "245545462676",
    "ap-southeast-2": "563025443158",
    "ap-southeast-3": "669540362728",
    "ca-central-1": "536280801234",
    "cn-north-1": "453000072557",
    "cn-northwest-1": "453252182341",
    "eu-central-1": "048819808253",
    "eu-central-2": "590183933784",
    "eu-north-1": "895015795356",
    "eu-south-1": "933208885752",
    "eu-south-2": "437450045455",
    "eu-west-1": "468650794304",
    "eu-west-2": "749857270468",
    "eu-west-3": "680080141114",
    "il-central-1": "843974653677",
    "me-central-1": "588750061953",
    "me-south-1": "607024016150",
    "sa-east-1": "539772159869",
    "us-east-1": "156813124566",
    "us-east-2": "777275614652",
    "us-isof-east-1": "853188333426",
    "us-isof-south-1": "467912361380",
    "us-west-1": "890145073186",
    "us-west-2": "159807026194",
}
CLARIFY_ACCOUNTS: Mapping[str, str] = {
    "af-south-1": "811711786498",
    "ap-east-1": "098760798382",
    "ap-northeast-1": "377024640650",
    "ap-northeast-2": "263625296855",
    "ap-northeast-3": "912233562940",
    "ap-south-1": "452307495513",
    "ap-southeast-1": "834264404009",
    "ap-southeast-2": "007051062584",
    "ap-southeast-3": "705930551576",
    "ca-central-1": "675030665977",
    "cn-north-1": "122526803553",
    "cn-northwest-1": "122578899357",
    "eu-central-1": "017069133835",
    "eu-central-2": "730335477804",
    "eu-north-1": "763603941244",
    "eu-south-1": "638885417683",
    "eu-west-1": "131013547314",
    "eu-west-2": "440796970383",
    "eu-west-3": "341593696636",
    "me-south-1": "835444307964",
    "sa-east-1": "520018980103",
    "us-east-1": "205585389593",
    "us-east-2": "211330385671",
    "us-gov-west-1": "598674086554",
    "us-isof-east-1": "579539705040",
    "us-isof-south-1": "411392592546",
    "us-west-1": "740489534195",
    "us-west-2": "306415355426",
}


@dataclass(frozen=True)
class MonitorImages:
    """merger: pulled by Model Monitor itself, with the rights of the monitors' role."""

    analyzer: ContainerImage
    merger: ContainerImage
    clarify: ContainerImage

    @classmethod
    def of(cls, stack: cdk.Stack) -> "MonitorImages":
        """Raises ConstructError if AWS has none in the stack's region."""
        region = stack.region
        both = sorted(ANALYZER_ACCOUNTS.keys() & CLARIFY_ACCOUNTS.keys())
        if not cdk.Token.is_unresolved(region) and region not in both:
            raise ConstructError(
                f"AWS publishes no images of Model Monitor and Clarify in region {region!r}: set monitoring.engine = "
                f'"pipeline", or use one of {", ".join(both)}'
            )
        analyzer = _account(stack, "MonitorImages", ANALYZER_ACCOUNTS, both)
        clarify = _account(stack, "ClarifyImages", CLARIFY_ACCOUNTS, both)
        return cls(
            _image(stack, analyzer, ANALYZER),
            _image(stack, analyzer, MERGER),
            _image(stack, clarify, CLARIFY, CLARIFY_TAG),
        )


def _account(stack: cdk.Stack, mapping_id: str, accounts: Mapping[str, str], regions: Sequence[str]) -> str:
    """Known now if the region is; otherwise looked up by CloudFormation when it deploys."""
    if not cdk.Token.is_unresolved(stack.region):
        return accounts[stack.region]
    table = {region: {"account": accounts[region]} for region in regions}
    return cdk.CfnMapping(stack, mapping_id, mapping=table).find_in_map(cdk.Aws.REGION, "account")


def _image(stack: cdk.Stack, account: str, repository: str, tag: str = "") -> ContainerImage:
    uri = f"{account}.dkr.ecr.{stack.region}.{stack.url_suffix}/{repository}{f':{tag}' if tag else ''}"
    arn = f"arn:{stack.partition}:ecr:{stack.region}:{account}:repository/{repository}"
    return ContainerImage(uri, arn, built_in=False)
