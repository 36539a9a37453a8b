"""Transform jobs through boto3, as a client of AWS meets them: real server, real serving process."""

from __future__ import annotations

import json
from typing import Any

from .serving import Serving, eventually


def start(serving: Serving, name: str, **more: Any) -> None:
    serving.sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=f"{serving.name}-model",
        BatchStrategy="SingleRecord",
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{serving.bucket}/in/"}},
            "SplitType": "Line",
            "ContentType": "application/json",
        },
        TransformOutput={
            "S3OutputPath": f"s3://{serving.bucket}/out",
            "AssembleWith": "Line",
            "KmsKeyId": serving.key_arn,
        },
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **more,
    )


def ended(serving: Serving, name: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        described: dict[str, Any] = serving.sagemaker.describe_transform_job(TransformJobName=name)
        return described if described["TransformJobStatus"] in ("Completed", "Failed", "Stopped") else None

    found: dict[str, Any] = eventually(look, 30)
    return found


def prepared(local_aws: Any, name: str) -> Serving:
    serving = Serving(local_aws, name)
    serving.model(f"{name}-model")
    rows = [json.dumps({"instances": [{"income": income}]}) for income in (5, 20)]
    serving.s3.put_object(Bucket=serving.bucket, Key="in/2026/a.jsonl", Body="\n".join(rows).encode())
    return serving


def test_a_folder_of_files_is_scored(local_aws: Any) -> None:
    serving = prepared(local_aws, "transform-test")
    start(serving, "transform-test", MaxConcurrentTransforms=2)
    assert ended(serving, "transform-test")["TransformJobStatus"] == "Completed"
    output = serving.s3.get_object(Bucket=serving.bucket, Key="out/2026/a.jsonl.out")
    assert output["SSEKMSKeyId"] == serving.key_arn
    lines = output["Body"].read().splitlines()
    assert [json.loads(line)["predictions"][0]["decision"] for line in lines] == ["decline", "approve"]
    group = "/aws/sagemaker/TransformJobs"
    streams = serving.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="transform-test/")["logStreams"]
    assert sum(stream["logStreamName"].endswith("/data-log") for stream in streams) == 1
