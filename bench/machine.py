"""What a figure depends on besides the programs: written beside every result."""
import os
import pathlib
import platform
import statistics
import subprocess
import tempfile
import time


def first_line(text, beginning):
    for line in text.splitlines():
        if line.startswith(beginning):
            return line.split(":", 1)[1].strip()
    return "unknown"


def file_system(folder):
    done = subprocess.run(["df", "--output=fstype", folder], capture_output=True, text=True,
                          check=False)
    return done.stdout.split()[-1] if done.stdout.split() else "unknown"


def sync_times(folder, times=200):
    """4 KiB appended and synced, over and over: what an fsync costs here."""
    taken = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(times):
            begun = time.perf_counter()
            os.write(file.fileno(), b"x" * 4096)
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - begun) * 1e6)
    cuts = statistics.quantiles(taken, n=100)
    return {"p50_us": round(statistics.median(taken)), "p99_us": round(cuts[98])}


def busy_cores(seconds=1.0):
    """How many cores others use while we do nothing."""
    def used():
        fields = pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:8]
        user, nice, system, _, _, irq, softirq = map(int, fields)
        return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
    before = used()
    time.sleep(seconds)
    return round((used() - before) / seconds, 2)


def describe(folder):
    memory = first_line(pathlib.Path("/proc/meminfo").read_text(), "MemTotal")
    return {"processor": first_line(pathlib.Path("/proc/cpuinfo").read_text(), "model name"),
            "cores": os.cpu_count(), "memory_gib": round(int(memory.split()[0]) / 2**20, 1),
            "kernel": platform.release(), "file_system": file_system(folder),
            "append_and_fdatasync_4KiB": sync_times(folder), "busy_cores_before": busy_cores()}


def commit(root):
    done = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty", "--abbrev=10"],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
