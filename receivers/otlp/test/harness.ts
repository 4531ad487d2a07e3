import net from 'node:net';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../../internal/core/clock.ts';
import type { Component, Outputs, Settings } from '../../../internal/core/component.ts';
import type { Address } from '../../../internal/net/address.ts';
import type { Payload, Signal } from '../../../internal/otlp/payload.ts';
import { RecordingConsumer, type TestSettings, testSettings } from '../../../internal/testkit/settings.ts';
import { idsOf } from '../../../internal/testkit/stamped.ts';
import type { OtlpReceiverConfig } from '../config.ts';
import factory from '../index.ts';
import type { OtlpReceiver } from '../receiver.ts';

export interface TestReceiver {
  readonly receiver: OtlpReceiver;
  readonly settings: TestSettings;
  readonly sinks: Readonly<Record<Signal, RecordingConsumer>>;
  /** TCP ports by protocol; 0 where the protocol is off. */
  readonly grpc: number;
  readonly http: number;
  /** Ids of the stamped records that were accepted. */
  ids(signal: Signal): string[];
  stop(abort?: AbortSignal): Promise<void>;
}

export interface TestOptions {
  readonly signals?: readonly Signal[];
  readonly settings?: Partial<Settings>;
  readonly extensions?: Readonly<Record<string, Component>>;
}

const loopback = { endpoint: '127.0.0.1:0' };

export function parseConfig(config: unknown): OtlpReceiverConfig {
  return (factory.schema as unknown as { parse(config: unknown): OtlpReceiverConfig }).parse(config);
}

/** A receiver on free loopback ports, stopped when the test ends. `protocols` is merged over the defaults. */
export async function startReceiver(
  protocols: { grpc?: object | false; http?: object | false } = {},
  options: TestOptions = {},
): Promise<TestReceiver> {
  const settings = testSettings({ id: 'otlp', kind: 'receiver', ...options.settings });
  // Sockets live in real time, so the receiver does too.
  const timed: Settings = { ...settings, clock: systemClock };
  const sinks = { traces: new RecordingConsumer(), metrics: new RecordingConsumer(), logs: new RecordingConsumer() };
  const signals = options.signals ?? ['traces', 'metrics', 'logs'];
  const outputs: Outputs = Object.fromEntries(signals.map((signal) => [signal, sinks[signal]]));
  const config = parseConfig({
    protocols: {
      ...(protocols.grpc === false ? {} : { grpc: { ...loopback, ...protocols.grpc } }),
      ...(protocols.http === false ? {} : { http: { ...loopback, ...protocols.http } }),
    },
  });
  const receiver = factory.create(timed, config, outputs) as OtlpReceiver;
  const stop = (abort = AbortSignal.timeout(2000)) => receiver.shutdown(abort);
  onTestFinished(() => stop());
  await receiver.start({ extension: (id: string) => options.extensions?.[id] } as never);
  const ports = receiver.addresses.map(portOf);
  return {
    receiver,
    settings,
    sinks,
    grpc: protocols.grpc === false ? 0 : ports.shift()!,
    http: protocols.http === false ? 0 : ports.shift()!,
    ids: (signal) => sinks[signal].taken.flatMap((batch: Payload) => idsOf(batch)),
    stop,
  };
}

function portOf(address: Address | undefined): number {
  return address?.kind === 'tcp' ? address.port : 0;
}

export const protobuf = { 'content-type': 'application/x-protobuf' };

export function post(
  port: number,
  path: string,
  body: Uint8Array | string,
  headers: Record<string, string> = protobuf,
) {
  return fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body: Buffer.from(body) });
}

/** A TCP connection for what no client library would send. Everything that came back is in `text`. */
export class RawClient {
  readonly socket: net.Socket;
  text = '';
  closed = false;

  static connect(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1', () => resolve(new RawClient(socket)));
      socket.once('error', reject);
    });
  }

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
    onTestFinished(() => void socket.destroy());
  }

  send(bytes: Uint8Array | string): void {
    this.socket.write(bytes);
  }
}
