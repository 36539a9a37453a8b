"""The private names of ministack that `local_aws.seam` uses: a new release that moves one fails here by name."""

from __future__ import annotations

import importlib
import inspect
import io
import re
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from local_aws import seam
from local_aws.warm.process import Process

ROOT = Path(__file__).resolve().parents[3]
APP = "ministack.app"
ROUTER = "ministack.core.router"
RESPONSES = "ministack.core.responses"
EVENTBRIDGE = "ministack.services.eventbridge"
CLOUDWATCH = "ministack.services.cloudwatch"
LAMBDA = "ministack.services.lambda_svc"
LAMBDA_RUNTIME = "ministack.core.lambda_runtime"
EVALUATOR = "ministack.core.iam_evaluator"
ACTIONS = "ministack.core.iam_actions"
S3 = "ministack.services.s3"
KMS = "ministack.services.kms"
STS = "ministack.services.sts"
SSM = "ministack.services.ssm"
SQS = "ministack.services.sqs"
GLUE = "ministack.services.glue"
IAM_EVALUATOR = "ministack.core.iam_evaluator"
IAM_ACTIONS = "ministack.core.iam_actions"
ATHENA = "ministack.services.athena"
CLOUDFORMATION = "ministack.services.cloudformation"
STACKS = f"{CLOUDFORMATION}.stacks"
PROVISIONERS = f"{CLOUDFORMATION}.provisioners"


def named(module: str, name: str) -> Any:
    found = getattr(importlib.import_module(module), name, None)
    assert found is not None, f"{module}.{name} is gone; adapt local_aws/seam"
    return found


def test_the_pinned_version_is_installed() -> None:
    assert version("ministack") == "1.5.33", "local_aws/seam was written for 1.5.33"


@pytest.mark.parametrize(
    ("module", "name", "parameters"),
    [
        (APP, "app", ["scope", "receive", "send"]),
        (APP, "_build_persistence_save_dict", []),
        (APP, "_get_module", ["name"]),
        (RESPONSES, "get_account_id", []),
        (RESPONSES, "get_region", []),
        (RESPONSES, "request_scope", ["account_id", "region"]),
        (RESPONSES, "_service_model", ["service"]),
        (EVENTBRIDGE, "_put_events", ["data", "allow_aws_source"]),
        (EVENTBRIDGE, "_invoke_target", ["target", "event", "rule", "view"]),
        (EVENTBRIDGE, "_dispatch_to_lambda", ["arn", "payload"]),
        (EVENTBRIDGE, "_parse_cron_fields", ["expr"]),
        (EVENTBRIDGE, "_cron_next_fire", ["fields", "after_dt"]),
        (EVENTBRIDGE, "_dispatch_to_event_bus", ["spec", "event", "rule", "event_path", "target_input_payload"]),
        (EVENTBRIDGE, "_dispatch_event", ["event", "view"]),
        (EVENTBRIDGE, "_archive_event", ["event", "view"]),
        (EVENTBRIDGE, "_ensure_default_bus", []),
        (EVENTBRIDGE, "_pattern_event_view", ["event"]),
        (EVENTBRIDGE, "_put_permission", ["data"]),
        (STS, "_caller_identity", ["headers", "query_params"]),
        (EVALUATOR, "evaluate", ["ctx", "policies", "limits"]),
        (EVALUATOR, "evaluate_resource_policy", ["doc", "ctx", "service", "named_only", "direct_only"]),
        (EVALUATOR, "evaluate_trust_policy", ["trust_doc", "caller_arn", "ctx"]),
        (EVALUATOR, "_gather_role_policies", ["role_name", "account_id"]),
        (EVALUATOR, "_resolve_condition_key", ["key", "ctx"]),
        (ACTIONS, "_s3_action", ["method", "path", "query_params"]),
        (ACTIONS, "s3_service_context", ["iam_action", "query_params", "path", "headers"]),
        (CLOUDWATCH, "_evaluate_alarm", ["alarm"]),
        (CLOUDWATCH, "_evaluate_parent_alarms", ["child", "seen"]),
        (CLOUDWATCH, "_dispatch_alarm_actions", ["alarm", "old_state", "new_state", "reason"]),
        (CLOUDWATCH, "_dims_key", ["dims"]),
        (CLOUDWATCH, "_evict_old_metrics", []),
        (CLOUDWATCH, "_history_entries", []),
        (
            CLOUDWATCH,
            "_record_history",
            ["alarm_name", "old_state", "new_state", "reason", "alarm_type", "reason_data"],
        ),
        (CLOUDWATCH, "_parse_alarm_rule", ["rule"]),
        (CLOUDWATCH, "_rule_refs", ["node"]),
        (CLOUDWATCH, "_rule_ref_name", ["ref"]),
        (CLOUDWATCH, "_composite_rule_state", ["alarm"]),
        (CLOUDWATCH, "_matching_children", ["alarm", "state"]),
        (CLOUDWATCH, "_transition_composite", ["alarm", "new_state", "reason", "triggers", "seen"]),
        (CLOUDWATCH, "_ts_iso", ["epoch"]),
        (CLOUDWATCH, "record_metric", ["namespace", "metric_name", "value", "unit", "dimensions"]),
        (CLOUDWATCH, "cloudformation_put_dashboard", ["name", "body"]),
        (CLOUDWATCH, "cloudformation_delete_dashboard", ["name"]),
        (CLOUDWATCH, "handle_request", ["method", "path", "headers", "body", "query_params"]),
        (CLOUDWATCH, "_calc_stats", ["points"]),
        (CLOUDWATCH, "_stat_value", ["stats", "stat_name", "points"]),
        (LAMBDA, "invoke_async_with_retry", ["func", "event"]),
        (LAMBDA, "_execute_function_with_config_scope", ["func", "event"]),
        (LAMBDA, "_execution_record_for_config", ["func", "config"]),
        (LAMBDA_RUNTIME, "reset", []),
        (LAMBDA_RUNTIME, "kill_workers", ["workers"]),
        (LAMBDA_RUNTIME, "workers_in_use", []),
        (STACKS, "_runs_on_worker_thread", ["resource_type"]),
        (S3, "_get_object_data", ["bucket_name", "key", "version_id"]),
        (
            S3,
            "_foreign_bucket_allows",
            ["owner_account", "bucket_name", "key", "method", "query_params", "caller", "headers"],
        ),
        (S3, "_bucket_owner_account", ["name"]),
        (S3, "_public_access_blocked", ["owner_account", "bucket_name", "setting"]),
        (S3, "_policy_is_public", ["policy_text"]),
        (S3, "_stored_sse_headers", ["obj"]),
        (KMS, "_resolve_key", ["key_id_or_arn"]),
        (SSM, "_put_parameter", ["data"]),
        (SSM, "_delete_parameter", ["data"]),
        (SSM, "_delete_parameters", ["data"]),
        (SSM, "_describe_parameters", ["data"]),
        (SSM, "handle_request", ["method", "path", "headers", "body", "query_params"]),
        (ATHENA, "handle_request", ["method", "path", "headers", "body", "query_params"]),
        (ATHENA, "_ensure_default_workgroup", []),
        (ATHENA, "_parse_ddl", ["query"]),
        (ATHENA, "_run_ddl", ["ddl", "database"]),
        (ATHENA, "_run_duckdb", ["query", "database", "catalog"]),
        (APP, "_routing_params", ["method", "path", "headers", "body", "query_params"]),
        (ROUTER, "extract_access_key_id", ["headers", "query_params"]),
        (STS, "register_session", ["access_key", "session"]),
        (STS, "_role_id", ["role_arn"]),
        (LAMBDA_RUNTIME, "execution_credentials", ["config"]),
        (LAMBDA, "execution_credentials", ["config"]),
        (IAM_EVALUATOR, "parse_policy_document", ["doc"]),
        (IAM_EVALUATOR, "_first_match", ["ctx", "stmts", "effect"]),
        (IAM_EVALUATOR, "_resolve_managed_policy_document", ["policy_arn", "account_id"]),
        (IAM_EVALUATOR, "fnmatch_iam_cs", ["value", "pattern"]),
        (
            IAM_ACTIONS,
            "extract_iam_action",
            ["service", "method", "path", "headers", "body", "query_params"],
        ),
        (
            IAM_ACTIONS,
            "extract_resource_arn",
            ["service", "method", "path", "headers", "body", "query_params", "region", "account_id"],
        ),
        (IAM_ACTIONS, "s3_additional_checks", ["method", "path", "headers", "body", "query_params"]),
        (IAM_ACTIONS, "request_tag_context", ["service", "iam_action", "body", "params"]),
        (IAM_ACTIONS, "identity_denial_message", ["action", "principal_arn", "resource", "explicit_deny"]),
        (PROVISIONERS, "_physical_name", ["stack_name", "logical_id", "lowercase", "max_len", "seeded"]),
    ],
)
def test_a_function_takes_what_the_seam_gives_it(module: str, name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(named(module, name)).parameters) == parameters


def test_what_the_seam_replaces_in_other_modules_is_looked_up_there_when_called() -> None:
    """A replaced function works only if its callers read the module's name each time."""
    for module, caller, name in [
        (RESPONSES, "_expected_envelope_content_type", "_service_model"),
        (EVENTBRIDGE, "_dispatch_event", "_invoke_target"),
        (EVENTBRIDGE, "_invoke_target", "_dispatch_to_lambda"),
        (EVENTBRIDGE, "_invoke_target", "_dispatch_to_event_bus"),
        (EVENTBRIDGE, "handle_request", "_put_permission"),
        (EVALUATOR, "_conditions_met", "_resolve_condition_key"),
        (S3, "_apply_bucket_scope", "_foreign_bucket_allows"),
        (CLOUDWATCH, "_evaluate_all_alarms", "_evaluate_alarm"),
        (CLOUDWATCH, "handle_request", "_evict_old_metrics"),
        (CLOUDWATCH, "_transition_composite", "_dispatch_alarm_actions"),
        (CLOUDWATCH, "_evaluate_parent_alarms", "_transition_composite"),
        (LAMBDA, "_invoke", "invoke_async_with_retry"),
        (STACKS, "_deploy_stack_async", "_runs_on_worker_thread"),
        (STACKS, "_deploy_stack_async", "_add_event"),
        (f"{CLOUDFORMATION}.handlers", "_create_stack", "_add_event"),
        (f"{CLOUDFORMATION}.changesets", "_execute_change_set", "_add_event"),
        (SSM, "handle_request", "_put_parameter"),
        (SSM, "handle_request", "_delete_parameter"),
        (SSM, "handle_request", "_delete_parameters"),
        (SSM, "handle_request", "_describe_parameters"),
        (PROVISIONERS, "_ssm_create", "_put_parameter"),
    ]:
        assert name in named(module, caller).__code__.co_names, f"{module}.{caller} no longer calls {name}"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (APP, "SERVICE_HANDLERS"),
        (APP, "_state_map"),
        (ROUTER, "SERVICE_PATTERNS"),
        (RESPONSES, "_BOTOCORE_NAME"),
        (CLOUDFORMATION, "_ACTION_HANDLERS"),
        (PROVISIONERS, "_RESOURCE_HANDLERS"),
        (PROVISIONERS, "_REPLACING_PROPERTIES"),
        (PROVISIONERS, "_CUSTOM_NAME_REPLACEMENT"),
        (PROVISIONERS, "_STACK_TAG_PROPERTY"),
    ],
)
def test_a_registry_is_a_dictionary(module: str, name: str) -> None:
    assert isinstance(named(module, name), dict)


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (CLOUDFORMATION, ["_stacks", "_stack_events", "_change_sets"]),
        (
            CLOUDWATCH,
            ["_alarms", "_composite_alarms", "_composite_triggers", "_metrics", "_dashboards"],
        ),
        (SQS, ["_queues"]),
        (ATHENA, ["_workgroups"]),
        (GLUE, ["_tables", "_databases"]),
        (SSM, ["_parameters", "_parameter_history"]),
        (
            S3,
            [
                "_buckets",
                "_object_tags",
                "_object_acl",
                "_object_annotations",
                "_object_versions",
                "_object_retention",
                "_object_legal_hold",
                "_multipart_uploads",
                "_completed_multipart_uploads",
            ],
        ),
    ],
)
def test_a_store_keeps_its_rows_in_data(module: str, names: list[str]) -> None:
    for name in names:
        assert isinstance(named(module, name)._data, dict), f"{module}.{name} is stored otherwise"


def test_s3_has_no_store_that_checkpoints_would_miss() -> None:
    from local_aws.seam import state

    s3 = importlib.import_module(S3)
    kinds = (named(RESPONSES, "AccountScopedDict"), named(RESPONSES, "AccountRegionScopedDict"))
    stores = {name for name, value in vars(s3).items() if isinstance(value, kinds)}
    persisted = {id(value) for value in named(S3, "_PERSISTED_BUCKET_DICTS").values()}
    by_itself = {name for name in stores if id(getattr(s3, name)) in persisted}
    assert stores - by_itself == set(state._S3_STORES)


@pytest.mark.parametrize("service", ["lambda", "cloudwatch", "cloudwatch_logs"])
def test_a_service_saves_no_store_that_checkpoints_would_miss(
    service: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from local_aws.seam import state as kept

    monkeypatch.setattr(importlib.import_module(LAMBDA), "CODE_BLOB_DIR", str(tmp_path))
    module = named(APP, "_get_module")(named(APP, "_state_map")[service])
    state = module.get_state()
    assert set(state) == set(kept._UNCOPIED[service])
    for name, value in state.items():
        assert type(value) is type(getattr(module, f"_{name}")), f"{service}: {name} is saved in another form"


def test_stacks_are_saved_as_they_would_save_themselves() -> None:
    """They would copy themselves first, and that takes longer than all else."""
    from local_aws.seam import state

    module = importlib.import_module(CLOUDFORMATION)
    stores = state.service_states()["cloudformation"]
    assert {key: type(value) for key, value in stores.items()} == {
        key: type(value) for key, value in module.get_state().items()
    }
    assert stores["stacks"] is named(CLOUDFORMATION, "_stacks")


def test_of_a_model_its_metadata_are_known_without_the_rest() -> None:
    """In a process of its own, since what is replaced stays."""
    code = (
        "from ministack.core import responses; whole = responses._service_model\n"
        "from local_aws import seam; seam.read_model_heads()\n"
        "for service in ('s3', 'sqs', 'monitoring', 'events', 'ec2', 'iam', 'logs'):\n"
        "    head = responses._service_model(service)\n"
        "    assert not whole.cache_info().misses, service\n"
        "    assert head.metadata == dict(whole(service).metadata), service\n"
        "    assert head.service_id == whole(service).service_id\n"
        "    whole.cache_clear()\n"
        "assert responses._service_model('nothing of AWS') is None"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr


def test_every_service_can_be_restored() -> None:
    for name in ("s3", "lambda", "cloudformation", "eventbridge", "scheduler", "cloudwatch", "cloudwatch_logs"):
        module = named(APP, "_get_module")(named(APP, "_state_map")[name])
        assert callable(module.get_state)
        assert callable(module.load_persisted_state)


def test_an_object_of_a_bucket_has_its_size_and_bytes(tmp_path: Path) -> None:
    """In a process of its own, since buckets stay."""
    code = (
        "from pathlib import Path; from local_aws import seam; from local_aws.core.api import Context\n"
        f"seam.configure(account='111122223333', region='eu-west-1', port=1, home=Path({str(tmp_path)!r}))\n"
        "from ministack.services import s3\n"
        "ctx = Context('111122223333', 'eu-west-1')\n"
        "with seam.acting_in(ctx):\n"
        "    s3._create_bucket('bucket', b'', {}); s3._put_object('bucket', 'k/1', b'abc', {})\n"
        "print(seam.object_sizes(ctx, 'bucket', 'k/'), seam.object_bytes(ctx, 'bucket', 'k/1'))\n"
        "print(seam.object_sizes(ctx, 'none', ''))"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.split("\n")[:2] == ["{'k/1': 3} b'abc'", "{}"]


def test_a_bucket_whose_objects_are_locked_is_versioned_and_keeps_them(tmp_path: Path) -> None:
    """In a process of its own, since buckets stay."""
    code = (
        "from pathlib import Path; from local_aws import seam; from local_aws.core.api import Context\n"
        f"seam.configure(account='111122223333', region='eu-west-1', port=1, home=Path({str(tmp_path)!r}))\n"
        "from ministack.services import s3\n"
        "ctx = Context('111122223333', 'eu-west-1')\n"
        "with seam.acting_in(ctx):\n"
        "    s3._create_bucket('bucket', b'', {})\n"
        "seam.lock_objects(ctx, 'bucket', {'Mode': 'COMPLIANCE', 'Days': 3})\n"
        "with seam.acting_in(ctx):\n"
        "    _, headers, _ = s3._put_object('bucket', 'k', b'abc', {})\n"
        "    version = next(value for name, value in headers.items() if name.lower() == 'x-amz-version-id')\n"
        "    print(b'COMPLIANCE' in s3._get_object_lock_configuration('bucket')[2])\n"
        "    print(s3._check_object_lock('bucket', 'k', {}, version)[0])"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.split("\n")[:2] == ["True", "403"]


def test_stack_events_carry_the_token_of_the_operation() -> None:
    assert named(STACKS, "CLIENT_REQUEST_TOKEN").get() == ""


def test_types_that_wait_run_on_worker_threads_and_others_on_the_event_loop(tmp_path: Path) -> None:
    """In a process of its own, since what is installed stays."""
    code = (
        "from pathlib import Path; from local_aws import cloudformation, seam\n"
        f"seam.configure(account='111122223333', region='eu-west-1', port=1, home=Path({str(tmp_path)!r}))\n"
        "cloudformation.install()\n"
        "from ministack.services.cloudformation.stacks import _runs_on_worker_thread as on_worker\n"
        "print(on_worker('AWS::SageMaker::Endpoint'), on_worker('AWS::S3::Bucket'), on_worker('Custom::X'))"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["True", "False", "True"]


class Spawned(Exception):
    """Instead of a process."""


@pytest.mark.parametrize(("runtime", "forked"), [("python3.13", True), ("nodejs22.x", False)])
def test_a_function_of_python_is_started_by_what_the_seam_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str, forked: bool
) -> None:
    """With what `Popen` would be given; where that says no, and for other runtimes, by `Popen`."""
    lambda_runtime = importlib.import_module(LAMBDA_RUNTIME)
    monkeypatch.setattr(lambda_runtime, "subprocess", subprocess)
    monkeypatch.setattr(lambda_runtime, "execution_credentials", lambda _config: {"AWS_ACCESS_KEY_ID": "a"})
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    asked: list[tuple[Any, ...]] = []
    given: list[Any] = []

    def popen(argv: list[str], **options: Any) -> None:
        given.append((argv, options["cwd"], options["env"]))
        raise Spawned

    monkeypatch.setattr(subprocess, "Popen", popen)
    seam.fork_python_functions(lambda *call: asked.append(call))
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", "")
    arn = "arn:aws:lambda:eu-west-1:111122223333:function:f"
    variables = {"_LAMBDA_LAYERS_DIRS": "/layers/0"}
    config = {"Runtime": runtime, "FunctionArn": arn, "Environment": {"Variables": variables}}
    with pytest.raises(Spawned):
        lambda_runtime.Worker("f", config, code.getvalue())._spawn()
    [(argv, cwd, env)] = given
    assert Path(argv[1]).parent == Path(cwd).parent
    assert (Path(cwd) / "index.py").exists()
    assert env["AWS_REGION"] == "eu-west-1"
    assert asked == ([(argv, cwd, env, [cwd, "/layers/0", "/layers/0/python"])] if forked else [])


def test_what_stands_for_a_process_has_what_a_worker_uses() -> None:
    """All of `Popen` that the worker of a function uses, so that a release that uses more of it fails here."""
    source = inspect.getsource(importlib.import_module(LAMBDA_RUNTIME))
    worker = source[source.index("class Worker:") : source.index("def _worker_key(")]
    used = set(re.findall(r"(?:\b_proc|\bproc)\.(\w+)", worker))
    assert used == {"stdin", "stdout", "stderr", "poll", "wait", "terminate", "kill"}
    assert used - {"stdin", "stdout", "stderr"} <= set(dir(Process))
