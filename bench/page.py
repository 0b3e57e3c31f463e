"""docs/benchmarks.md and its charts from one file of results: no figure but what was measured."""
import json
import pathlib
import statistics
import sys

import chart
from scenarios import FLOW, IDLE, KAFKA, OFFLINE, PACED, PAYLOAD_BYTES, SCENARIOS

ROOT = pathlib.Path(__file__).resolve().parents[1]
ANCHOR = "flashmq"        # the ratios are to it
DISTURBED_CORES = 0.15    # others used more than this: not a measurement
OURS = {"os": "sluice, os", "fsync": "sluice, fsync"}
WITH_ACCESS = "sluice, os, access control"  # beside "sluice, os", in a table of its own

READING = f"""\
* **CPU per message** is the server's CPU time, user and system, over what subscribers got in the
  measured time. With one core each for server and generator it is also what bounds the rate. On
  loopback the sender pays for part of the receiver's work in the kernel, so a network card moves
  some of it; TLS is off, and access control but in the rows that are about it; payloads have {PAYLOAD_BYTES} bytes, MQTT 3.1.1.
* **Compare within a row.** Servers take turns within each run, on the same cores; a ratio is the
  median of the ratios of each run, with the lowest and the highest behind it. Figures of two
  machines, or of two days, do not compare.
* **os and fsync** are the two durabilities of Sluice: acknowledged when the operating system has
  the message, or when the disk has it. Either way every message is in its log, QoS 0 too.
  FlashMQ, and mosquitto as configured here, keep messages in memory only; NATS writes QoS 1 to a
  file without a sync for each message.
* **Latency** of a paced run counts from the moment a message was due, not from when the generator
  got to send it: a stall shows in every message that it held up. Of a run as fast as possible it
  says nothing and is left out.
* **Memory** is the growth of the process's resident memory, over the number of connections,
  sessions or messages; the kernel's socket buffers are not in it.
* Not measured: several cores, several machines, TLS, WebSocket, QoS 2, large payloads, days of
  running.
* `†` marks a row whose runs were disturbed: others used more than {DISTURBED_CORES} of a core
  meanwhile. It is no evidence, and no target is judged by it.
"""


def median(runs, figure):
    values = [run[figure] for run in runs if figure in run]
    return statistics.median(values) if values else None


def good(runs):
    return [run for run in runs if "failed" not in run]


def line(scenario, server, runs):
    """What one measurement found, for a terminal."""
    if not good(runs):
        return f"{scenario.name:48} {server:14} failed: {runs[0]['failed']}"
    parts = []
    for figure in scenario.figures:
        if (value := median(good(runs), figure)) is not None:
            parts.append(f"{figure} {chart.number(value)}")
    return f"{scenario.name:48} {server:14} " + ", ".join(parts) + troubles(runs)


def troubles(runs):
    found = []
    if len(good(runs)) < len(runs):
        found.append(f"{len(runs) - len(good(runs))} of {len(runs)} runs failed")
    for figure in ("lost", "refused", "repeats", "behind_at_the_end"):
        most = max((run.get(figure, 0) for run in good(runs)), default=0)
        if most:
            found.append(f"{figure.replace('_', ' ')}: {most:,}")
    return f" ({'; '.join(found)})" if found else ""


class Results:
    """The figures of one file by scenario and server."""

    def __init__(self, report):
        self.report = report
        self.runs = {(entry["scenario"], entry["server"]): entry["runs"]
                     for entry in report["results"]}
        self.servers = [name for name in report["servers"] if name != WITH_ACCESS]

    def has(self, scenario):
        return any(name == scenario.name for name, _ in self.runs)

    def of(self, scenario, server):
        return good(self.runs.get((scenario.name, server), []))

    def value(self, scenario, server, figure=None):
        return median(self.of(scenario, server), figure or scenario.figures[0])

    def ratios(self, scenario, ours, peer):
        """Of the runs in which both took part, each with its neighbour; sorted."""
        figure = scenario.figures[0]
        mine = self.runs.get((scenario.name, ours), [])
        theirs = self.runs.get((scenario.name, peer), [])
        return sorted(one[figure] / other[figure] for one, other in zip(mine, theirs)
                      if figure in one and other.get(figure))

    def disturbed(self, scenario):
        seen = [run["other_cores"] for server in self.servers
                for run in self.of(scenario, server) if "other_cores" in run]
        return bool(seen) and statistics.median(seen) > DISTURBED_CORES


def table(header, rows):
    width = len(header)
    return "\n".join(["| " + " | ".join(header) + " |", "|" + "---|" * width,
                      *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def cell(value):
    return "-" if value is None else chart.number(value)


def verdict(results, scenario, durability, found):
    """The ratio with its range, and whether the target is met."""
    if not found:
        return "-"
    middle = statistics.median(found)
    shown = f"{middle:.2f}"
    if len(found) > 1:
        shown += f" ({found[0]:.2f}–{found[-1]:.2f})"
    target = scenario.target.get(durability)
    if target is None or results.disturbed(scenario):
        return shown
    met = middle >= target if scenario.at_least else middle <= target
    bound = f"{'≥' if scenario.at_least else '≤'} {target}"
    return f"{shown}, {bound}: {'met' if met else '**missed**'}"


def label(results, scenario):
    note = f" ({scenario.note})" if scenario.note else ""
    return scenario.name + note + (" †" if results.disturbed(scenario) else "")


def comparison(results, scenarios, peers):
    """One row per scenario: the first figure of each server, then our ratios to the peers."""
    peers = [peer for peer in peers if peer in results.servers]
    ours = [(durability, name) for durability, name in OURS.items() if name in results.servers]
    header = ["", *results.servers] + [f"{durability} / {peer}" for peer in peers
                                       for durability, _ in ours]
    rows = []
    for scenario in scenarios:
        row = [label(results, scenario)]
        for server in results.servers:
            row.append(cell(results.value(scenario, server)) +
                       troubles(results.runs.get((scenario.name, server), [])))
        for peer in peers:
            row += [verdict(results, scenario, durability,
                            results.ratios(scenario, name, peer))
                    for durability, name in ours]
        rows.append(row)
    return table(header, rows)


def access_table(results, scenarios):
    """What it costs to decide on each message, by run against its neighbour without."""
    rows = []
    for scenario in scenarios:
        if found := results.ratios(scenario, WITH_ACCESS, OURS["os"]):
            rows.append([label(results, scenario), cell(results.value(scenario, OURS["os"])),
                         cell(results.value(scenario, WITH_ACCESS)),
                         verdict(results, scenario, None, found),
                         verdict(results, scenario, "os",
                                 results.ratios(scenario, WITH_ACCESS, ANCHOR))])
    return table(["", "off, us", "on, us", "on / off", f"on / {ANCHOR}, which has it off"], rows)


def figures(results, scenarios):
    """One row per scenario and server: all its figures."""
    rows = []
    for scenario in scenarios:
        for server in results.servers:
            found = [(figure, results.value(scenario, server, figure))
                     for figure in scenario.figures]
            known = [f"{figure.replace('_', ' ')} {cell(value)}" for figure, value in found
                     if value is not None]
            if known:
                bound = scenario.absolute
                state = "" if bound is None or not server.startswith("sluice") else (
                    f"; ≤ {bound:,}: {'met' if found[0][1] <= bound else '**missed**'}")
                rows.append([label(results, scenario), server, ", ".join(known) + state +
                             troubles(results.runs[scenario.name, server])])
    return table(["", "server", "median"], rows)


def ratio_chart(results, scenarios):
    rows = []
    for scenario in scenarios:
        found = [(name, statistics.median(ratios), scenario.target.get(durability))
                 for durability, name in OURS.items()
                 if (ratios := results.ratios(scenario, name, ANCHOR))]
        if found:
            rows.append((scenario.name, found))
    title = "CPU per message as a ratio to FlashMQ in the same run (ticks: targets)"
    return chart.bars(title, rows, at=1.0) if rows else None


def value_chart(title, results, scenarios, figure=None):
    rows = []
    for scenario in scenarios:
        found = [(server, value, None) for server in results.servers
                 if (value := results.value(scenario, server, figure))]
        if found:
            rows.append((scenario.name, found))
    return chart.bars(title, rows, logarithmic=True) if rows else None


def sections(results, by_kind):
    """(title, text, charts by file name)"""
    peers = [server for server in results.servers if not server.startswith("sluice")]
    costs, paced = by_kind[FLOW], by_kind[PACED]
    yield ("CPU per message delivered, in us", comparison(results, costs, [ANCHOR]),
           {"ratio.svg": ratio_chart(results, costs),
            "cost.svg": value_chart("Server CPU per message delivered, us", results, costs)})
    yield ("With access control on: CPU per message delivered", access_table(results, costs), {})
    rates = [[label(results, scenario), *(cell(results.value(scenario, server, scenario.figures[1]))
                                          for server in results.servers)] for scenario in costs]
    yield ("Deliveries per second on one core", table(["", *results.servers], rates), {})
    yield ("Latency at a paced rate: p99 from due to delivered, in us",
           comparison(results, paced, [peer for peer in ("flashmq", "mosquitto") if peer in peers])
           + "\n" + figures(results, paced),
           {"latency.svg": value_chart("p99 from due to delivered, us", results, paced)})
    yield ("A queue of an absent session: messages per second",
           comparison(results, by_kind[OFFLINE], [ANCHOR]) + "\n" +
           figures(results, by_kind[OFFLINE]), {})
    yield ("Memory", figures(results, by_kind[IDLE]), {})
    yield ("QoS 1 into Kafka, acknowledged there", figures(results, by_kind[KAFKA]), {})


def about(report, source):
    machine = report["machine"]
    sync = machine["append_and_fdatasync_4KiB"]
    effort = report["effort"]
    return "\n".join([
        f"Written by `./dev bench` from [{source}](../{source}); no figure is typed by hand.\n",
        f"* {report['date']}, commit `{report['commit']}`; {effort['runs']} runs of "
        f"{effort['seconds']:g} s after {effort['warmup']:g} s, medians.",
        f"* {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Linux "
        f"{machine['kernel']}, {machine['file_system']}; 4 KiB appended and synced: p50 "
        f"{sync['p50_us']} us, p99 {sync['p99_us']} us; others used "
        f"{machine['busy_cores_before']} cores before the start.",
        f"* Server on core {report['cores'].split(',')[0]}, generator on core "
        f"{report['cores'].split(',')[1]}"
        f"{', both before all others (SCHED_RR)' if report['realtime'] else ''}.",
        *(f"* {name}: {server['version']}" for name, server in report["servers"].items())]) + "\n"


def appendix(report):
    out = ["## Configuration of each server\n"]
    for name, server in report["servers"].items():
        out.append(f"{name}:\n\n```\n{server['configuration'].strip()}\n```\n")
    out.append("## Commands\n\nThe load of each row; PORT and PID are the server's.\n\n```")
    commands = dict.fromkeys(entry["command"] for entry in report["results"])
    return "\n".join([*out, *commands, "```"]) + "\n"


def render(report, source):
    """(Markdown, {chart file: SVG})"""
    results = Results(report)
    by_kind = {kind: [scenario for scenario in SCENARIOS
                      if scenario.kind == kind and results.has(scenario)]
               for kind in (FLOW, PACED, OFFLINE, IDLE, KAFKA)}
    out, charts = ["# Benchmarks\n", about(report, source), "## How to read this\n", READING], {}
    for title, body, drawn in sections(results, by_kind):
        if body.count("\n") < 3:
            continue  # nothing of this kind was measured
        out.append(f"## {title}\n")
        for name, svg in drawn.items():
            if svg:
                charts[name] = svg
                out.append(f"![{title}](benchmarks/{name})\n")
        out.append(body)
    return "\n".join([*out, appendix(report)]), charts


def measured(folder):
    """The files of this comparison; what else is measured has a page of its own."""
    others = ("-reliability.json", "-size.json", "-storms.json", "-faults.json", "-fuzz.json",
              "-lists.json", "-kafka.json")
    return sorted(file for file in folder.glob("*.json") if not file.name.endswith(others))


def newest(folder):
    files = measured(folder)
    if not files:
        sys.exit(f"no results in {folder}: ./dev bench makes them")
    return files[-1]


def write(file, docs=ROOT / "docs"):
    file = file.resolve()
    markdown, charts = render(json.loads(file.read_text()), file.relative_to(ROOT).as_posix())
    (docs / "benchmarks").mkdir(parents=True, exist_ok=True)
    (docs / "benchmarks.md").write_text(markdown)
    for name, svg in charts.items():
        (docs / "benchmarks" / name).write_text(svg)
    print((docs / "benchmarks.md").relative_to(ROOT))
