"""A network that is taken away: packets dropped by the system's filter, or by a relay of our own."""
import asyncio
import contextlib
import os
import shutil
import socket
import struct
import subprocess
import threading

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() answers with RST


def iptables(*arguments, check=True):
    return subprocess.run(["iptables", "-w", "10", *arguments], capture_output=True, text=True,
                          check=check, timeout=30)


def can_filter():
    """Whether this process may have packets dropped: root, iptables, and a kernel that does it."""
    if os.geteuid() != 0 or not shutil.which("iptables"):
        return False
    return iptables("-L", "INPUT", "-n", check=False).returncode == 0


class Filter:
    """Drops every packet to and from a port of this machine, silently, both ways."""

    way = "iptables -j DROP, both directions"

    def __init__(self, port):
        self.rules = [["INPUT", "-i", "lo", "-p", "tcp", side, str(port), "-j", "DROP"]
                      for side in ("--dport", "--sport")]

    def __enter__(self):
        for rule in self.rules:
            iptables("-I", *rule)
        return self

    def __exit__(self, *_):
        for rule in self.rules:
            iptables("-D", *rule, check=False)

    def dropped(self):
        """How many packets so far."""
        port = self.rules[0][6]
        lines = iptables("-L", "INPUT", "-n", "-v", "-x").stdout.splitlines()
        return sum(int(line.split()[0]) for line in lines
                   if "DROP" in line and line.rstrip().endswith(f":{port}"))


class Relay(threading.Thread):
    """Stands before a port; can hold everything back without closing, and cut all connections."""

    way = "a relay that forwards nothing and closes nothing"

    def __init__(self, target_port):
        super().__init__(daemon=True)
        self.target_port = target_port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.accepted = self.carried = self.held = 0  # connections, bytes, bytes held back
        self.writers, self.loop, self.is_open = set(), asyncio.new_event_loop(), asyncio.Event()

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.is_open.set()
        server = self.loop.run_until_complete(
            asyncio.start_server(self._serve, sock=self.listener))
        self.loop.run_forever()
        server.close()
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.loop.close()

    def end(self):
        self.cut()
        self._call(self.loop.stop)
        self.join(30)

    def cut(self):
        """RST to both sides of every connection."""
        def abort():
            for writer in list(self.writers):
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                writer.transport.abort()
        self._call(abort)

    def __enter__(self):
        self._call(self.is_open.clear)
        return self

    def __exit__(self, *_):
        self._call(self.is_open.set)

    def dropped(self):
        """How many pieces came and were not passed on at once."""
        return self.held

    def _call(self, function):
        self.loop.call_soon_threadsafe(function)

    async def _serve(self, reader, writer):
        self.accepted += 1
        with contextlib.suppress(OSError):
            other_reader, other_writer = await asyncio.open_connection(
                "127.0.0.1", self.target_port)
            self.writers |= {writer, other_writer}
            await asyncio.gather(self._pump(reader, other_writer),
                                 self._pump(other_reader, writer))
            self.writers -= {writer, other_writer}
        writer.transport.abort()

    async def _pump(self, reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if not self.is_open.is_set():
                    self.held += 1
                    await self.is_open.wait()
                self.carried += len(data)
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
