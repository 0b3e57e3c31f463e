// One connection of MQTT.js, which comes when the first one is made.
import type { IClientOptions, IClientPublishOptions, MqttClient } from "mqtt";
import { useCallback, useEffect, useRef, useState } from "react";
import { Stream, type Shown } from "./stream";

const drawEvery = 250;

export interface Wanted {
  url: string;
  clientId: string;
  username?: string;
  password?: string;
  version: 4 | 5;
  clean: boolean;
}

export function useClient() {
  const client = useRef<MqttClient>();
  const stream = useRef(new Stream());
  const [isConnected, setConnected] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const [shown, setShown] = useState<Shown[]>([]);

  useEffect(() => {
    const timer = setInterval(() => setShown((known) => stream.current.take(known)), drawEvery);
    return () => {
      clearInterval(timer);
      client.current?.end(true);
    };
  }, []);

  const connect = useCallback(async (wanted: Wanted) => {
    setBusy(true);
    setError(undefined);
    const { default: mqtt } = await import("mqtt");
    client.current?.end(true);
    const options: IClientOptions = {
      clientId: wanted.clientId,
      username: wanted.username || undefined,
      password: wanted.password || undefined,
      protocolVersion: wanted.version,
      clean: wanted.clean,
      reconnectPeriod: 0,
      connectTimeout: 10_000,
      timerVariant: "native", // the other one starts a script that the policy of this page refuses
    };
    let made: MqttClient;
    try {
      made = mqtt.connect(wanted.url, options);
    } catch (fault) {
      setBusy(false);
      return setError((fault as Error).message);
    }
    client.current = made;
    made.on("connect", () => {
      setBusy(false);
      setConnected(true);
    });
    made.on("error", (fault) => setError(fault.message));
    made.on("close", () => {
      setBusy(false);
      setConnected(false);
      setError((known) => known ?? "");
    });
    made.on("message", (topic, payload, { qos, retain, properties }) =>
      stream.current.add({
        at: Date.now(),
        topic,
        qos,
        retain,
        payload: Uint8Array.from(payload),
        properties: properties as Record<string, unknown> | undefined,
      }),
    );
  }, []);

  const disconnect = useCallback(() => {
    client.current?.end(true);
    setConnected(false);
  }, []);

  const subscribe = useCallback(async (filter: string, qos: 0 | 1 | 2) => {
    const granted = await client.current!.subscribeAsync(filter, { qos });
    const refused = granted.find((one) => one.qos >= 128);
    if (refused) throw new Error(`0x${Number(refused.qos).toString(16)}`);
  }, []);

  const publish = useCallback(
    (topic: string, payload: string, options: IClientPublishOptions) =>
      client.current!.publishAsync(topic, payload, options),
    [],
  );

  const clear = useCallback(() => {
    stream.current.clear();
    setShown([]);
  }, []);

  return { isConnected, isBusy, error, shown, total: stream.current.total, connect, disconnect, subscribe, publish, clear };
}
