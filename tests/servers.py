"""Real servers for the tests: each on loopback ports of its own, from a temporary folder, for as long as it is used."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.agents import free_port

PATIENCE = 60  # seconds, for a server to answer


class Missing(Exception):
    """A server is not installed; the message says how to get it."""


class NotStarted(Exception):
    """A server is installed and does not come up; the message ends with what it says."""


@dataclass(frozen=True)
class Server:
    variable: str
    """Where this is set, that server is used, and none is started."""
    start: Callable[[], AbstractContextManager[str]]
    """Gives the URL of a server of its own."""


@contextmanager
def running(name: str) -> Iterator[Mapping[str, str]]:
    """The variable of one of SERVERS and its URL, also in the environment; raises Missing or NotStarted."""
    server = SERVERS[name]
    if known := os.environ.get(server.variable):
        yield {server.variable: known}
        return
    try:
        with server.start() as url:
            os.environ[server.variable] = url
            yield {server.variable: url}
    finally:
        os.environ.pop(server.variable, None)


def variables() -> dict[str, str]:
    """Those of the servers that run now, to hand on to another process."""
    known = {server.variable for server in SERVERS.values()}
    return {name: value for name, value in os.environ.items() if name in known}


# --- one server each ---


@contextmanager
def _postgresql() -> Iterator[str]:
    server = _found("postgres", "/usr/lib/postgresql/*/bin")
    # A StartupMessage of protocol 3.0 for the user postgres; the answer begins with R where it is let in.
    hello = b"user\0postgres\0\0"
    hello = (len(hello) + 8).to_bytes(4, "big") + (3 << 16).to_bytes(4, "big") + hello
    with _folder("postgres") as folder:
        data, log = folder / "data", folder / "log"
        initdb = [server.with_name("initdb"), "-D", data, "-A", "trust", "-U", "postgres", "-N", "--locale=C.UTF-8"]
        _done([*initdb, "-E", "UTF8"], log, "postgres")
        port = free_port()
        command = [server, "-D", data, "-p", port, "-k", folder, "-c", "fsync=off", "-c", "listen_addresses=127.0.0.1"]
        # SIGINT: without waiting for its clients.
        with _process(command, log, user="postgres", end=signal.SIGINT) as process:
            _answers(process, log, port, hello, lambda answer: answer.startswith(b"R"))
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"


@contextmanager
def _mariadb() -> Iterator[str]:
    server, install = _found("mariadbd", "/usr/sbin"), _found("mariadb-install-db", "/usr/bin")
    with _folder("mysql") as folder:
        data, log = folder / "data", folder / "log"
        # Without --skip-test-db: there is a database `test`.
        files = [f"--datadir={data}", f"--tmpdir={folder}"]
        _done([install, "--no-defaults", *files, "--auth-root-authentication-method=normal"], log, "mysql")
        port = free_port()
        command = [server, "--no-defaults", *files, f"--port={port}", "--bind-address=127.0.0.1"]
        command += [f"--socket={folder / 'm.sock'}", f"--pid-file={folder / 'm.pid'}"]
        with _process(command, log, user="mysql") as process:
            # The server speaks first: a packet whose fifth byte is the protocol's version, 10.
            _answers(process, log, port, b"", lambda answer: answer[4:5] == b"\x0a")
            yield f"mysql://root@127.0.0.1:{port}/test"


@contextmanager
def _redis() -> Iterator[str]:
    with _redis_nodes(1) as (port,):
        yield f"redis://127.0.0.1:{port}"


@contextmanager
def _redis_cluster() -> Iterator[str]:
    client = _found("redis-cli")
    cluster = ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "2000"]
    with _redis_nodes(3, *cluster) as ports, _folder() as folder:
        nodes = [f"127.0.0.1:{port}" for port in ports]
        _done([client, "--cluster", "create", *nodes, "--cluster-replicas", "0", "--cluster-yes"], folder / "log")
        end = time.monotonic() + PATIENCE
        # Each node has to hear of it.
        while not all(b"cluster_state:ok" in _asked(port, b"CLUSTER INFO\r\n") for port in ports):
            if time.monotonic() > end:
                raise NotStarted(f"the nodes {nodes} form no cluster:\n{(folder / 'log').read_text()}")
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{ports[0]}"


@contextmanager
def _redis_nodes(number: int, *options: str) -> Iterator[list[int]]:
    server = _found("redis-server")
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(number):
            port = _low_port()
            folder = stack.enter_context(_folder())
            command = [server, "--port", port, "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
            log = folder / "log"
            process = stack.enter_context(_process([*command, "--appendonly", "no", *options], log))
            _answers(process, log, port, b"PING\r\n", lambda answer: answer.startswith(b"+PONG"))
            ports.append(port)
        yield ports


@contextmanager
def _memcached() -> Iterator[str]:
    server, port = _found("memcached"), free_port()
    command = [server, "-l", "127.0.0.1", "-p", port, "-U", "0"]
    with _folder() as folder, _process(command, folder / "log", user="nobody") as process:
        _answers(process, folder / "log", port, b"version\r\n", lambda answer: answer.startswith(b"VERSION"))
        yield f"memcached://127.0.0.1:{port}"


@contextmanager
def _rabbitmq() -> Iterator[str]:
    # Not Debian's wrapper in /usr/sbin, which insists on the user rabbitmq.
    server, epmd = _found("rabbitmq-server", "/usr/lib/rabbitmq/bin", first=True), _found("epmd")
    port, nodes = free_port(), free_port()
    with _folder() as folder:
        (folder / "enabled_plugins").write_text("[].\n")
        (folder / "rabbitmq.conf").write_text(f"listeners.tcp.default = 127.0.0.1:{port}\nloopback_users = none\n")
        environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": folder,
            "RABBITMQ_NODENAME": f"tests{port}@localhost",
            "RABBITMQ_NODE_PORT": port,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": free_port(),
            "ERL_EPMD_PORT": nodes,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": folder / "mnesia",
            "RABBITMQ_LOG_BASE": folder / "log",
            "RABBITMQ_PID_FILE": folder / "pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "enabled_plugins",
            "RABBITMQ_CONFIG_FILE": folder / "rabbitmq",
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
        }
        log = folder / "output"
        # Started by us: the one that the server would start stays when the server goes.
        with (
            _process([epmd], folder / "epmd", environ=environ) as daemon,
            _process([server], log, environ=environ, pid=folder / "pid") as process,
        ):
            _answers(daemon, folder / "epmd", nodes, b"\0\1n", lambda answer: answer[:4] == nodes.to_bytes(4, "big"))
            _answers(process, log, port, b"AMQP\0\0\x09\1", lambda answer: answer.startswith(b"\x01"))
            yield f"amqp://guest:guest@127.0.0.1:{port}//"


@contextmanager
def _aws() -> Iterator[str]:
    """moto's server: S3, SQS and the others in memory."""
    beside = Path(sys.executable).with_name("moto_server")
    server = beside if beside.exists() else shutil.which("moto_server")
    if not server:
        raise Missing(f"moto_server is missing: {sys.executable} -m pip install 'moto[server]'")
    port = free_port()
    command = [server, "-H", "127.0.0.1", "-p", port]
    with _folder() as folder, _process(command, folder / "log") as process:
        ask = b"GET /moto-api/ HTTP/1.0\r\n\r\n"
        _answers(process, folder / "log", port, ask, lambda answer: answer.startswith(b"HTTP/1."))
        yield f"http://127.0.0.1:{port}"


# The names are those of the fixtures, and of SERVERS in a parity scenario.
SERVERS = {
    "postgresql": Server("TEST_POSTGRESQL_URL", _postgresql),
    "mariadb": Server("TEST_MARIADB_URL", _mariadb),
    "redis_server": Server("TEST_REDIS_URL", _redis),
    "redis_cluster": Server("TEST_REDIS_CLUSTER_URL", _redis_cluster),
    "memcached": Server("TEST_MEMCACHED_URL", _memcached),
    "rabbitmq": Server("TEST_RABBITMQ_URL", _rabbitmq),
    "aws": Server("TEST_AWS_URL", _aws),
}


# --- what they share ---


def _found(command: str, *folders: str, first: bool = False) -> Path:
    """The path of a command: in PATH, and where Debian has it; `first` there and then in PATH."""
    there = sorted(path for folder in folders for path in Path("/").glob(f"{folder.lstrip('/')}/{command}"))
    in_path = shutil.which(command)
    known = [*([Path(in_path)] if in_path else []), *reversed(there)]
    if first:
        known = [*reversed(there), *known]
    if not known:
        raise Missing(
            f"{command} is missing: {_install_line()}\n"
            'or `docker compose up -d --wait` and the variables of CONTRIBUTING.md, "Servers"'
        )
    return known[0]


def _install_line() -> str:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    return next(line for line in readme.splitlines() if line.startswith("apt-get install"))


def _account(user: str) -> dict[str, Any]:
    """What makes a process that of `user`, where we are root: few servers run as root."""
    if not user or os.geteuid() != 0:
        return {}
    account = pwd.getpwnam(user)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


@contextmanager
def _folder(owner: str = "") -> Iterator[Path]:
    """An empty folder. Not pytest's or nox's own: those let no other user in, and paths of sockets must be short."""
    folder = Path(tempfile.mkdtemp(prefix="server", dir="/tmp" if Path("/tmp").is_dir() else None))
    if owner and os.geteuid() == 0:
        folder.chmod(0o755)
        account = _account(owner)
        os.chown(folder, account["user"], account["group"])
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _done(command: Sequence[object], log: Path, user: str = "") -> None:
    with log.open("ab") as output:
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=PATIENCE,
            **_account(user),
        )
    if done.returncode:
        raise NotStarted(f"{command[0]} ended with status {done.returncode}:\n{log.read_text()}")


@contextmanager
def _process(
    command: Sequence[object],
    log: Path,
    *,
    user: str = "",
    end: signal.Signals = signal.SIGTERM,
    environ: Mapping[str, object] | None = None,
    pid: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process, ended by the signal `end`, which goes to the one whose id the file `pid` holds, where there is one."""
    # So it ends as well where these tests are killed.
    bound = [setpriv, "--pdeathsig", end.name] if (setpriv := shutil.which("setpriv")) else []
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*bound, *(str(word) for word in command)],
            env=None if environ is None else {name: str(value) for name, value in environ.items()},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C at the terminal is for the tests, which then stop this.
            start_new_session=True,
            **_account(user),
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid.read_text()) if pid is not None and pid.exists() else process.pid, end)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(
    process: subprocess.Popen[bytes], log: Path, port: int, question: bytes, right: Callable[[bytes], bool]
) -> None:
    """Waits until what listens there gives the right answer."""
    end = time.monotonic() + PATIENCE
    while not right(_asked(port, question)):
        if process.poll() is not None or time.monotonic() > end:
            raise NotStarted(f"{process.args!r} does not come up:\n{log.read_text()}")
        time.sleep(0.02)


def _asked(port: int, question: bytes) -> bytes:
    """The beginning of the answer; empty where there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(question)
            return connection.recv(4096)
    except OSError:
        return b""


def _low_port() -> int:
    """A free port of redis: its nodes talk to each other on that port plus 10,000."""
    while (port := free_port()) >= 55536:
        pass
    return port
