"""RQ: a span for each job enqueued, scheduled or fetched, and for each one that a worker performs."""

from __future__ import annotations

from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from .families.message_headers import HEADERS, carrier
from .kernel.call import Arguments, Call, Incoming, Outcome, SpanSpec
from .kernel.hooks.annotate_entry_span import annotate_entry_span
from .kernel.hooks.suppress_outside import suppress_outside
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .semconv import messaging
from .semconv.messaging import Attributes

_UNREADABLE = "unserialized"
"""What alone stands in the meta of a job that was read by another serializer than it was written."""


def enqueue_job(call: Call) -> SpanSpec:
    return _sent("enqueue_job", call)


def schedule_job(call: Call) -> SpanSpec:
    return _sent("schedule_job", call)


def _sent(operation: str, call: Call) -> SpanSpec:
    job, queue = call.arg(0, "job"), call.instance
    attributes = _job(job)
    attributes[messaging.MESSAGING_DESTINATION_NAME] = queue.name
    if _function(job) and job._instance is not None:
        kind = type(job._instance)
        attributes["rq.job.class"] = f"{kind.__module__}.{kind.__name__}"
    # A queue that is not asynchronous performs its jobs itself, inside of this span.
    meta = carrier(job.meta) if queue.is_async and _UNREADABLE not in job.meta else None
    return messaging.send(operation, _function(job), attributes, meta)


def sent(call: Call, _result: Any) -> Outcome:
    """The id of a job that had none is made when the job is saved; to ask for it before would make one."""
    return Outcome({messaging.MESSAGING_MESSAGE_ID: call.arg(0, "job").id})


def with_meta(call: Call, _context: Context) -> Arguments | None:
    """The meta given may be that of other jobs, too: the context goes into a copy."""
    if call.carrier is not None:
        call.arg(0, "job").meta = call.carrier
    return None


def enqueue_many(call: Call) -> SpanSpec:
    attributes: Attributes = {
        messaging.MESSAGING_SYSTEM: "redis",
        messaging.MESSAGING_DESTINATION_NAME: call.instance.name,
    }
    return messaging.send("enqueue_many", call.instance.name, attributes, {} if call.instance.is_async else None)


def with_metas(call: Call, _context: Context) -> Arguments | None:
    """The jobs are only described yet, perhaps by what can be read once, and runs the application's code: not here."""
    context = call.carrier
    if context is None:
        return None
    given = call.arg(0, "job_datas")
    made = (_with_context(each, context) for each in given)
    jobs = list(made) if isinstance(given, (list, tuple)) else made
    return ((jobs, *call.args[1:]), call.kwargs) if call.args else ((), {**call.kwargs, "job_datas": jobs})


def _with_context(described: Any, context: Any) -> Any:
    meta = carrier(getattr(described, "meta", None))
    if meta is None or not hasattr(described, "_replace"):
        return described
    return described._replace(meta={**meta, **context})


def fetch_job(call: Call) -> SpanSpec:
    attributes: Attributes = {
        messaging.MESSAGING_SYSTEM: "redis",
        messaging.MESSAGING_DESTINATION_NAME: call.instance.name,
        messaging.MESSAGING_OPERATION_NAME: "fetch_job",
    }
    job_id = call.arg(0, "job_id")
    if isinstance(job_id, str):
        attributes[messaging.MESSAGING_MESSAGE_ID] = job_id
    return SpanSpec(f"fetch_job {call.instance.name}", SpanKind.CLIENT, attributes)


def perform_job(call: Call) -> SpanSpec:
    """What a worker does for a job, in a process of the job's own or in that of the worker."""
    job = call.arg(0, "job")
    attributes = _job(job)
    if job.origin:
        attributes[messaging.MESSAGING_DESTINATION_NAME] = job.origin
    return messaging.process("perform_job", _function(job), attributes)


def performed_job(call: Call, _result: Any) -> Outcome:
    """The status as the worker has set it: to ask for it is a command to Redis, and it may be gone from there."""
    job = call.arg(0, "job")
    outcome = _named("perform_job", job)
    status = job._status
    status = str(getattr(status, "value", status))
    outcome.attributes = {**(outcome.attributes or {}), "rq.job.status": status}
    outcome.error = status if status == "failed" else None
    return outcome


def failed(call: Call) -> Outcome:
    """Why a job failed, unless it is to be tried again."""
    return Outcome(cause=next((each for each in call.args if isinstance(each, BaseException)), None))


def perform(call: Call) -> SpanSpec:
    """The job's function."""
    attributes = {**_job(call.instance), messaging.MESSAGING_OPERATION_NAME: "perform"}
    return SpanSpec(f"perform {_function(call.instance)}".rstrip(), attributes=attributes)


def performed(call: Call, _result: Any) -> Outcome:
    return _named("perform", call.instance)


def raised(call: Call, error: Exception) -> Outcome:
    outcome = _named("perform", call.instance)
    outcome.error = error
    return outcome


def _meta(call: Call) -> Incoming:
    return Incoming(call.arg(0, "job").meta, HEADERS)


def _function(job: Any) -> str:
    """The name of a job's function; "" as long as what Redis has of the job was not read, which may run its code."""
    return job._func_name if isinstance(job._func_name, str) else ""


def _job(job: Any) -> Attributes:
    attributes: Attributes = {messaging.MESSAGING_SYSTEM: "redis"}
    if job._id:
        attributes[messaging.MESSAGING_MESSAGE_ID] = job._id
    name = _function(job)
    if name:
        attributes["rq.job.func_name"] = name
    return attributes


def _named(operation: str, job: Any) -> Outcome:
    """By now the worker has read what the job's function is."""
    name = _function(job)
    return Outcome({"rq.job.func_name": name}, f"{operation} {name}") if name else Outcome()


_OF_ITS_OWN = (
    *(
        "__init__",
        "check_for_suspension",
        "clean_registries",
        "dequeue_job_and_maintain_ttl",
        "get_redis_server_version",
    ),
    *("heartbeat", "maintain_heartbeats", "prepare_execution", "register_birth", "register_death"),
    *("run_maintenance_tasks", "set_state"),
)
_PERFORM = {
    "perform_job": traced(perform_job, performed_job, incoming=_meta),
    "handle_exception": annotate_entry_span(failed, when="called"),
}
# An idle worker asks Redis all day: each command would be a trace of its own.
_WORKER = {**_PERFORM, **{name: suppress_outside() for name in _OF_ITS_OWN}}
_SCHEDULER = (
    *("acquire_locks", "enqueue_scheduled_jobs", "heartbeat"),
    *("register_birth", "register_death", "release_locks"),
)


class RqInstrumentor(Instrumentor):
    hooks = {
        "rq.queue": {
            "Queue.enqueue_job": traced(enqueue_job, sent, prepare=with_meta),
            "Queue.enqueue_many": traced(enqueue_many, prepare=with_metas),
            "Queue.schedule_job": traced(schedule_job, sent, prepare=with_meta),
            "Queue.fetch_job": traced(fetch_job),
        },
        "rq.job": {"Job.perform": traced(perform, performed, explain=raised)},
        # Releases differ in which of the two has what.
        "rq.worker": {f"{kind}.{name}": hook for kind in ("BaseWorker", "Worker") for name, hook in _WORKER.items()},
        "rq.suspension": {"is_suspended": suppress_outside()},
        "rq.scheduler": {f"RQScheduler.{name}": suppress_outside() for name in _SCHEDULER},
    }
