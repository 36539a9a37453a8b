"""The template as a product of Service Catalog, the role that launches it, and what its users need."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_servicecatalog as servicecatalog
from constructs import Construct

from mlops_constructs.access import NO_RESOURCE, allow
from mlops_constructs.data_protection import DataProtection
from mlops_constructs.encrypted_bucket import EncryptedBucket
from mlops_constructs.naming import EnvironmentNames
from mlops_constructs.project_controller import TEMPLATES

VISIBLE = ("sagemaker:studio-visibility", "true")
"""The tag by which Studio shows a product, and a template (developer guide: create custom project templates)."""

# What a launch role needs of CloudFormation (Service Catalog's administrator guide: launch constraints).
_STACKS = [
    *("cloudformation:CreateStack", "cloudformation:DeleteStack", "cloudformation:DescribeStackEvents"),
    *("cloudformation:DescribeStacks", "cloudformation:SetStackPolicy", "cloudformation:UpdateStack"),
]
_OF_THE_CATALOG = "Service Catalog calls a product's stacks SC-<account>-<id of the product that was launched>."
_FROM_THE_CATALOG = "Service Catalog copies a product's template into a bucket of its own, and tags what it may read."
_PROJECTS = "Names of projects are chosen by those who start them."
_LISTS = f"{NO_RESOURCE}: lists show what the caller may see."
_OWN_PRODUCTS = "Ids of launched products come with the launch; the condition leaves the caller's own."


class ProjectCatalog(Construct):
    """For `roles`, the execution roles of Studio: the template from S3, and the same as a product."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: EnvironmentNames,
        template: s3_assets.Asset,
        function: lambda_.IFunction,
        bucket: EncryptedBucket,
        roles: Sequence[str],
        protection: DataProtection,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names, self._stack = names, cdk.Stack.of(self)
        self.launch_role = self._build_launch_role(function)
        self.product = self._build_product(template, roles)
        self._build_use(bucket, protection, roles)

    def _build_launch_role(self, function: lambda_.IFunction) -> iam.Role:
        """Makes a project's stack and asks the function: by Service Catalog, or by CloudFormation for a template in
        S3."""
        services = iam.CompositePrincipal(
            iam.ServicePrincipal("cloudformation.amazonaws.com"), iam.ServicePrincipal("servicecatalog.amazonaws.com")
        )
        role = iam.Role(self, "LaunchRole", assumed_by=services, description=f"Launches projects of {self._names.base}")
        allow(role, ["lambda:InvokeFunction"], [function.function_arn])
        stacks = self._stack.format_arn(service="cloudformation", resource="stack", resource_name="SC-*")
        allow(role, _STACKS, [stacks], why=_OF_THE_CATALOG)
        allow(role, ["cloudformation:GetTemplateSummary", "cloudformation:ValidateTemplate"], ["*"], why=NO_RESOURCE)
        tagged = {"StringEquals": {"s3:ExistingObjectTag/servicecatalog:provisioning": "true"}}
        allow(role, ["s3:GetObject"], ["*"], why=_FROM_THE_CATALOG, conditions=tagged)
        return role

    def _build_product(
        self, template: s3_assets.Asset, roles: Sequence[str]
    ) -> servicecatalog.CfnCloudFormationProduct:
        base = self._names.base
        portfolio = servicecatalog.CfnPortfolio(
            self, "Portfolio", display_name=f"{base} projects", provider_name=base, description=f"Projects of {base}"
        )
        artifact = servicecatalog.CfnCloudFormationProduct.ProvisioningArtifactPropertiesProperty(
            name=template.asset_hash[:12], info={"LoadTemplateFromURL": template.http_url}
        )
        product = servicecatalog.CfnCloudFormationProduct(
            self,
            "Product",
            name=f"{base} new model",
            owner=base,
            description="Code, tests, data and configuration of a new model, on a branch for review",
            provisioning_artifact_parameters=[artifact],
        )
        cdk.Tags.of(product).add(*VISIBLE)
        offered = servicecatalog.CfnPortfolioProductAssociation(
            self, "Offered", portfolio_id=portfolio.ref, product_id=product.ref
        )
        launch = servicecatalog.CfnLaunchRoleConstraint(
            self, "Launch", portfolio_id=portfolio.ref, product_id=product.ref, role_arn=self.launch_role.role_arn
        )
        launch.add_dependency(offered)
        for number, arn in enumerate(roles):
            servicecatalog.CfnPortfolioPrincipalAssociation(
                self, f"Offered{number}", portfolio_id=portfolio.ref, principal_arn=arn, principal_type="IAM"
            )
        return product

    def _build_use(self, bucket: EncryptedBucket, protection: DataProtection, roles: Sequence[str]) -> None:
        """What an execution role of Studio needs to start a project, either way."""
        policy = iam.ManagedPolicy(self, "Use", description=f"Starts projects of {self._names.base}")
        for number, arn in enumerate(roles):
            policy.attach_to_role(iam.Role.from_role_arn(self, f"Role{number}", arn))
        below = {"StringLike": {"s3:prefix": [f"{TEMPLATES}/*"]}}
        templates = bucket.arn_for_objects(f"{TEMPLATES}/*")
        allow(policy, ["s3:ListBucket"], [bucket.bucket_arn], conditions=below)
        allow(policy, ["s3:GetObject", "s3:GetObjectTagging"], [templates], why="All templates are for all of them.")
        allow(policy, ["kms:Decrypt"], [protection.key.key_arn], conditions=self._by_s3())
        projects = self._stack.format_arn(service="sagemaker", resource="project", resource_name="*")
        started = [f"sagemaker:{verb}Project" for verb in ("Create", "Delete", "Describe", "Update")]
        allow(policy, started, [projects], why=_PROJECTS)
        passed = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
        allow(policy, ["iam:PassRole"], [self.launch_role.role_arn], conditions=passed)
        product = self._stack.format_arn(service="catalog", resource="product", resource_name=self.product.ref)
        seen = ["DescribeProduct", "DescribeProvisioningParameters", "ListLaunchPaths", "ProvisionProduct"]
        allow(policy, [f"servicecatalog:{action}" for action in seen], [product])
        allow(policy, ["sagemaker:ListProjects", "servicecatalog:SearchProducts"], ["*"], why=_LISTS)
        own = {"StringEquals": {"servicecatalog:userLevel": "self"}}
        changed = ["DescribeRecord", "TerminateProvisionedProduct", "UpdateProvisionedProduct"]
        allow(policy, [f"servicecatalog:{each}" for each in changed], ["*"], why=_OWN_PRODUCTS, conditions=own)

    def _by_s3(self) -> dict[str, dict[str, str]]:
        return {"StringEquals": {"kms:ViaService": f"s3.{self._stack.region}.amazonaws.com"}}
