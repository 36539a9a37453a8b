"""The release controller may do what a release takes, is told what it looks after, and its failures are heard."""

import json

import pytest

from tests.infra.environments import ENVIRONMENTS, flat

CONTROLLER = "ControllerFunctionRole"
LOCAL = "eu-west-1:111122223333"
PARAMETERS = f"arn:aws:ssm:{LOCAL}:parameter/mlops/local/loan-approval/release"
WRITTEN = ("champion", "challenger", "challenger-weight", "shadow", "failed", "previous", "candidate", "command")
# Tested where the construct is that grants them.
ELSEWHERE = ("logs:", "xray:", "kms:", "athena:", "glue:")


def own(template, kind):
    """The controller's resources of a kind; the stack has other functions too."""
    return {name: each for name, each in template.resources(kind).items() if name.startswith("Controller")}


def only(template, kind):
    [each] = own(template, kind).values()
    return each["Properties"]


def statements(template):
    return template.statements(template.role(CONTROLLER))


def test_controller_may_do_exactly_this(templates):
    release = templates("local")["release"]
    stack = f"arn:aws:cloudformation:{LOCAL}:stack/mlops-local-loan-approval-serving/*"
    packages = f"arn:aws:sagemaker:{LOCAL}:model-package/mlops-local-loan-approval/*"
    endpoint = f"arn:aws:sagemaker:{LOCAL}:endpoint/mlops-local-loan-approval"
    ledger = "<mlops-local-foundation:ExportsOutputFnGetAttLedgerB7379752Arn8FB7B3DC>"
    found = {
        (action, resource)
        for action, resource in release.allowed(release.role(CONTROLLER))
        if not action.startswith((*ELSEWHERE, "sns:", "sqs:", "s3:"))
    }
    assert found == {
        *(("ssm:GetParameters", f"{PARAMETERS}/{name}") for name in (*WRITTEN, "allowed")),
        *(("ssm:PutParameter", f"{PARAMETERS}/{name}") for name in WRITTEN),
        ("ssm:LabelParameterVersion", f"{PARAMETERS}/champion"),
        ("cloudformation:UpdateStack", stack),
        ("cloudformation:DescribeStacks", stack),
        ("cloudformation:DescribeStackEvents", stack),
        ("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{LOCAL}:alarm:mlops-local-loan-approval-serving-*"),
        ("sagemaker:ListModelPackages", "*"),
        ("sagemaker:DescribeModelPackage", packages),
        ("sagemaker:DeleteModelPackage", packages),
        ("sagemaker:DescribeEndpoint", endpoint),
        ("sagemaker:UpdateEndpointWeightsAndCapacities", endpoint),
        *((f"dynamodb:{action}", ledger) for action in ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")),
        ("events:PutEvents", f"arn:aws:events:{LOCAL}:event-bus/default"),
        ("cloudwatch:PutMetricData", "*"),
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_only_people_let_a_version_in(environment, templates):
    """Nothing of the project may write what a second person decides."""
    for template in templates(environment).values():
        for role in template.resources("AWS::IAM::Role"):
            written = {arn for action, arn in template.allowed(role) if action == "ssm:PutParameter"}
            assert not [arn for arn in written if arn.endswith(("/allowed", "*"))]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_ledger_is_appended_to_and_only_the_lock_is_changed(environment, templates):
    conditions = {
        tuple(sorted(each["Action"])): each["Condition"]
        for each in statements(templates(environment)["release"])
        if "dynamodb:" in str(each["Action"])
    }
    assert conditions == {
        ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"): {
            "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["loan-approval"]}
        },
        ("dynamodb:DeleteItem", "dynamodb:UpdateItem"): {
            "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["lock#loan-approval"]}
        },
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_its_events_and_its_figures_are_its_own(environment, templates):
    [put] = [each for each in statements(templates(environment)["release"]) if "PutMetricData" in str(each["Action"])]
    assert put["Condition"] == {"StringEquals": {"cloudwatch:namespace": "mlops/release"}}
    [sent] = [each for each in statements(templates(environment)["release"]) if each["Action"] == "events:PutEvents"]
    assert sent["Condition"] == {"StringEquals": {"events:source": "mlops.release"}}


def retirement(template):
    return {pair for pair in template.allowed(template.role(CONTROLLER)) if "DeleteModelPackage" in pair[0]}


def below(template, action):
    """Where in the artifacts bucket the controller may do `action`."""
    arns = {arn for each, arn in template.allowed(template.role(CONTROLLER)) if each == action and "Artifacts" in arn}
    return {arn.partition(">")[2] for arn in arns}


@pytest.mark.parametrize("environment", ["local", "dev"])
def test_versions_are_removed_into_the_archive(environment, templates):
    release = templates(environment)["release"]
    assert retirement(release)
    assert below(release, "s3:GetObject") == {"/loan_approval/*"}
    assert below(release, "s3:PutObject") == {"/loan_approval/archive/*"}


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_versions_that_another_environment_may_serve_cannot_be_removed(environment, templates):
    release = templates(environment)["release"]
    assert not retirement(release)
    assert not below(release, "s3:GetObject")
    assert not below(release, "s3:PutObject")


def test_released_versions_are_tested_where_configuration_says_so(templates):
    staging = templates("staging")["release"]
    invoked = {arn for action, arn in staging.allowed(staging.role(CONTROLLER)) if action == "lambda:InvokeFunction"}
    [tests] = [name for name in staging.resources("AWS::Lambda::Function") if name.startswith("Tests")]
    assert invoked == {f"<{tests}>"}
    assert only(staging, "AWS::Lambda::Function")["Environment"]["Variables"]["TESTS_FUNCTION"] == {"Ref": tests}
    prod = templates("prod")["release"]
    assert "lambda:InvokeFunction" not in {action for action, _ in prod.allowed(prod.role(CONTROLLER))}


def test_production_reads_the_registry_and_the_artifacts_of_staging(templates):
    prod = templates("prod")
    role = prod["release"].role(CONTROLLER)
    described = {arn for action, arn in prod["release"].allowed(role) if action == "sagemaker:DescribeModelPackage"}
    assert [arn.partition("model-package/")[2] for arn in described] == ["mlops-staging-loan-approval/*"]
    # CloudFormation reads the serving stack's parameters with the controller's rights.
    inputs = {each["Default"] for each in prod["serving"].body["Parameters"].values()}
    readable = {
        arn.partition(":parameter")[2] for action, arn in prod["release"].allowed(role) if action == "ssm:GetParameters"
    }
    assert {each for each in inputs if "foundation" in each} == {
        "/mlops/staging/foundation/artifacts-bucket",
        "/mlops/staging/foundation/key",
    }
    assert inputs <= readable
    model = {(action, arn) for action, arn in prod["serving"].allowed(prod["serving"].role("Role"))}
    loaded = {arn for action, arn in model if action == "s3:GetObject" and arn.endswith("/loan_approval/*")}
    assert len(loaded) == 1
    assert "SsmParameterValuemlopsstagingfoundationartifactsbucket" in loaded.pop()
    decrypted = {arn for action, arn in model if action == "kms:Decrypt"}
    assert any("SsmParameterValuemlopsstagingfoundationkey" in arn for arn in decrypted)


@pytest.mark.parametrize("environment", ["local", "dev", "staging"])
def test_other_environments_read_nobody_elses(environment, templates):
    """But for retraining, which answers degradation where its versions serve (test_retraining_wiring)."""
    for stack, template in templates(environment).items():
        if (environment, stack) == ("staging", "monitoring"):
            continue
        others = {each for each in ENVIRONMENTS if each != environment}
        assert not [each for each in others if f"mlops-{each}-" in json.dumps(template.body)]
        assert not [each for each in others if f"/mlops/{each}/" in json.dumps(template.body)]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_controller_sends_to_its_topic_and_its_queue_only(environment, templates):
    release = templates(environment)["release"]
    [queue] = own(release, "AWS::SQS::Queue")
    sent = {pair for pair in release.allowed(release.role(CONTROLLER)) if pair[0].startswith(("sns:", "sqs:"))}
    assert sent == {
        ("sns:Publish", f"<mlops-{environment}-foundation:ExportsOutputRefTopicBFC7AF6ECB4A357A>"),
        ("sqs:SendMessage", f"<{queue}>"),
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_function_is_told_what_it_looks_after(environment, templates):
    release = templates(environment)["release"]
    function = only(release, "AWS::Lambda::Function")
    base = f"mlops-{environment}-loan-approval"
    registry = base.replace("prod", "staging")
    variables = dict(function["Environment"]["Variables"])
    assert "RefTopic" in flat(variables.pop("TOPIC_ARN"))
    assert "RefLedger" in flat(variables.pop("LEDGER_TABLE"))
    assert "RefArtifacts" in flat(variables.pop("ARTIFACTS_BUCKET"))
    assert variables.pop("DEAD_LETTER_QUEUE_URL") == {"Ref": next(iter(own(release, "AWS::SQS::Queue")))}
    assert json.loads(variables.pop("POLICY"))["enabled"] is True
    assert bool(variables.pop("TESTS_FUNCTION")) is (environment == "staging")
    assert variables == {
        "ENVIRONMENT": environment,
        "MODEL": "loan-approval",
        "MODEL_PACKAGE_GROUP": registry,
        "SERVING_STACK": f"{base}-serving",
        "ENDPOINT_NAME": base,
        "PARAMETER_PREFIX": f"/mlops/{environment}/loan-approval/release/",
        "DATABASE": f"mlops_{environment}_loan_approval",
        "WORKGROUP": f"{base}-predictions",
        "ARCHIVE_PREFIX": "loan_approval/archive",
    }
    assert function["ReservedConcurrentExecutions"] == 1
    assert function["Timeout"] == 60
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["Architectures"] == ["arm64"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_log_group_is_encrypted_and_ends(environment, templates):
    for stack in templates(environment).values():
        for name, each in stack.resources("AWS::Logs::LogGroup").items():
            assert "Key961B73FD" in json.dumps(each["Properties"]["KmsKeyId"]), name
            assert each["Properties"]["RetentionInDays"] in (7, 30, 90, 731), name
        for each in stack.resources("AWS::Lambda::Function").values():
            assert each["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] in stack.resources("AWS::Logs::LogGroup")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nothing_that_fails_is_lost(environment, templates):
    """Undelivered events, failed invocations and malformed events all end in one alarmed queue."""
    release = templates(environment)["release"]
    [queue] = own(release, "AWS::SQS::Queue")
    arn = {"Fn::GetAtt": [queue, "Arn"]}
    for each in own(release, "AWS::Events::Rule").values():
        [target] = each["Properties"]["Targets"]
        assert target["DeadLetterConfig"] == {"Arn": arn}
    assert only(release, "AWS::Lambda::EventInvokeConfig")["DestinationConfig"] == {"OnFailure": {"Destination": arn}}
    assert only(release, "AWS::SQS::Queue")["MessageRetentionPeriod"] == 1209600
    assert "Key961B73FD" in json.dumps(only(release, "AWS::SQS::Queue")["KmsMasterKeyId"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_people_hear_of_dead_letters_and_failing_runs(environment, templates):
    alarms = own(templates(environment)["release"], "AWS::CloudWatch::Alarm").values()
    assert {each["Properties"]["MetricName"] for each in alarms} == {
        "ApproximateNumberOfMessagesVisible",
        "Errors",
    }
    for each in alarms:
        [action] = each["Properties"]["AlarmActions"]
        assert "Topic" in action["Fn::ImportValue"]
        assert each["Properties"]["Threshold"] == 0


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_only_these_rules_and_this_accounts_events_reach_the_queue(environment, templates):
    policy = only(templates(environment)["release"], "AWS::SQS::QueuePolicy")["PolicyDocument"]
    denied = [each for each in policy["Statement"] if each["Effect"] == "Deny"]
    assert [each["Condition"] for each in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]
    for each in policy["Statement"]:
        if each["Effect"] == "Allow":
            assert each["Principal"] == {"Service": "events.amazonaws.com"}
            assert "aws:SourceArn" in json.dumps(each["Condition"])
