"""Record what ddtrace makes of propagation headers: run with a Python that has ddtrace 4.16, writes ddtrace.json."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent

TID = "640cfd8d00000000"
TRACE = f"{TID}00000000075bcd15"  # low half: 123456789
SPAN = "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
DATADOG = {
    "x-datadog-trace-id": "123456789",
    "x-datadog-parent-id": str(int(SPAN, 16)),
    "x-datadog-sampling-priority": "1",
}
WHOLE = DATADOG | {"x-datadog-tags": f"_dd.p.dm=-3,_dd.p.tid={TID}"}

DEFAULT: dict[str, dict[str, str]] = {
    "nothing": {"host": "shop"},
    "datadog 64 bits": DATADOG,
    "datadog 128 bits": WHOLE,
    "names in upper case": {name.upper(): value for name, value in WHOLE.items()},
    "origin": WHOLE | {"x-datadog-origin": "synthetics"},
    "no parent": WHOLE | {"x-datadog-parent-id": "0"},
    "no priority": {name: value for name, value in WHOLE.items() if "priority" not in name},
    "reject by user": WHOLE | {"x-datadog-sampling-priority": "-1"},
    "trace id zero": WHOLE | {"x-datadog-trace-id": "0"},
    "trace id too large": WHOLE | {"x-datadog-trace-id": str(2**64)},
    "trace id no number": WHOLE | {"x-datadog-trace-id": "abc"},
    "parent id no number": WHOLE | {"x-datadog-parent-id": "abc"},
    "priority no number": WHOLE | {"x-datadog-sampling-priority": "keep"},
    "tid malformed": DATADOG | {"x-datadog-tags": "_dd.p.tid=640CFD8D00000000,_dd.p.dm=-3"},
    "tid zero": DATADOG | {"x-datadog-tags": "_dd.p.tid=0000000000000000"},
    "dm malformed": DATADOG | {"x-datadog-tags": "_dd.p.dm=3,_dd.p.usr.id=x"},
    "tags malformed": DATADOG | {"x-datadog-tags": "_dd.p.dm"},
    "tags with a blank in a key": DATADOG | {"x-datadog-tags": "_dd.p.dm=-3, _dd.p.a=b"},
    "tags with a comma at the end": DATADOG | {"x-datadog-tags": "_dd.p.dm=-3,"},
    "tags with equals signs": DATADOG | {"x-datadog-tags": "_dd.p.usr.id=YmF6=="},
    "tags of others": DATADOG | {"x-datadog-tags": "a=b,_dd.p.upstream_services=x,_dd.p.dm=-3"},
    "tags too long": DATADOG | {"x-datadog-tags": "_dd.p.a=" + "b" * 512},
    "traceparent alone": {"traceparent": PARENT},
    "traceparent not sampled": {"traceparent": PARENT[:-1] + "0"},
    "traceparent with tracestate": {
        "traceparent": PARENT,
        "tracestate": "dd=s:2;o:rum;p:0000000000000abc;t.dm:-4;t.usr.id:YmF6~~,congo=t61rcWkgMzE,rojo=1",
    },
    "tracestate of others": {"traceparent": PARENT, "tracestate": "congo=t61rcWkgMzE , rojo=1"},
    "dd member malformed": {"traceparent": PARENT, "tracestate": "dd=s:2;o,congo=1"},
    "dd priority no number": {"traceparent": PARENT, "tracestate": "dd=s:two;o:rum"},
    "dd says keep, flag says drop": {"traceparent": PARENT[:-1] + "0", "tracestate": "dd=s:2;o:synthetics"},
    "dd says drop, flag says keep": {"traceparent": PARENT, "tracestate": "dd=s:-1;o:synthetics"},
    "from a browser": {"traceparent": PARENT, "tracestate": "dd=o:rum"},
    "traceparent in upper case": {"traceparent": PARENT.upper()},
    "traceparent of a version to come": {"traceparent": "cc" + PARENT[2:] + "-more"},
    "traceparent too long": {"traceparent": PARENT + "-more"},
    "traceparent of version ff": {"traceparent": "ff" + PARENT[2:]},
    "traceparent with zero ids": {"traceparent": f"00-{'0' * 32}-{SPAN}-01"},
    "both, same parent": WHOLE | {"traceparent": PARENT, "tracestate": "dd=s:1;p:0000000000000abc,congo=1"},
    "both, other parent": WHOLE
    | {"traceparent": f"00-{TRACE}-00000000000000ab-01", "tracestate": "dd=s:1;p:0000000000000abc,congo=1"},
    "both, other parent, no p": WHOLE | {"traceparent": f"00-{TRACE}-00000000000000ab-01", "tracestate": "congo=1"},
    "both, other trace": WHOLE | {"traceparent": f"00-{'1' * 32}-{SPAN}-01", "tracestate": "dd=s:2;p:00000000000000ab"},
    "both, other trace, not sampled": WHOLE | {"traceparent": f"00-{'1' * 32}-{SPAN}-00"},
    "baggage": {"baggage": "user.id=7,a=b%20c,k%C3%A9=v"},
    "baggage beside a trace": WHOLE | {"baggage": "user.id=7,session.id=9"},
    "baggage malformed": WHOLE | {"baggage": "a=b,c"},
    "baggage without a value": {"baggage": "a=b,c="},
    "baggage with a property": {"baggage": "a=b;p=1"},
    "baggage of 65 items": {"baggage": ",".join(f"k{number}=v" for number in range(65))},
    "baggage of 9000 bytes": {"baggage": ",".join(f"k{number}=" + "v" * 900 for number in range(10))},
}
B3 = {
    "b3 multi": {"x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-sampled": "1"},
    "b3 multi, 64 bits, rejected": {"x-b3-traceid": TRACE[16:], "x-b3-spanid": SPAN, "x-b3-sampled": "0"},
    "b3 multi, debug": {"x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-flags": "1"},
    "b3 multi, undecided": {"x-b3-traceid": TRACE, "x-b3-spanid": SPAN},
    "b3 multi, no hex": {"x-b3-traceid": "xyz", "x-b3-spanid": SPAN},
    "b3 single": {"b3": f"{TRACE}-{SPAN}-1"},
    "b3 single, debug, with its parent": {"b3": f"{TRACE}-{SPAN}-d-{SPAN}"},
    "b3 single, undecided": {"b3": f"{TRACE}-{SPAN}"},
    "b3 single, no hex": {"b3": f"xyz-{SPAN}-1"},
}
GROUPS: dict[str, tuple[dict[str, str], dict[str, dict[str, str]]]] = {
    "default": ({}, DEFAULT),
    "b3": ({"DD_TRACE_PROPAGATION_STYLE": "b3multi,b3"}, B3),
    "tracecontext first": (
        {"DD_TRACE_PROPAGATION_STYLE": "tracecontext,datadog"},
        {name: DEFAULT[name] for name in ("both, same parent", "both, other parent", "both, other trace")},
    ),
    "extract first": (
        {"DD_TRACE_PROPAGATION_EXTRACT_FIRST": "true"},
        {name: DEFAULT[name] for name in ("both, other parent", "both, other trace")},
    ),
    "restart": (
        {"DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT": "restart"},
        {
            name: DEFAULT[name]
            for name in ("both, other parent", "baggage beside a trace", "traceparent with tracestate")
        },
    ),
    "ignore": (
        {"DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT": "ignore"},
        {"both, other parent": DEFAULT["both, other parent"]},
    ),
    "short tags": ({"DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH": "20"}, {"datadog 128 bits": WHOLE}),
    "no tags": ({"DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH": "0"}, {"datadog 128 bits": WHOLE}),
}
CHILD = 0x1234567890ABCDEF


def record(headers: dict[str, str]) -> dict[str, object]:
    from ddtrace.propagation.http import HTTPPropagator

    found = HTTPPropagator.extract(headers)
    meta = dict(found._meta)
    extracted = {
        "trace_id": f"{found.trace_id or 0:032x}",
        "span_id": f"{found.span_id or 0:016x}",
        "priority": found.sampling_priority,
        "origin": found.dd_origin or "",
        "tags": {key: value for key, value in meta.items() if key.startswith("_dd.p.") and key != "_dd.p.tid"},
        "parent_id": meta.get("_dd.parent_id", ""),
        "error": meta.get("_dd.propagation_error", ""),
        "baggage": found.get_all_baggage_items(),
        "baggage_tags": {key: value for key, value in meta.items() if key.startswith("baggage.")},
        "links": [
            {
                "trace_id": f"{link.trace_id:032x}",
                "span_id": f"{link.span_id:016x}",
                "flags": link.flags,
                "tracestate": link.tracestate or "",
                "attributes": dict(link.attributes),
            }
            for link in found._span_links
        ],
    }
    injected: dict[str, str] = {}
    HTTPPropagator.inject(found.copy(found.trace_id, CHILD) if found.trace_id else found, injected)
    return {"headers": headers, "extracted": extracted, "injected": injected}


def main() -> None:
    if len(sys.argv) > 1:
        print("RECORD " + json.dumps({name: record(case) for name, case in GROUPS[sys.argv[1]][1].items()}))
        return
    recorded = {}
    for group, (environ, _) in GROUPS.items():
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "OTEL_"))}
        quiet = {"DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false", "DD_REMOTE_CONFIGURATION_ENABLED": "false"}
        command = [sys.executable, __file__, group]
        out = subprocess.run(command, env=clean | quiet | environ, stdout=subprocess.PIPE, text=True, check=True).stdout
        line = next(line for line in out.splitlines() if line.startswith("RECORD "))
        recorded[group] = {"environ": environ, "cases": json.loads(line.removeprefix("RECORD "))}
    (HERE / "ddtrace.json").write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
