"""Project controller: a project of SageMaker Studio asks for a model, and a build of CodeBuild makes it.

Lambda entry point `handler.handler`, called by:

- CloudFormation, for the resource Custom::NewModel of a project's stack. Create starts the build and is not answered
  yet; Update and Delete are answered at once.
- CloudFormation, for Custom::ProjectTemplate of the environment's own stack: the template is put where Studio looks.
- EventBridge, when a build has ended (CodeBuild Build State Change): then CloudFormation gets its answer, and the
  project the branch, or why there is none.

Events may come twice; what was answered is not answered again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from builds import Build
from gateway import Gateway, gateway
from request import Request
from shared.custom_resource import BadRequestError

TEMPLATE = "Custom::ProjectTemplate"


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Returns what was done, for the log; raises what a retry may mend."""
    done = _asked(event, gateway()) if "RequestType" in event else _ended(event, gateway())
    print(json.dumps(done))
    return done


def _asked(event: Mapping[str, Any], aws: Gateway) -> dict[str, str]:
    """A request of CloudFormation, which waits an hour for an answer that does not come."""
    request = Request.read(event)
    try:
        if event["ResourceType"] == TEMPLATE:
            aws.publish(request.type, event["ResourceProperties"])
            aws.answer(request.as_waiting(), "", {})
            return {"request": request.type, "template": event["ResourceProperties"]["ToKey"]}
        if request.type == "Create":
            request.check()
            build = aws.start(request)
            return {"request": request.type, "model": request.model, "build": build}
        failure = request.refusal() if request.type == "Update" else ""
    except BadRequestError as error:
        failure = str(error)
    except Exception as error:
        failure = f"{request.model}: {error}"
    aws.answer(request.as_waiting(), failure, {})
    return {"request": request.type, "model": request.model, "failure": failure}


def _ended(event: Mapping[str, Any], aws: Gateway) -> dict[str, str]:
    """The end of a build: its request is answered, if it still waits."""
    build = Build.read(event)
    waiting = aws.waiting(build)
    if waiting is None:
        return {"build": build.id, "ignored": "nobody waits for it"}
    failure = "" if build.succeeded else aws.reason(build)
    aws.answer(waiting, failure, aws.result(build) if build.succeeded else {})
    aws.forget(build)
    return {"build": build.id, "model": str(waiting["model"]), "failure": failure}
