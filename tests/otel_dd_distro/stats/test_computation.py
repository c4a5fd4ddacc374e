from __future__ import annotations

import os
import signal
import threading
import uuid
from typing import Any

import pytest

from otel_dd_distro.export import AgentInfo
from otel_dd_distro.export.loading import own_version
from otel_dd_distro.stats import Stats
from otel_dd_distro.stats import computation as module
from otel_dd_distro.translate.every_span import process
from tests.otel_dd_distro.stats.made import (
    BUCKET,
    NOW,
    Clock,
    bins,
    counted,
    groups,
    info,
    made,
    payloads,
    settings,
    span,
    the_only,
)

START = NOW - NOW % BUCKET


def hits(packed: list[bytes]) -> dict[int, int]:
    """By the start of the bucket, in buckets from now."""
    found: dict[int, int] = {}
    for payload in payloads(packed):
        for bucket in payload["Stats"]:
            assert bucket["Duration"] == BUCKET
            assert bucket["Start"] % BUCKET == 0
            place = (bucket["Start"] - START) // BUCKET
            found[place] = found.get(place, 0) + sum(group["Hits"] for group in bucket["Stats"])
    return found


# --- which spans count ---


@pytest.mark.parametrize(
    ("one", "counts"),
    [
        (span(), True),
        (span(top=False), False),
        (span({}, {"_dd.top_level": 0}, top=False), False),
        (span({}, {"_top_level": 1}, top=False), True),
        (span({}, {"_dd.measured": 1}, top=False), True),
        (span({}, {"_dd.measured": 0}, top=False), False),
        (span({"span.kind": "client"}, top=False), True),
        (span({"span.kind": "server"}, top=False), True),
        (span({"span.kind": "producer"}, top=False), True),
        (span({"span.kind": "consumer"}, top=False), True),
        (span({"span.kind": "Consumer"}, top=False), True),
        (span({"span.kind": "internal"}, top=False), False),
        (span({"span.kind": "internal"}), True),
        (span({"span.kind": "client"}, {"_dd.partial_version": 0}), False),
        (span({"span.kind": "client"}, {"_dd.partial_version": 3}, top=False), False),
        (span({"span.kind": "client"}, {"_dd.partial_version": -1}), True),
        (span({"span.kind": "client"}, {"http.status_code": 200}, top=False), True),
        (span({}, {"http.status_code": 200}, top=False), False),
    ],
)
def test_a_span_counts_that_is_top_level_measured_or_of_a_kind_that_counts(one: dict[str, Any], counts: bool) -> None:
    assert sum(group["Hits"] for group in counted(one)) == counts


def test_the_agent_says_which_kinds_count() -> None:
    agent = info(span_kinds_stats_computed=["Internal"])
    assert counted(span({"span.kind": "client"}, top=False), agent=agent) == []
    assert the_only(span({"span.kind": "internal"}, top=False), agent=agent)["Hits"] == 1


def test_top_level_hits_are_those_of_top_level_spans() -> None:
    spans = [span(), span({}, {"_top_level": 1}, top=False), span({}, {"_dd.measured": 1}, top=False)]
    group = the_only(*spans)
    assert (group["Hits"], group["TopLevelHits"]) == (3, 2)


def test_spans_count_whatever_their_priority() -> None:
    assert the_only(*(span({}, {"_sampling_priority_v1": priority}) for priority in (-1, 0, 1, 2)))["Hits"] == 4


# --- buckets ---


def test_a_span_belongs_to_the_bucket_in_which_it_ended() -> None:
    clock = Clock()
    stats = made(clock)
    clock.now += 5 * BUCKET
    for place, end in ((0, START), (0, START + BUCKET - 1), (1, START + BUCKET), (1, START + 2 * BUCKET - 1)):
        stats.count([span(end=end, duration=3 * BUCKET, resource=str(place))])
    assert hits(stats.payloads(everything=True)) == {0: 2, 1: 2}


def test_the_two_newest_buckets_wait_for_late_spans() -> None:
    clock = Clock()
    stats = made(clock)
    seen: list[dict[int, int]] = []
    for _ in range(4):
        stats.count([span(end=clock.now)])
        seen.append(hits(stats.payloads()))
        clock.now += BUCKET
    assert seen == [{}, {}, {0: 1}, {1: 1}]
    assert hits(stats.payloads(everything=True)) == {2: 1, 3: 1}
    assert not stats.holds_any


def test_buckets_are_looked_at_once_in_ten_seconds() -> None:
    clock = Clock(START)
    stats = made(clock)
    stats.count([span(end=START)])
    clock.now = START + 2 * BUCKET - 1
    assert stats.payloads() == []
    clock.now = START + 2 * BUCKET
    assert hits(stats.payloads()) == {0: 1}
    stats.count([span(end=START + BUCKET)])
    clock.now = START + 3 * BUCKET - 1
    assert stats.payloads() == []


def test_a_span_older_than_every_open_bucket_goes_into_the_oldest() -> None:
    clock = Clock()
    stats = made(clock)
    clock.now += 3 * BUCKET
    stats.payloads()
    stats.count([span(end=NOW - 100 * BUCKET), span(end=NOW), span(end=NOW + 2 * BUCKET)])
    assert hits(stats.payloads(everything=True)) == {2: 3}


def test_after_a_forced_flush_the_current_bucket_is_the_oldest() -> None:
    clock = Clock(START + BUCKET + 1)
    stats = made(clock)
    stats.payloads(everything=True)
    stats.count([span(end=START)])
    assert hits(stats.payloads(everything=True)) == {1: 1}


def test_a_span_that_ends_in_the_future_is_counted_now() -> None:
    stats = made()
    stats.count([span(end=NOW + 10**18), span(end=NOW + BUCKET), span(end=NOW)])
    assert hits(stats.payloads(everything=True)) == {0: 3}


@pytest.mark.parametrize("jump", [-1000, 1000])
def test_a_clock_that_is_set_stops_nothing(jump: int) -> None:
    clock = Clock()
    stats = made(clock)
    stats.count([span(end=clock.now)])
    stats.payloads()
    clock.now += jump * BUCKET
    seen = hits(stats.payloads())
    for _ in range(4):
        stats.count([span(end=clock.now)])
        clock.now += BUCKET
        seen |= hits(stats.payloads())
    seen |= hits(stats.payloads(everything=True))
    assert sum(seen.values()) == 5
    assert not stats.holds_any


def test_buckets_that_nobody_takes_do_not_pile_up() -> None:
    clock = Clock()
    stats = made(clock)
    for _ in range(100):
        stats.count([span(end=clock.now)])
        clock.now += BUCKET
    assert len(stats._buckets) == module.MOST_BUCKETS
    assert sum(hits(stats.payloads()).values()) == 100


# --- what the Agent lets us do ---


@pytest.mark.parametrize(
    ("agent", "active"),
    [
        (info(), True),
        (info(client_drop_p0s=False), False),
        (info(client_drop_p0s="true"), False),
        (info(endpoints=["/v0.4/traces"]), False),
        (AgentInfo(), False),
    ],
)
def test_stats_are_active_if_the_agent_drops_p0s_and_takes_stats(agent: AgentInfo, active: bool) -> None:
    assert Stats(settings()).is_active(agent) is active


def test_what_the_agent_says_may_change() -> None:
    stats = made()
    assert not stats.is_active(info(client_drop_p0s=False))
    assert stats.is_active(info(peer_tags=["db.system"]))
    tags = {"span.kind": "client", "db.system": "pg", "db.name": "orders"}
    stats.count([span(tags)])
    assert stats.is_active(info())
    stats.count([span(tags)])
    assert sorted(group["PeerTags"] for group in groups(stats.payloads(everything=True))) == [
        ["db.name:orders"],
        ["db.system:pg"],
    ]


def test_refused_stats_are_off_for_ever() -> None:
    stats = made()
    stats.count([span()])
    stats.refuse()
    assert not stats.is_active(info())
    assert not stats.holds_any
    assert stats.payloads(everything=True) == []


# --- the payload ---


def test_a_payload_says_whose_counts_these_are() -> None:
    stats = made(
        DD_ENV="prod",
        DD_VERSION="1.4",
        DD_HOSTNAME="box",
        DD_TRACE_REPORT_HOSTNAME="true",
        DD_GIT_COMMIT_SHA="deadbeef",
    )
    stats.count([span()])
    (payload,) = payloads(stats.payloads(everything=True))
    (bucket,) = payload.pop("Stats")
    assert payload == {
        "Hostname": "box",
        "Env": "prod",
        "Version": "1.4",
        "Service": "shop",
        "RuntimeID": process.current().runtime_id,
        "Sequence": 1,
        "Lang": "python",
        "TracerVersion": own_version(),
        "GitCommitSha": "deadbeef",
        "ProcessTags": process.tags("shop", True)["_dd.tags.process"],
    }
    assert bucket.pop("Stats")
    assert bucket == {"Start": START, "Duration": BUCKET, "AgentTimeShift": 0}


def test_without_settings_the_spans_say_env_and_version_and_the_host_is_not_told() -> None:
    stats = made(DD_HOSTNAME="box")
    stats.count([span({"env": "canary", "version": "7"})])
    (payload,) = payloads(stats.payloads(everything=True))
    assert (payload["Env"], payload["Version"], payload["Hostname"]) == ("canary", "7", "")


def test_each_payload_has_the_next_number() -> None:
    stats = made()
    numbers = []
    for _ in range(3):
        stats.count([span()])
        numbers += [payload["Sequence"] for payload in payloads(stats.payloads(everything=True))]
    assert numbers == [1, 2, 3]


def test_many_groups_travel_in_several_payloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_GROUPS", 10)
    stats = made()
    stats.count([span(name=f"n{place}") for place in range(25)])
    sent = payloads(stats.payloads(everything=True))
    assert [len(payload["Stats"][0]["Stats"]) for payload in sent] == [10, 10, 5]
    assert [payload["Sequence"] for payload in sent] == [1, 2, 3]


def test_nothing_counted_is_nothing_to_send() -> None:
    stats = made()
    stats.count([])
    stats.count([span(top=False)])
    assert groups(stats.payloads(everything=True)) == []


def test_what_is_sent_is_decided_after_all_is_counted() -> None:
    stats = made()
    dropped = [span({}, {"_sampling_priority_v1": 0}), span()]
    assert stats.take(dropped) == []
    sampled = [span({}, {"_sampling_priority_v1": 1})]
    assert stats.take(sampled) is sampled
    assert the_sum(stats) == 3


def test_parts_of_a_chunk_are_not_counted_again() -> None:
    stats = made()
    part = [span({}, {"_sampling_priority_v1": 0})]
    assert stats.take(part, True) is part
    assert stats.take(part, False) == []
    assert the_sum(stats) == 0


def the_sum(stats: Stats) -> int:
    return sum(group["Hits"] for group in groups(stats.payloads(everything=True)))


# --- threads, signals, forks ---


def test_threads_lose_no_count() -> None:
    stats = made()
    chunk = [span(resource=str(place % 7)) for place in range(50)]
    threads = [threading.Thread(target=lambda: [stats.count(chunk) for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    taken = sum(the_sum(stats) for _ in range(20))
    for thread in threads:
        thread.join()
    assert taken + the_sum(stats) == 4 * 200 * 50


def test_a_signal_handler_may_bring_spans_while_its_thread_counts() -> None:
    stats = made()
    before = signal.signal(signal.SIGALRM, lambda *_: stats.count([span(name="alarm")]))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        for _ in range(3000):
            stats.count([span(resource=str(place)) for place in range(20)])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    names = {group["Name"] for group in groups(stats.payloads(everything=True))}
    assert names == {"work", "alarm"}


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_starts_with_nothing_and_its_own_name() -> None:
    stats = made()
    stats.count([span()])
    stats.payloads(everything=True)
    stats.count([span(name="parents")])
    reader, writer = os.pipe()
    stats._lock.acquire()
    child = os.fork()
    if not child:
        try:
            stats.after_fork()
            assert not stats.holds_any
            assert stats.is_active(info())
            stats.count([span(name="childs")])
            (payload,) = payloads(stats.payloads(everything=True))
            (group,) = payload["Stats"][0]["Stats"]
            os.write(writer, f"{group['Name']} {payload['Sequence']} {payload['RuntimeID']}".encode())
        finally:
            os._exit(0)
    stats._lock.release()
    os.close(writer)
    name, sequence, runtime_id = os.read(reader, 1000).decode().split()
    os.close(reader)
    os.waitpid(child, 0)
    assert (name, sequence) == ("childs", "1")
    assert uuid.UUID(runtime_id).hex != process.current().runtime_id
    assert [group["Name"] for group in groups(stats.payloads(everything=True))] == ["parents"]


def test_every_span_is_recognised_by_all_that_its_key_depends_on() -> None:
    # Tags of the same values under other names must not be taken for one another.
    values = [{"http.method": "a", "http.route": "b"}, {"http.method": "a", "_dd.svc_src": "b"}, {"http.method": "a"}]
    values += [{"http.route": "b", "http.method": "a"}, {"x": "a", "http.method": "b"}, {"http.method": "b", "x": "a"}]
    found = counted(*(span(meta) for meta in values))
    assert sorted(group["Hits"] for group in found) == [1, 1, 2, 2]
    assert sum(sum(bins(group["OkSummary"]).values()) for group in found) == 6


def test_shapes_are_forgotten_before_they_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_SHAPES", 20)
    agent = info()._replace(peer_tags=tuple(f"t{place}" for place in range(200)))
    stats = made(agent=agent)
    for place in range(200):
        stats.count([span({"span.kind": "client", f"t{place}": "v", f"u{place}": "v"})])
    assert max(len(stats._shapes), len(stats._readers)) <= 20
    assert the_sum(stats) == 200
