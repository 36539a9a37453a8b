"""The prebuilt container images by framework and region, as plain data: the settings and the command line read it too.

Accounts and tags are AWS's own, as the SageMaker Python SDK 3.27 lists them. Tags are exact: the alias
`latest` would change what a version of a model runs in.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Framework:
    """A framework's image: repository and tag, and the account that publishes it, by region."""

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

_DEEP_LEARNING_ACCOUNTS = {
    "af-south-1": "626614931356",
    "ap-east-1": "871362719292",
    "ap-northeast-1": "763104351884",
    "ap-northeast-2": "763104351884",
    "ap-northeast-3": "364406365360",
    "ap-south-1": "763104351884",
    "ap-south-2": "772153158452",
    "ap-southeast-1": "763104351884",
    "ap-southeast-2": "763104351884",
    "ap-southeast-3": "907027046896",
    "ap-southeast-4": "457447274322",
    "ca-central-1": "763104351884",
    "ca-west-1": "204538143572",
    "cn-north-1": "727897471807",
    "cn-northwest-1": "727897471807",
    "eu-central-1": "763104351884",
    "eu-central-2": "380420809688",
    "eu-north-1": "763104351884",
    "eu-south-1": "692866216735",
    "eu-south-2": "503227376785",
    "eu-west-1": "763104351884",
    "eu-west-2": "763104351884",
    "eu-west-3": "763104351884",
    "il-central-1": "780543022126",
    "me-central-1": "914824155844",
    "me-south-1": "217643126080",
    "sa-east-1": "763104351884",
    "us-east-1": "763104351884",
    "us-east-2": "763104351884",
    "us-gov-east-1": "446045086412",
    "us-gov-west-1": "442386744353",
    "us-west-1": "763104351884",
    "us-west-2": "763104351884",
}
_WITHOUT_TRAINING = frozenset({"ap-south-2", "ap-southeast-4", "eu-central-2", "eu-south-2"})
HUGGINGFACE, HUGGINGFACE_TRAINING = "huggingface", "huggingface_training"
"""Hugging Face"s images: on processors, which serves too, and on GPUs, in which models are fine-tuned."""

FRAMEWORKS: Mapping[str, Framework] = {
    "xgboost": Framework("sagemaker-xgboost", "3.0-5", _XGBOOST_ACCOUNTS, built_in=True),
    HUGGINGFACE: Framework(
        "huggingface-pytorch-inference",
        "2.6.0-transformers5.5.3-cpu-py312-ubuntu22.04",
        _DEEP_LEARNING_ACCOUNTS,
        built_in=False,
    ),
}
"""What a model"s endpoint can run in."""

JOB_IMAGES: Mapping[str, Framework] = {
    HUGGINGFACE_TRAINING: Framework(
        "huggingface-pytorch-training",
        "2.9.0-transformers5.3.0-gpu-py312-cu130-ubuntu22.04",
        {region: each for region, each in _DEEP_LEARNING_ACCOUNTS.items() if region not in _WITHOUT_TRAINING},
        built_in=False,
    ),
}
"""What serves nothing, but jobs can run in."""
