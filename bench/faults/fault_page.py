"""docs/integration-reliability.md from one file of results: no figure but what was measured."""
import json
import pathlib

from holdings import broke_a_promise
from tables import table

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench/results"
PAGE = "integration-reliability.md"
CURVE = "F8"  # of which memory and disk are shown over time
CURVE_ROWS = 16

READING = """\
* **A run**: three publishers of QoS 1 and one of QoS 2 publish through a server, whose task carries all of
  it into a topic of a real Apache Kafka with two partitions, key = client id. In the middle of it the
  fault happens. The publishers go on; when all is settled, the topic is read from its beginning.
* **Acknowledged**: PUBACK or PUBCOMP, as the publisher saw it. **Lost**: acknowledged, and neither in
  the topic nor, where the topic can never take it, a dead letter with all its bytes. **Reordered**: of
  one publisher, first occurrences in the wrong order.
* **Duplicated**: records of the same message beyond the first, known by its id. A task that writes at
  least once may repeat what was in flight when the server was killed, or when its producer was replaced
  while Kafka did not answer, which editing the connection does (F9): so often the task's
  `delivery.in_flight`, and nothing in any other run. The server counts what may have come twice; more
  than it has counted is a fault, too. **Sent again** is what publishers
  themselves sent twice, as MQTT asks of them when a server dies before it acknowledges: another message
  with another id. Only QoS 1 may, and only after a kill.
* **Fails** where a run broke a promise, and also where it could not do what its name says: while Kafka is
  away nothing may be delivered, dropped packets are counted, connections are counted, a full disk has to
  stand in Kafka's log. While Kafka is away each publisher must be acknowledged all the time, or it fails.
* **Caught up**: how long after the end of the fault until no more than a second's messages were waiting,
  while the publishers went on.
* The counts are by [bench/faults/holdings.py](../bench/faults/holdings.py); the history checker of the
  tests ([tests/integration/history.py](../tests/integration/history.py)) judges the same records where
  it can hold them in memory. What Kafka held of the topic that is deleted is read from its files.
"""

HEADER = ["", "for", "published per s", "acknowledged", "lost", "duplicated", "allowed",
          "reordered", "sent again", "dead letters", "slowest acknowledgement, ms",
          "caught up after, s", ""]


def bold(count):
    return f"**{count:,}**" if count else "0"


def amount(run):
    shortened = "" if run["amount"] >= run["whole"] else f" of {run['whole']:g}"
    return f"{run['amount']:g}{shortened} {run['unit']}"


def published_per_second(run):
    """While the publishers were at it: from the first sample to the last one that shows progress."""
    samples = run["samples"]
    most = max((sample["acknowledged"] for sample in samples), default=0)
    last = next((sample for sample in samples if sample["acknowledged"] == most), None)
    if last is None or last["at"] <= samples[0]["at"]:
        return "-"
    return f"{(most - samples[0]['acknowledged']) / (last['at'] - samples[0]['at']):,.0f}"


def verdict(run):
    return "**fails**" if broke_a_promise(run) else "holds"


def title(run):
    exactly = ", exactly once" if run["guarantee"] == "exactly_once" else ""
    return run["title"] + exactly


def row(run):
    return [f"{run['fault']} {title(run)}", amount(run), published_per_second(run),
            f"{run['acknowledged']:,}", bold(run["lost"]), f"{run['duplicated']:,}",
            f"{run['duplicates_allowed']:,}", bold(run["reordered"]), f"{run['sent_again']:,}",
            f"{run['dead_letters']:,}", f"{run['slowest_acknowledgement_ms']:,}",
            f"{run['phases'].get('caught_up_seconds', '-')}", verdict(run)]


def line(run):
    """What one run found, for a terminal."""
    problem = f"; {run['problem']}" if run["problem"] else ""
    return (f"{run['fault']} {title(run)}, {amount(run)}: {verdict(run).strip('*')}; "
            f"{run['acknowledged']:,} acknowledged, {run['lost']} lost, {run['duplicated']} "
            f"duplicated of {run['duplicates_allowed']} allowed, {run['reordered']} reordered, "
            f"{run['sent_again']} sent again, {run['twice']} of QoS 2 twice, {run['refused']} refused, "
            f"{run['dead_letters']} dead letters; {run['seconds']} s, {run['phases']}{problem}")


def shown(value):
    if isinstance(value, list):
        return "; ".join(map(shown, value))
    if isinstance(value, dict):
        return " ".join(f"{name.replace('_', ' ')} {shown(each)}" for name, each in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def seen(run):
    """One item: what the fault did, and what the task said meanwhile."""
    parts = [f"{name.replace('_', ' ')}: {shown(value)}" for name, value in run["details"].items()]
    parts.append(f"retried: {run['retried']:,}" if run["retried"] is not None else "")
    if run["problem"]:
        parts.append(f"**{run['problem'].splitlines()[0]}**")
    return f"* {run['fault']}, {title(run)}: " + "; ".join(part for part in parts if part) + "."


def curve_section(run):
    samples = run["samples"]
    if len(samples) < 4:
        return ""
    top = max(range(len(samples)), key=lambda at: samples[at]["lag"])
    drained = next((at for at in range(top, len(samples)) if samples[at]["lag"] <= run["rate"]),
                   len(samples) - 1)
    begin, full, end = samples[0], samples[top], samples[drained]
    drain_seconds = max(end["at"] - full["at"], 0.1)
    samples = samples[:drained + 2]  # then nothing happens any more
    every = max(1, len(samples) // CURVE_ROWS)
    rows = [[f"{each['at']:,.0f}", f"{each['acknowledged']:,}", f"{each['lag']:,}",
             f"{each['delivered']:,}", f"{each['rss_mib']:,.0f}", f"{each['disk_mib']:,.0f}"]
            for at, each in enumerate(samples) if at % every == 0 or at in (top, drained)]
    most = max(sample["rss_mib"] for sample in samples)
    return "\n".join([
        f"## {title(run)}, over time\n",
        table(["at, s", "acknowledged", "waiting", "delivered", "memory, MiB", "disk, MiB"], rows),
        f"{full['lag']:,} messages waited at most. From then until a second's messages were left it "
        f"took {drain_seconds:,.1f} s: {(end['delivered'] - full['delivered']) / drain_seconds:,.0f} "
        f"records a second, while publishers went on. Memory of the server: {begin['rss_mib']:,.0f} "
        f"MiB when it began, {most:,.0f} MiB at most, the cache of the log (`store.cache_bytes`, "
        "256 MiB unless it is set) in it.\n"])


def about(report, source):
    machine = report["machine"]
    sync = machine["append_and_fdatasync_4KiB"]
    commits = sorted({run["commit"] for run in report["runs"]})
    return "\n".join([
        f"Written by `./dev bench faults` from [{source}](../{source}); no figure is typed by hand.\n",
        f"* {report['date']}, commit {', '.join(f'`{each}`' for each in commits)}; "
        + ", ".join(f"{name} {version.removeprefix(name)}".replace("  ", " ")
                    for name, version in report["versions"].items()) + ".",
        f"* {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Linux "
        f"{machine['kernel']}, {machine['file_system']}; 4 KiB appended and synced: p50 "
        f"{sync['p50_us']} us, p99 {sync['p99_us']} us. Publishers, Kafka and other programs ran on "
        "the same cores: times are no measure of speed."]) + "\n"


def render(report, source):
    runs = report["runs"]
    failing = sum(map(broke_a_promise, runs))
    summary = (f"{len(runs)} runs, {sum(run['acknowledged'] for run in runs):,} acknowledged messages: "
               f"{sum(run['lost'] for run in runs):,} lost, "
               f"{sum(run['reordered'] for run in runs):,} reordered, "
               f"{sum(run['duplicated'] for run in runs if not run['duplicates_allowed']):,} duplicated "
               f"where that is not allowed; {failing or 'none'} of the runs {'fail' if failing != 1 else 'fails'}.\n")
    curves = [curve_section(run) for run in runs if run["fault"] == CURVE]
    commands = "\n".join(dict.fromkeys(report["commands"]))
    return "\n".join([
        "# Integration without loss, proved by fault\n", about(report, source), summary,
        table(HEADER, [row(run) for run in runs]), "## What was done, and what the task said\n",
        *map(seen, runs), "", *curves, "## How to read this\n", READING,
        "## Commands\n", f"```\n{commands}\n```\n",
        "The faults are [bench/faults/matrix.py](../bench/faults/matrix.py). What the server loses on "
        "`kill -9` and power cuts without an integration is on [another page](reliability.md)."]) + "\n"


def newest():
    files = sorted(RESULTS.glob("*-faults.json"))
    return files[-1] if files else None


def rendered(file):
    return render(json.loads(file.read_text()), file.resolve().relative_to(ROOT).as_posix())


def write(file=None, docs=ROOT / "docs"):
    file = file or newest()
    if file is None:
        print("no page yet: ./dev bench faults measures what is on it")
        return
    (docs / PAGE).write_text(rendered(file))
    print((docs / PAGE).relative_to(ROOT))
