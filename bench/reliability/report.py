"""docs/reliability.md from files of results: no figure but what was measured."""
import json
import pathlib

import finding
from tables import table

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench/results"
KILL = "kill"
TITLES = {KILL: "kill -9", "ext4": "Power cut, ext4", "xfs": "Power cut, xfs"}
LONG_LOG, START_SECONDS = 10 << 30, 5  # so long a log, and how soon a start is to be done
LOSSES = ("lost", "twice", "reordered", "repeated")

READING = """\
* **A round**: publishers send as fast as they may, 50 messages in flight each; at a random moment
  the server is killed; it is started again with the same data, one time in five only after it was
  killed once more while it started. Publishers come back and send again what was not acknowledged,
  as MQTT asks of them.
* **A power cut** is a file system of its own on a loop device, which is shut down
  (`xfs_io -x -c shutdown`, without its log being written) while the server runs, and the server is
  killed with it. After the remount everything that was not synced is gone. What it does not show: a
  disk that says that it has written what it has not, and blocks that a failing supply tears in half.
* **Acknowledged**: PUBACK for QoS 1, PUBCOMP for QoS 2, as the publisher saw it. **Lost** is what was
  acknowledged and never came to a subscriber whose persistent session and subscription had been
  acknowledged before: one that is connected whenever the server is there, and one that is away and
  comes every ten rounds. A message that both missed counts in both columns.
* **Repeated** is QoS 1 that came again, which MQTT allows; **twice** is QoS 2 that came again, which it
  does not. **Reordered** counts neighbours of one publisher that came in the wrong order. **Sessions
  forgotten**: CONNACK said that there is no session where there had to be one.
* **Start** is the time from the start of the process to the first CONNACK.
* Every server is configured as safe as its own settings allow (below). What a server does not promise
  is no fault of it: FlashMQ saves its state every 300 s at most, mosquitto here all of its state after
  changes, NATS writes without a sync for each message, and `os` is our own setting for who has another
  copy. It is acknowledged there when the operating system has it; every 8 MiB are synced, and here no
  round writes so much.
"""


def added_up(trials):
    """One entry of several trials of the same server and fault."""
    total = json.loads(json.dumps(trials[0]))
    total["problems"] = [trial["problem"] for trial in trials if trial["problem"]]
    for trial in trials[1:]:
        for key in ("rounds", "again_while_starting", "refused", "sessions_forgotten"):
            total[key] += trial[key]
        for qos, count in trial["acknowledged"].items():
            total["acknowledged"][qos] += count
        for name, reader in trial["readers"].items():
            for count in LOSSES:
                total["readers"][name][count] += reader[count]
        for key in ("start_p50_ms", "start_max_ms"):
            total[key] = max(total[key], trial[key])
    return total


def grouped(report, fault):
    by_server = {}
    for trial in report["trials"]:
        if trial["fault"] == fault:
            by_server.setdefault(trial["server"], []).append(trial)
    return {server: added_up(trials) for server, trials in by_server.items()}


def both(total, count):
    return sum(reader[count] for reader in total["readers"].values())


def bold(count):
    return f"**{count:,}**" if count else "0"


def row(server, total):
    readers = total["readers"]
    return [server, f"{total['rounds']:,}", f"{total['acknowledged']['1']:,}",
            f"{total['acknowledged']['2']:,}", bold(readers["connected"]["lost"]),
            bold(readers["away"]["lost"]), bold(both(total, "twice")),
            bold(both(total, "reordered")), f"{both(total, 'repeated'):,}",
            bold(total["sessions_forgotten"]),
            f"{total['start_p50_ms']:,} / {total['start_max_ms']:,}"]


HEADER = ["", "rounds", "acknowledged QoS 1", "QoS 2", "lost, connected", "lost, away",
          "QoS 2 twice", "reordered", "QoS 1 repeated", "sessions forgotten",
          "start, ms: median / most"]


def section(report, fault):
    found = grouped(report, fault)
    if not found:
        return ""
    out = [f"## {TITLES[fault]}\n", table(HEADER, [row(*each) for each in found.items()])]
    for server, total in found.items():
        for problem in total["problems"]:
            out.append(f"* {server} after {total['rounds']} rounds: {problem}")
        if total["refused"]:
            out.append(f"* {server} refused {total['refused']:,} messages, as a server does whose "
                       "disk is gone; they were sent again.")
    return "\n".join(out) + "\n"


def line(trial):
    """What one trial found, for a terminal."""
    readers = ", ".join(f"{name}: " + " ".join(f"{reader[count]} {count}" for count in LOSSES)
                        for name, reader in trial["readers"].items())
    return (f"{trial['server']}, {TITLES[trial['fault']]}: {trial['rounds']} rounds in "
            f"{trial['seconds']} s, acknowledged {trial['acknowledged']}, {readers}; "
            f"{trial['sessions_forgotten']} sessions forgotten, start {trial['start_p50_ms']} / "
            f"{trial['start_max_ms']} ms" + (f"; {trial['problem']}" if trial["problem"] else ""))


def about(report, source):
    machine = report["machine"]
    sync = machine["append_and_fdatasync_4KiB"]
    commits = sorted({trial["commit"] for trial in report["trials"]})
    seeds = sorted({str(trial["seed"]) for trial in report["trials"]})
    return "\n".join([
        f"Written by `./dev bench reliability` from [{source}](../{source}); no figure is typed by "
        "hand.\n",
        f"* {report['date']}, commit {', '.join(f'`{each}`' for each in commits)}; "
        f"seeds {', '.join(seeds)} (`--seed`).",
        f"* {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Linux "
        f"{machine['kernel']}, {machine['file_system']}; 4 KiB appended and synced: p50 "
        f"{sync['p50_us']} us, p99 {sync['p99_us']} us. Other programs ran at the same time: times "
        "are no measure of speed.",
        *(f"* {name}: {server['version']}" for name, server in report["servers"].items())]) + "\n"


def appendix(report):
    out = ["## Configuration of each server\n"]
    for name, server in report["servers"].items():
        out.append(f"{name}:\n\n```\n{server['configuration'].strip()}\n```\n")
    out.append("## Commands\n\n```\n./dev bench reliability --full --peer flashmq=PROGRAM\n"
               "./dev bench reliability --only \"fsync xfs\" --cuts 40 --seed SEED\n```\n\n"
               "Peers that are installed take part by themselves (`apt-get install mosquitto "
               "nats-server`); FlashMQ is built from its public source. The checker is "
               "[tests/integration/ledger.py](../tests/integration/ledger.py), the rounds are "
               "[bench/reliability/trial.py](../bench/reliability/trial.py).")
    return "\n".join(out) + "\n"


def mib(count):
    return f"{count / 2**20:,.0f}"


def start_cell(found):
    seconds = found["start"]["seconds"]
    judged = found["fill"]["log_bytes"] >= LONG_LOG
    verdict = "met" if seconds < START_SECONDS else "**missed**"
    return f"{seconds:.2f}" + (f", < {START_SECONDS}: {verdict}" if judged else "")


def size_row(found):
    fill, start, session = found["fill"], found["start"], found["session"]
    return [f"{fill['messages']:,} of {found['payload_bytes']:,} B, {found['durability']}",
            f"{fill['log_bytes'] / 2**30:.1f}",
            f"{fill['append_cpu_us']:.2f} / {fill['append_us']:.2f}",
            start_cell(found), f"{found['start_again']['seconds']:.2f}",
            f"{found['start_without_view']['seconds']:.1f}",
            mib(start["replayed_bytes"]), mib(start["rss_bytes"]), f"{session['first_ms']:.0f}",
            f"{found['oldest']['read_us']:.2f}", f"{found['newest']['read_us']:.2f}",
            mib(found["view_bytes"])]


SIZE_HEADER = ["messages", "log, GiB", "append, us: CPU / time", "start after kill -9, s",
               "and again", "replayed, MiB", "memory, MiB", "first to a session, ms",
               "read oldest, us", "newest", "index on disk, MiB"]


def size_section(report, source):
    machine = report["machine"]
    commits = sorted({found["commit"] for found in report["results"]})
    return "\n".join([
        "## The store at size\n",
        f"From [{source}](../{source}), {report['date']}, commit "
        f"{', '.join(f'`{each}`' for each in commits)}, {machine['processor']}, "
        f"{machine['file_system']}, 4 KiB appended and synced: p50 "
        f"{machine['append_and_fdatasync_4KiB']['p50_us']} us; other programs ran at the same time. "
        "`./dev bench size --messages N`.\n",
        table(SIZE_HEADER, [size_row(found) for found in report["results"]]),
        "All messages stand in the queue of one session, which is away. They are appended through "
        "the store as a server's worker does it, 64 at a time, half a MiB at most waiting for the "
        "disk, by a process that ends with `kill -9`. The start is the real server's, until its "
        "first CONNACK, with nothing of the directory in the system's cache; it reads the log from "
        "the last checkpoint on, which is what was replayed. Memory is the server's then. Reading "
        f"is that of the first and the last messages of the queue, from files, per message. Without its "
        "view, the server reads all of the log and builds every index again.\n",
        finding.section(report)])


def render(report, source, size=None, size_source=None):
    return "\n".join(["# Reliability, proved by fault\n", about(report, source),
                      *(section(report, fault) for fault in TITLES if grouped(report, fault)),
                      "## How to read this\n", READING,
                      *([size_section(size, size_source)] if size else []), appendix(report)])


def newest(kind):
    """The newest file of results, and what it holds; nothing where there is none."""
    files = sorted(RESULTS.glob(f"*-{kind}.json"))
    return (files[-1], json.loads(files[-1].read_text())) if files else (None, None)


def of_the_repository(file):
    return file.resolve().relative_to(ROOT).as_posix()


def rendered(file):
    """The page of these results and of the newest of the store at size."""
    size_file, size = newest("size")
    return render(json.loads(file.read_text()), of_the_repository(file), size,
                  of_the_repository(size_file) if size else None)


def write(file=None, docs=ROOT / "docs"):
    file = file or newest("reliability")[0]
    if file is None:
        print("no page yet: ./dev bench reliability measures what else is on it")
        return
    (docs / "reliability.md").write_text(rendered(file))
    print((docs / "reliability.md").relative_to(ROOT))
