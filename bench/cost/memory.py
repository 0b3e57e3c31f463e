"""What the server allocates for one of many: counted by its allocator, the same on every machine.

Bytes that the server has allocated (`sluice_memory_allocated_bytes`), not pages of the process: those
depend on what else happened. The last figure is taken after a restart, when nothing is left in
memory of how the sessions came to be.
"""
import resource

from integration.harness import Sluice, wait_until
from integration.raw_mqtt import RawClient

MQTT_311, MQTT_5 = 4, 5
COUNT = 2000
# Events that are kept are bounded in all, so they are not of each client; here they would be counted.
SETTINGS = {"access": {"enabled": False}, "io_threads": 1, "admin": {"event_records": 0}}
EXACT = {"MALLOC_CONF": "tcache:false"}  # what a thread keeps of what was freed counts as allocated


def allocated(server):
    # The first answer makes what the next one needs.
    server.metrics()
    return server.metrics()["sluice_memory_allocated_bytes"]


def connections(server, version):
    """Bytes for each of many clients that say nothing."""
    before = allocated(server)
    clients = []
    for number in range(COUNT):
        client = RawClient(server.mqtt, version, 60)
        client.connect(f"idle-{number:06}")
        clients.append(client)
    each = (allocated(server) - before) / COUNT
    for client in clients:
        client.disconnect()
    wait_until(lambda: server.metrics()["sluice_connections"] == 0, "they are gone")
    return each


def begin_sessions(server, numbers):
    for number in numbers:
        client = RawClient(server.mqtt, MQTT_311, 60)
        client.connect(f"away-{number:06}", clean=False)
        client.subscribe(f"plant/{number:06}/commands", qos=1)
        client.disconnect()


def allocations(folder):
    """{what: bytes of each}"""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 3 * COUNT)), hard))
    found = {}
    server = Sluice(folder, SETTINGS, EXACT)
    try:
        server.start()
        for name, version in [("idle connection, MQTT 3.1.1", MQTT_311),
                              ("idle connection, MQTT 5", MQTT_5)]:
            connections(server, version)  # what many have together, and grows once
            found[name] = connections(server, version)
        # Beside as many that were there before: what the first one costs is not of each.
        begin_sessions(server, range(COUNT))
        server.restart()
        before = allocated(server)
        begin_sessions(server, range(COUNT, 2 * COUNT))
        server.restart()
        found["session of a client that is away, a subscription of QoS 1"] = (
            (allocated(server) - before) / COUNT)
        server.stop()
    finally:
        server.kill9()
    return found
