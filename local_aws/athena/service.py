"""Athena's query executions: started under a token, run on a worker thread, kept with their results.

Workgroups, named queries and the rest of Athena are ministack's. Statements that read neither a table with projected
partitions nor one of Parquet files run on its engine. Source: API reference of Athena; user guide, athena-events.
"""

from __future__ import annotations

import json
import logging
import uuid
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import clients, permissions, seam
from local_aws.athena import rights, tables
from local_aws.athena.engine import Answer, Query, QueryCancelled
from local_aws.core import api, events, protocol, store
from local_aws.core.api import ATHENA, AwsError, Context
from local_aws.featurestore import offline

log = logging.getLogger(__name__)

_KEPT = 1000
_PAGE = 1000
_ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
_ENGINE = {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"}

_executions = store.table("athena_executions")
_running: dict[str, Query] = {}
_workers = ThreadPoolExecutor(2, "athena")
_last: tuple[str, Answer] | None = None


def install() -> None:
    """Answer our operations instead of ministack, which gets the others; queries that a stop cut off have failed."""
    others = seam.service_handler("athena")

    async def answer(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> seam.Response:
        if headers.get("x-amz-target", "").partition(".")[2] in api.services[ATHENA]:
            return await protocol.answer_json(seam.current(), ATHENA, headers, body)
        return await others(method, path, headers, body, query)

    seam.replace_service_handler("athena", answer)
    api.on_start(fail_cut_off)


def fail_cut_off() -> None:
    """Fail what was under way when the server ended."""
    for (account, region, name), row in list(_executions.items()):
        if row["Execution"]["Status"]["State"] not in _ENDED:
            _change(Context(account, region), name, "FAILED", "The server ended while the query ran")


@api.operation("StartQueryExecution", ATHENA)
def start_query_execution(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    group = params.get("WorkGroup", "primary")
    configuration = _configuration(ctx, group)
    location = _location(configuration, params)
    token = params["ClientRequestToken"]
    name = str(uuid.uuid4())
    with store.lock:
        for row in _executions.rows(ctx.account, ctx.region):
            if row["Token"] == token:
                if row["Request"] != params:
                    raise AwsError("InvalidRequestException", "Idempotent parameters do not match")
                return {"QueryExecutionId": row["Execution"]["QueryExecutionId"]}
        _forget_oldest(ctx)
        _executions[ctx.account, ctx.region, name] = {
            "Token": token,
            "Request": params,
            "Execution": {
                "QueryExecutionId": name,
                "Query": params["QueryString"],
                "StatementType": _statement_type(params["QueryString"]),
                "QueryExecutionContext": params.get("QueryExecutionContext", {}),
                "ResultConfiguration": {**location, "OutputLocation": f"{location['OutputLocation']}{name}.csv"},
                "WorkGroup": group,
                "EngineVersion": _ENGINE,
                "Status": {"State": "QUEUED", "SubmissionDateTime": store.now()},
                "Statistics": {},
            },
            "Answer": None,
            "Changes": 0,
        }
    _tell(ctx, name, "")
    _workers.submit(_run, ctx, name, configuration.get("BytesScannedCutoffPerQuery"), permissions.caller())
    return {"QueryExecutionId": name}


@api.operation("GetQueryExecution", ATHENA)
def get_query_execution(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"QueryExecution": _row(ctx, params["QueryExecutionId"])["Execution"]}


@api.operation("BatchGetQueryExecution", ATHENA)
def batch_get_query_execution(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    found = {name: _executions.get((ctx.account, ctx.region, name)) for name in params["QueryExecutionIds"]}
    return {
        "QueryExecutions": [row["Execution"] for row in found.values() if row],
        "UnprocessedQueryExecutionIds": [
            {"QueryExecutionId": name, "ErrorCode": "INVALID_INPUT", "ErrorMessage": _missing(name)}
            for name, row in found.items()
            if not row
        ],
    }


@api.operation("ListQueryExecutions", ATHENA)
def list_query_executions(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    group = params.get("WorkGroup", "primary")
    mine = [row["Execution"] for row in _executions.rows(ctx.account, ctx.region)]
    names = [execution["QueryExecutionId"] for execution in reversed(mine) if execution["WorkGroup"] == group]
    page, following = _page(names, params, 50)
    return {"QueryExecutionIds": page, "NextToken": following}


@api.operation("StopQueryExecution", ATHENA)
def stop_query_execution(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    name = params["QueryExecutionId"]
    _row(ctx, name)
    if query := _running.get(name):
        query.stop()
    _change(ctx, name, "CANCELLED", "Query was cancelled by user")
    return {}


@api.operation("GetQueryResults", ATHENA)
def get_query_results(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    row = _row(ctx, params["QueryExecutionId"])
    status = row["Execution"]["Status"]
    if status["State"] != "SUCCEEDED":
        reason = f": {status['StateChangeReason']}" if "StateChangeReason" in status else ""
        message = f"Query did not finish successfully. Final query state: {status['State']}{reason}"
        raise AwsError("InvalidRequestException", message)
    bucket, _, key = row["Execution"]["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
    rights.check_object(ctx, permissions.caller(), bucket, key)
    answer = _answer(params["QueryExecutionId"], row)
    # The names of the columns are the first row of a query's result.
    header = [list(answer.columns)] if row["Execution"]["StatementType"] == "DML" else []
    page, following = _page([*header, *answer.rows], params, _PAGE)
    return {
        "UpdateCount": 0,
        "ResultSet": {
            "Rows": [
                {"Data": [{} if value is None else {"VarCharValue": value} for value in values]} for values in page
            ],
            "ResultSetMetadata": {
                "ColumnInfo": [
                    {"CatalogName": "hive", "Name": name, "Label": name, "Type": kind, "Nullable": "UNKNOWN"}
                    for name, kind in zip(answer.columns, answer.types, strict=True)
                ]
            },
        },
        "NextToken": following,
    }


def _run(ctx: Context, name: str, most_bytes: int | None, role: str | None) -> None:
    """Run an execution to its end with the rights of `role`, on a worker thread."""
    execution = _executions[ctx.account, ctx.region, name]["Execution"]
    query = _running[name] = Query(execution["Query"], execution["QueryExecutionContext"].get("Database", "default"))
    started = store.now()
    try:
        if not _change(ctx, name, "RUNNING"):
            return
        answer = query.run(lambda database, table: _table(ctx, role, database, table), most_bytes)
        if answer is None:
            answer = _by_ministack(ctx, execution)
        _write(ctx, role, execution, answer)
        with store.lock:
            row = _executions[ctx.account, ctx.region, name]
            row["Answer"] = _packed(answer)
            took = int((store.now() - started).total_seconds() * 1000)
            row["Execution"]["Statistics"] = {
                "DataScannedInBytes": answer.scanned_bytes,
                "EngineExecutionTimeInMillis": took,
                "TotalExecutionTimeInMillis": took,
            }
        _change(ctx, name, "SUCCEEDED")
    except QueryCancelled as error:
        _change(ctx, name, "CANCELLED", str(error))
    except Exception as error:  # what the query's author has to mend, whatever raised it
        log.info("query %s failed: %s", name, error)
        _change(ctx, name, "FAILED", str(error) or type(error).__name__)
    finally:
        _running.pop(name, None)


def _table(ctx: Context, role: str | None, database: str, name: str) -> tables.Table | None:
    record = seam.glue_table(ctx, database, name)
    if record is None or not (tables.projected(record) or tables.is_parquet(record)):
        return None
    if tables.is_parquet(record):
        offline.flush()  # what Feature Store is still to write
    rights.check_table(ctx, role, database, record, projected=tables.projected(record))

    def listing(bucket: str, prefix: str) -> dict[str, int]:
        rights.check_listing(ctx, role, bucket, prefix)
        return seam.object_sizes(ctx, bucket, prefix)

    def read(bucket: str, key: str) -> bytes:
        rights.check_object(ctx, role, bucket, key)
        return seam.object_bytes(ctx, bucket, key)

    return tables.Table(record, listing, read)


def _by_ministack(ctx: Context, execution: dict[str, Any]) -> Answer:
    context = execution["QueryExecutionContext"]
    result = seam.run_statement(
        ctx, execution["Query"], context.get("Database", "default"), context.get("Catalog", "AwsDataCatalog")
    )
    texts = [[None if value is None else str(value) for value in row] for row in result["rows"]]
    kinds = result.get("column_types") or ["varchar"] * len(result["columns"])
    return Answer(tuple(result["columns"]), tuple(kinds), texts)


def _packed(answer: Answer) -> bytes:
    """An answer as one byte string, which a checkpoint copies at once, however many rows it has."""
    return zlib.compress(json.dumps([answer.columns, answer.types, answer.rows]).encode(), 1)


def _answer(name: str, row: store.Row) -> Answer:
    """The answer of an execution; the last one that was asked for is at hand, since long ones come in pages."""
    global _last
    found = _last
    if found is None or found[0] != name:
        found = _last = name, Answer(*json.loads(zlib.decompress(row["Answer"])))
    return found[1]


def _write(ctx: Context, role: str | None, execution: dict[str, Any], answer: Answer) -> None:
    """Put the result where the workgroup wants it. Raises ValueError with S3's reason where S3 refuses it."""
    text = "".join(",".join(map(_cell, row)) + "\n" for row in (answer.columns, *answer.rows))
    result = execution["ResultConfiguration"]
    bucket, _, key = result["OutputLocation"].removeprefix("s3://").partition("/")
    encryption = result.get("EncryptionConfiguration", {})
    options = {"SSE_S3": {"ServerSideEncryption": "AES256"}}.get(encryption.get("EncryptionOption"), {})
    if encryption.get("EncryptionOption") == "SSE_KMS":
        options = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": encryption["KmsKey"]}
    try:
        rights.check_results(ctx, role, bucket)
        clients.client("s3", ctx, role).put_object(Bucket=bucket, Key=key, Body=text.encode(), **options)
    except (BotoCoreError, ClientError) as error:
        raise ValueError(f"{result['OutputLocation']} cannot be written: {error}") from error


def _cell(value: str | None) -> str:
    """A cell of the result's CSV: NULL is what has no quotes."""
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def _change(ctx: Context, name: str, state: str, reason: str | None = None) -> bool:
    """Move an execution on and tell it, unless it has ended."""
    with store.lock:
        row = _executions[ctx.account, ctx.region, name]
        status = row["Execution"]["Status"]
        before = status["State"]
        if before in _ENDED:
            return False
        row["Changes"] += 1
        status["State"] = state
        if reason:
            status["StateChangeReason"] = reason
        if state in _ENDED:
            status["CompletionDateTime"] = store.now()
    _tell(ctx, name, before)
    return True


def _tell(ctx: Context, name: str, before: str) -> None:
    row = _executions[ctx.account, ctx.region, name]
    execution = row["Execution"]
    detail = {
        "versionId": "0",
        "currentState": execution["Status"]["State"],
        **({"previousState": before} if before else {}),
        "statementType": execution["StatementType"],
        "queryExecutionId": name,
        "workgroupName": execution["WorkGroup"],
        "sequenceNumber": str(row["Changes"] + 1),
    }
    events.emit(ctx, "Athena Query State Change", detail, [], source="aws.athena")


def _configuration(ctx: Context, group: str) -> dict[str, Any]:
    found = seam.workgroup(ctx, group)
    if found is None:
        raise AwsError("InvalidRequestException", f"WorkGroup {group} is not found.")
    if found.get("State") == "DISABLED":
        raise AwsError("InvalidRequestException", f"WorkGroup {group} is disabled.")
    return dict(found.get("Configuration") or {})


def _location(configuration: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """Where the result goes: as the workgroup says where it enforces that, else as the client says."""
    of_group, of_client = configuration.get("ResultConfiguration") or {}, params.get("ResultConfiguration") or {}
    enforced = configuration.get("EnforceWorkGroupConfiguration", True) and of_group.get("OutputLocation")
    location = dict(of_group) if enforced else {**of_group, **of_client}
    if not location.get("OutputLocation"):
        raise AwsError(
            "InvalidRequestException",
            "No output location provided. An output location is required either through the Workgroup result "
            "configuration setting or as an API input.",
        )
    return {**location, "OutputLocation": location["OutputLocation"].rstrip("/") + "/"}


def _forget_oldest(ctx: Context) -> None:
    keys = [key for key in _executions if key[:2] == (ctx.account, ctx.region)]
    for key in keys[: max(0, len(keys) - _KEPT + 1)]:
        if _executions[key]["Execution"]["Status"]["State"] in _ENDED:
            del _executions[key]


def workgroup_of(ctx: Context, name: str) -> str:
    """The workgroup of an execution; empty where there is no such execution."""
    row = _executions.get((ctx.account, ctx.region, name))
    return str(row["Execution"]["WorkGroup"]) if row else ""


def _row(ctx: Context, name: str) -> dict[str, Any]:
    row = _executions.get((ctx.account, ctx.region, name))
    if row is None:
        raise AwsError("InvalidRequestException", _missing(name))
    return row


def _missing(name: str) -> str:
    return f"QueryExecution {name} was not found"


def _page(items: list[Any], params: dict[str, Any], most: int) -> tuple[list[Any], str | None]:
    given = params.get("NextToken") or "0"
    if not given.isdigit():
        raise AwsError("InvalidRequestException", "NextToken is not valid")
    start = int(given)
    end = start + (params.get("MaxResults") or most)
    return items[start:end], str(end) if end < len(items) else None


def _statement_type(statement: str) -> str:
    words = statement.lstrip(" (\t\r\n").partition(" ")[0].upper()
    if words.startswith(("CREATE", "DROP", "ALTER")):
        return "DDL"
    return "UTILITY" if words.startswith(("SHOW", "DESCRIBE", "EXPLAIN", "MSCK")) else "DML"
