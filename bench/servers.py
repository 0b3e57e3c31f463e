"""The servers that are compared: how each is configured, started on one core, and stopped."""
import base64
import contextlib
import hmac
import json
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import tempfile
import time

from scenarios import FLOW

ROOT = pathlib.Path(__file__).resolve().parents[1]
SLUICE = ROOT / "build/bench/sluice"


class Server:
    """One configuration of one program. {PORT} and {FOLDER} stand for what each start chooses."""

    kind = ""            # the name that --peer knows
    version_flag = "--version"
    queue_limit = None   # most messages that it keeps for an absent session
    has_groups = True
    login = None         # (user name, password) of the load's clients
    only_kind = None     # of scenario that it takes part in

    def __init__(self, program):
        self.name, self.program = self.kind, str(program)

    def configuration(self):
        raise NotImplementedError

    def arguments(self, file):
        raise NotImplementedError

    def version(self):
        done = subprocess.run([self.program, self.version_flag], capture_output=True, text=True,
                              check=False)
        lines = (done.stdout + done.stderr).strip().splitlines()
        return lines[0] if lines else "unknown"


class Sluice(Server):
    kind = "sluice"

    def __init__(self, durability, program=SLUICE):
        super().__init__(program)
        self.name, self.durability = f"sluice, {durability}", durability

    def access(self):
        return {"enabled": False}

    def configuration(self):
        return json.dumps({
            "data": "{FOLDER}/data", "io_threads": 1, "access": self.access(),
            "listeners": {"tcp": {"type": "mqtt", "bind": "127.0.0.1:{PORT}"}},
            "admin": {"bind": "127.0.0.1:0"}, "store": {"durability": self.durability}}, indent=1)

    def arguments(self, file):
        return ["serve", "-c", file]


def token(claims, secret):
    """A JWT, HS256."""
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    signed = part(b'{"alg":"HS256"}') + "." + part(json.dumps(claims).encode())
    return signed + "." + part(hmac.digest(secret.encode(), signed.encode(), "sha256"))


class SluiceWithAccess(Sluice):
    """Every client logs in and has rules of its own, so that each PUBLISH, SUBSCRIBE and delivery is
    decided on: ten filters that it may use, and ten that it may not."""

    only_kind = FLOW
    SECRET = "of-a-benchmark-and-nobody-else's"

    def __init__(self, durability, program=SLUICE):
        super().__init__(durability, program)
        self.name = f"sluice, {durability}, access control"
        may = ["load/#", *(f"plant/line-{i}/+/state" for i in range(9))]
        may_not = [f"plant/line-{i}/secret/#" for i in range(10)]
        rules = [{"permission": permission, "action": "all", "topic": topic}
                 for permission, topics in (("allow", may), ("deny", may_not)) for topic in topics]
        self.login = ("bench", token({"sub": "bench", "acl": rules}, self.SECRET))

    def access(self):
        return {"enabled": True, "authentication": ["jwt"],
                "jwt": {"secret": self.SECRET, "expiry_required": False, "rules_claim": "acl"}}


class FlashMq(Server):
    kind = "flashmq"
    queue_limit = 65535  # its counter has 16 bits

    def configuration(self):
        # Without the two limits it drops QoS 1 messages beyond 512 or 64 KiB.
        return ("thread_count 1\nallow_anonymous true\nlog_level warning\nstorage_dir {FOLDER}\n"
                "max_qos_msg_pending_per_client 65535\n"
                "max_qos_bytes_pending_per_client 1000000000\n"
                "listen {\n protocol mqtt\n port {PORT}\n tcp_nodelay true\n}\n")

    def arguments(self, file):
        return ["--config-file", file]


class Mosquitto(Server):
    kind, version_flag = "mosquitto", "-h"

    def configuration(self):
        return ("listener {PORT} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
                "max_queued_messages 0\nmax_inflight_messages 0\n")

    def arguments(self, file):
        return ["-c", file]


class Nats(Server):
    kind = "nats"
    has_groups = False  # not over MQTT

    def configuration(self):
        return ('server_name: bench\nlisten: "127.0.0.1:-1"\n'
                'jetstream { store_dir: "{FOLDER}/store" }\n'
                "mqtt { listen: \"127.0.0.1:{PORT}\", max_ack_pending: 65535 }\n")

    def arguments(self, file):
        return ["-c", file]


PEERS = {"flashmq": (FlashMq, "flashmq"), "mosquitto": (Mosquitto, "mosquitto"),
         "nats": (Nats, "nats-server")}


def chosen(given, without):
    """The servers of a run: ours twice, then the peers that are given or found on the PATH."""
    programs = dict(entry.split("=", 1) for entry in given)
    unknown = set(programs) - set(PEERS)
    if unknown:
        raise SystemExit(f"--peer knows {', '.join(PEERS)}, not {', '.join(unknown)}")
    servers = [Sluice("os"), SluiceWithAccess("os"), Sluice("fsync")]
    for name, (kind, usual) in PEERS.items():
        program = programs.get(name) or shutil.which(usual) or shutil.which(f"/usr/sbin/{usual}")
        if name in programs and not shutil.which(program):
            raise SystemExit(f"--peer {name}={program}: no such program")
        if program and name not in without:
            servers.append(kind(program))
    return servers


def pinned(core, realtime):
    """What runs a program on that core, and before all others if `realtime`."""
    return ["taskset", "-c", str(core), *(["chrt", "-r", "1"] if realtime else [])]


def allow_many_files():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextlib.contextmanager
def running(server, pin, parent):
    """(port, process id) of a fresh server with an empty directory. `pin`: what runs it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    folder = pathlib.Path(tempfile.mkdtemp(dir=parent, prefix="bench-"))
    file = folder / "configuration"
    text = server.configuration().replace("{PORT}", str(port)).replace("{FOLDER}", str(folder))
    file.write_text(text)
    command = [*pin, server.program, *server.arguments(str(file))]
    with open(folder / "output", "w", encoding="utf-8") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_for(port, process, folder)
        yield port, process.pid
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(port, process, folder):
    for _ in range(400):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"no server on {port}: {(folder / 'output').read_text()[-1000:]}")


def without_paths(command):
    """The command as others would write it: programs by name, no path of this machine."""
    return [re.sub(r"^/.*/", "", str(part)) for part in command]
