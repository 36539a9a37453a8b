"""One start of a transform job: read what serves, look at the input, create. A repeated event creates nothing."""

from __future__ import annotations

from gateway import Gateway
from job import Job, Place, RefusedError, arguments, below, suffix_of
from request import Request, Scheduled


def start(gateway: Gateway, request: Request) -> dict[str, str]:
    """The job's name and the URI of its output; raises RefusedError where none can be started."""
    settings = gateway.settings
    source = settings.input_uri if isinstance(request, Scheduled) else request.input
    wanted = "" if isinstance(request, Scheduled) else request.output
    name = f"{settings.job_prefix}{request.slot}"
    place = below("input", source, settings.input_uri)
    output = below("output", wanted or f"{settings.output_uri}{name}/", settings.output_uri)
    champion = gateway.champion()
    if champion is None:
        raise RefusedError(f"no version of {settings.model} serves in {settings.environment}: approve one first")
    suffix = suffix_of(place, gateway.keys(place))
    tags = {"project": settings.project, "environment": settings.environment, "model": settings.model}
    tags["model-package"] = champion.package
    job = Job(name, champion.model, place, suffix, Place(output.bucket, output.key), tuple(tags.items()))
    gateway.create(arguments(job, settings.resources))
    return {"job": name, "output": output.uri, "reason": ""}
