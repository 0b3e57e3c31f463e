"""One screen that is drawn again each second; plain lines where there is no terminal."""
import shlex
import time

CLEAR = "\x1b[H\x1b[J"
BOLD, PLAIN = "\x1b[1m", "\x1b[0m"
LINES_EVERY = 5  # seconds between plain lines


class Screen:
    def __init__(self, output):
        self.output = output
        self.terminal = output.isatty()
        self.started = time.monotonic()
        self.next_line = 0.0

    def say(self, text, error=False):
        self._write(text + "\n")

    def step(self, what, doing):
        self._write(f"[{time.monotonic() - self.started:5.1f} s] {what}: {doing}\n")

    def draw(self, stack, figures, password):
        if self.terminal:
            self._write(CLEAR + "\n".join(self._lines(stack, figures, password)) + "\n")
        elif time.monotonic() >= self.next_line:
            if not self.next_line:  # the addresses and commands once, then figures alone
                self._write("\n".join(self._lines(stack, figures, password)) + "\n")
            else:
                self._write(self._one_line(stack, figures) + "\n")
            self.next_line = time.monotonic() + LINES_EVERY

    def _write(self, text):
        self.output.write(text)
        self.output.flush()

    def _bold(self, text):
        return BOLD + text + PLAIN if self.terminal else text

    def _lines(self, stack, figures, password):
        arguments = stack.arguments
        options = shlex.quote(str(stack.own))
        if password:
            administrator = f"admin / {password}   shown at this first start only"
        else:
            administrator = "admin   its password was shown at the first start"
        kafka = "Apache Kafka"
        if arguments.kafka == "dev":
            kafka = "sluice kafka-dev: in memory, it started empty"
        yield self._bold("Sluice: charging stations") + f"   up {self._age()}   Ctrl-C stops it all"
        yield ""
        yield f"  MQTT           127.0.0.1:{arguments.mqtt_port}"
        yield f"  REST           http://127.0.0.1:{arguments.admin_port}/api/v1"
        yield f"  Kafka          {stack.kafka_address}   {kafka}"
        yield f"  administrator  {administrator}"
        yield f"  data           {stack.data}   logs in example/*.log"
        yield ""
        yield "Since this start:"
        for name, value in self._rows(stack, figures):
            yield f"  {name:<20} {value}"
        yield ""
        yield "Look for yourself:"
        yield f"  kcat -b {stack.kafka_address} -C -t charging-stations -o -20 -f '%k  %s\\n'"
        yield f"  XDG_CONFIG_HOME={options} mosquitto_sub -v -t 'stations/#'"
        yield (f"  XDG_CONFIG_HOME={options} mosquitto_pub -q 1 -t stations/cs-001/commands/limit "
               "-m '{\"limit_watts\": 3700}'")

    @staticmethod
    def _rows(stack, figures):
        fleet = stack.fleet_figures
        task = figures["task"]
        broker, store = figures["overview"]["broker"], figures["overview"]["store"]
        yield "stations", f"{fleet.get('connected', 0)} of {fleet.get('stations', 0)} connected"
        yield "acknowledged", f"{fleet.get('acknowledged', 0):,} of {fleet.get('published', 0):,}"
        on_the_way = store["head"] - store["durable"]
        rest = f", {on_the_way:,} bytes on their way to the disk" if on_the_way else ""
        yield "messages in", f"{broker['messages_received']:,}"
        yield "durable", f"{store['messages_appended']:,}{rest}"
        yield "delivered to Kafka", f"{figures['delivered']:,}"
        yield "lag", f"{task['lag_messages']:,} messages"
        reason = task["status_reason"] or ""
        yield "task", f"{task['status']}{': ' if reason else ''}{reason}"
        if fleet.get("refused"):
            yield "fleet", f"refused: {fleet['refused']}"

    def _one_line(self, stack, figures):
        return ", ".join(f"{name} {value}" for name, value in self._rows(stack, figures))

    def _age(self):
        seconds = int(time.monotonic() - self.started)
        return f"{seconds // 60} min {seconds % 60:02} s"
