"""The part of docs/reliability.md about messages that are looked for in a long log."""
from tables import table


def mib(count):
    return "" if count is None else f"{count / 2**20:,.1f}"


def of_log(found):
    return f"{found['fill']['messages']:,}"


def times(answer):
    return f"{answer['ms']:,.1f} / {answer['again_median_ms']:,.1f}"


def question_rows(results):
    """One row for each question, with its times in each of the logs."""
    most = max(results, key=lambda found: found["fill"]["messages"])
    rows = []
    for number, answer in enumerate(most["questions"]["answers"]):
        rows.append([answer["question"],
                     *(times(found["questions"]["answers"][number]) for found in results),
                     f"{answer['again_most_ms']:,.1f}", f"{answer['messages']:,}",
                     mib(answer["scanned_bytes"]), f"{answer['requests']:,}"])
    return rows


def unknown_line(found):
    unknown = found["questions"]["unknown"]
    return (f"* {of_log(found)} messages, {unknown['names']} first levels that nobody published to, "
            f"to the end of the log: median {unknown['median_ms']:,.1f} ms, most "
            f"{unknown['most_ms']:,.1f} ms; {mib(unknown['mean_scanned_bytes'])} MiB read in the mean, "
            f"{mib(unknown['most_scanned_bytes'])} MiB at most; requests: {unknown['most_requests']} "
            "at most.")


def cache_line(found):
    def rate(part):
        read = part["hits"] + part["misses"]
        return f"{part['hits'] / read:.1%} of {read:,}" if read else "none"
    return (f"* {of_log(found)} messages, the cache's hits: {rate(found['session'])} messages for "
            f"the session that is behind all of the log, {rate(found['near'])} for one that was "
            f"away for the newest {found['near']['read']:,}. Memory after all questions: "
            f"{mib(found['rss_after_questions_bytes'])} MiB.")


def micro_rows(micro):
    rows = []
    for each in micro["benchmarks"]:
        counted = [f"{each[name]:,.0f}" if name in each else "" for name in ("found", "calls")]
        cost = (f"{each['nanoseconds_each']:,.0f} ns a message" if "nanoseconds_each" in each
                else f"{each['milliseconds']:,.2f} ms")
        rows.append([f"`{each['name']}`", cost, mib(each.get("scanned")), *counted])
    return rows


def micro_section(micro):
    return "\n".join([
        f"The same of the store alone, a log of {mib(micro['log_bytes'])} MiB, without a server "
        f"(`{micro['command']}`, median of {micro['repetitions']}); `index_topics` is what the "
        "index costs each message that is appended, all of one topic and of 4,096:\n",
        table(["", "", "MiB read", "messages", "calls"], micro_rows(micro))])


def section(report):
    results = report["results"]
    header = ["ms, first / again", *(of_log(found) for found in results), "again, most",
              "messages", "MiB read", "requests"]
    out = ["### Looking for messages\n",
           table(header, question_rows(results)),
           "Asked over the REST API of the server that was started above, of which the log's files "
           "are not in the system's cache when it is asked first; then again, "
           "median. The last four columns are of the longest log. A request looks for 200 ms at "
           "most and then says where to go on, so one that reads much takes several. 16 first "
           "levels with 1,024 devices share all messages but 1,000, which are spread evenly and "
           "have a first level of their own. `trace` follows from log and cursors: "
           + ", ".join(f"{name} {state}" for name, state in results[-1]["questions"]
                       ["states"].items()) + ".\n",
           *map(unknown_line, results), *map(cache_line, results), ""]
    if "micro" in report:
        out.append(micro_section(report["micro"]))
    return "\n".join(out)
