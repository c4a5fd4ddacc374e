"""The Agent: where it is looked for and why there, whether it answers, and whether it takes a span."""

from __future__ import annotations

import os
import random
import stat
import time
from collections.abc import Mapping

import ormsgpack

from ..export.agent import Agent, Answer, Unreached
from ..export.packing import array_header
from ..settings import Settings
from .findings import INFO, OK, PROBLEM, Finding, Section

SPAN = "otel_dd.doctor"
"""The operation name of the span that is sent to see whether the Agent takes one; it asks not to be kept."""

_NAMES = ("DD_TRACE_AGENT_URL", "DD_AGENT_HOST", "DD_TRACE_AGENT_PORT")


def look(current: Settings, environ: Mapping[str, str]) -> Section:
    if not current.enabled:
        return Section("Agent", [Finding(INFO, "address", "not asked: tracing is off")])
    if "datadog" not in current.exporters:
        return Section("Agent", [Finding(INFO, "address", "not asked: spans do not go there")])
    source = ", ".join(f"{name}={environ[name]}" for name in _NAMES if environ.get(name, "").strip())
    agent = Agent(
        current.agent_url,
        timeout_s=current.agent_timeout_seconds,
        headers=current.writer_headers,
        external_env=current.external_env,
    )
    findings = [Finding(OK, "address", f"{agent.url}, from {source if source else 'the default'}"[:300])]
    try:
        findings += _asked(agent, current)
    except Unreached as error:
        findings.append(_unreached(agent.url, error))
    finally:
        agent.close()
    return Section("Agent", findings)


def _asked(agent: Agent, current: Settings) -> list[Finding]:
    info = agent.read_info()
    told = f"version {info.version}" if info.version else "version unknown"
    findings = [Finding(OK, "answers", told)]
    answer = agent.send_traces([array_header(1), _trace(current)], 1, "")
    if 200 <= answer.status < 300:
        findings.append(Finding(OK, "takes spans", f"a span {SPAN} was sent and taken"))
    else:
        said = f"status {answer.status} at {agent.url}: {_reason(answer)}"
        findings.append(Finding(PROBLEM, "Agent refuses spans", said, "look into the Agent's log"))
    return findings


def _reason(answer: Answer) -> str:
    known = {404: "it has no /v0.4/traces: is it a Datadog Agent?", 429: "it is overloaded"}
    said = answer.body.decode("utf-8", "replace").strip().partition("\n")[0][:200]
    return known.get(answer.status) or said or "it does not say why"


def _trace(current: Settings) -> bytes:
    span = {
        "trace_id": random.getrandbits(63),
        "span_id": random.getrandbits(63),
        "parent_id": 0,
        "name": SPAN,
        "resource": SPAN,
        "service": current.service,
        "start": time.time_ns(),
        "duration": 1,
        "error": 0,
        "meta": {"_dd.p.dm": "-4", "env": current.env},
        "metrics": {"_sampling_priority_v1": -1},
    }
    return ormsgpack.packb([span])


def _unreached(url: str, error: Unreached) -> Finding:
    path = url.removeprefix("unix://")
    if path != url:
        if not os.path.exists(path):
            return Finding(
                PROBLEM, "Agent not reached", f"there is no socket {path}", "start the Agent, or mount its socket"
            )
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return Finding(PROBLEM, "Agent not reached", f"{path} is no socket", "name the Agent's socket")
        if not os.access(path, os.W_OK) or "Permission" in error.detail:
            return Finding(
                PROBLEM, "Agent not reached", f"no permission to write to {path}", "let this user write to it"
            )
    reasons = {
        "refused": f"nobody listens at {url}",
        "timeout": f"{url} does not answer in time",
        "tls": f"no TLS connection with {url}",
    }
    said = reasons.get(error.reason, f"{url} cannot be reached: {error.detail}")
    if error.detail.startswith("gaierror"):
        said = f"no host is known by the name in {url}"
    return Finding(
        PROBLEM,
        "Agent not reached",
        said,
        "start the Agent, or name it: DD_TRACE_AGENT_URL, or DD_AGENT_HOST and its port",
    )
