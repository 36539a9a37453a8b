"""What the pipeline's builds may do in an environment beside deploying: look after a deployment, and train."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from mlops_constructs.access import NO_RESOURCE, allow
from mlops_constructs.delivery_names import DeliveryNames, delivery_role
from mlops_constructs.environment_arns import OWN, EnvironmentArns
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import EnvironmentNames

_EXECUTIONS = "Executions have ids for names; their pipelines are the environment's that train."
_JOB_LOGS = "SageMaker names log groups after kinds of jobs, and streams after jobs, which have ids."


class DeliveryRole(Construct):
    """Taken by one role of the pipeline's account, and by nothing else: the build that deploys here.

    Deploying itself is done with the roles of CDK's bootstrap. This one cannot approve a version, release one or
    change what is released.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: EnvironmentNames,
        account: str | None,
        foundation: Foundation,
        trains: bool,
    ) -> None:
        """account: the pipeline's, None where it is this one. trains: whether versions are made here.

        Models are named by how the environment's names begin: a list of a hundred would be longer than IAM takes.
        """
        super().__init__(scope, construct_id)
        self._names, self._foundation = names, foundation
        self._arns = EnvironmentArns(self, names)
        self.role = iam.Role(
            self,
            "Role",
            role_name=delivery_role(names),
            description=f"Looks after deployments of {names.base}, and trains there (docs/delivery.md)",
            assumed_by=self._build(account),
        )
        self._let_look()
        if trains:
            self._let_train()

    def _build(self, account: str | None) -> iam.IPrincipal:
        """By the ARN that a request is made with: the account may not have the role yet, and IAM would refuse a policy
        that names a principal which is not there (user guide: principal element)."""
        stack = cdk.Stack.of(self)
        role = stack.format_arn(
            service="iam",
            region="",
            account=account or stack.account,
            resource="role",
            resource_name=DeliveryNames(self._names.project).role(self._names.environment),
        )
        return iam.PrincipalWithConditions(
            iam.AccountPrincipal(account) if account else iam.AccountRootPrincipal(),
            {"ArnEquals": {"aws:PrincipalArn": role}},
        )

    def _let_look(self) -> None:
        """Whether the stacks are complete, and the endpoints serve what their stacks asked for without an alarm, and
        answer the samples of their models."""
        allow(self.role, ["cloudformation:DescribeStacks"], [self._arns.stacks()], why=OWN)
        allow(self.role, ["cloudwatch:DescribeAlarms"], ["*"], why=f"{NO_RESOURCE}; it reads names and states.")
        endpoints = self._arns.sagemaker_own("endpoint")
        allow(self.role, ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"], endpoints, why=OWN)

    def _let_train(self) -> None:
        """Start the training pipelines and follow them; find the newest data, without reading any."""
        allow(
            self.role,
            ["sagemaker:DescribePipeline", "sagemaker:ListPipelineExecutions", "sagemaker:StartPipelineExecution"],
            self._arns.pipelines("-training"),
            why=OWN,
        )
        allow(
            self.role,
            [
                "sagemaker:DescribePipelineDefinitionForExecution",
                "sagemaker:DescribePipelineExecution",
                "sagemaker:ListPipelineExecutionSteps",
                "sagemaker:ListPipelineParametersForExecution",
            ],
            self._arns.pipelines("-training/execution/*"),
            why=_EXECUTIONS,
        )
        allow(self.role, ["sagemaker:ListModelPackages"], ["*"], why=f"{NO_RESOURCE}; it reads names and states.")
        allow(
            self.role,
            ["sagemaker:DescribeModelPackage"],
            self._arns.sagemaker_own("model-package"),
            why=OWN,
        )
        logs = ["logs:DescribeLogStreams", "logs:GetLogEvents"]
        allow(self.role, logs, [self._arns.logs("/aws/sagemaker/*")], why=_JOB_LOGS)
        allow(self.role, ["s3:ListBucket"], [self._foundation.data.bucket_arn])
