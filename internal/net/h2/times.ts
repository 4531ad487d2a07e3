/** Everything that depends on time alone, looked at about once a second: no timers for calls or connections. */
import type { Connection } from './connection.ts';
import { CANCEL, ENHANCE_YOUR_CALM, SETTINGS_TIMEOUT } from './frames.ts';
import type { Stream } from './stream.ts';

/** How long a closed connection may take to read our last words. */
const LINGER_MS = 1000;
const alive = Buffer.from('alive???', 'latin1');

export function checkTimes(c: Connection, now: number): void {
  const { headerTimeoutMs, writeTimeoutMs } = c.server.limits;
  if (c.closingSince !== undefined) {
    if (now - c.closingSince >= LINGER_MS) c.socket.destroy();
  } else if (c.backpressure.pausedSince !== undefined && now - c.backpressure.pausedSince >= writeTimeoutMs) {
    c.socket.destroy();
  } else if (!c.settingsAcked && now - c.startedAt >= headerTimeoutMs) {
    c.fail(SETTINGS_TIMEOUT, 'no SETTINGS, or no acknowledgement of ours');
  } else if (c.blocks.openSince !== undefined && now - c.blocks.openSince >= headerTimeoutMs) {
    c.fail(ENHANCE_YOUR_CALM, 'a header block that does not end');
  } else {
    c.departure.sweep(now);
    for (const stream of c.streams.values()) checkStream(c, stream, now);
    checkLife(c, now);
  }
}

function checkLife(c: Connection, now: number): void {
  switch (c.lifetime.check(now, c.streams.size)) {
    case 'ping':
      c.sender.ping(alive, false);
      break;
    case 'idle':
      c.departure.begin('max_idle');
      break;
    case 'old':
      c.lifetime.leaving(now);
      c.departure.begin('max_age');
      break;
    case 'dead':
    case 'overdue':
      c.socket.destroy();
      break;
  }
}

function checkStream(c: Connection, stream: Stream, now: number): void {
  const { bodyIdleTimeoutMs, minBodyBytesPerSecond, writeTimeoutMs } = c.server.limits;
  if (stream.pending) {
    if (now - stream.pending.since >= writeTimeoutMs) c.streamError(stream, CANCEL);
    return;
  }
  if (stream.remoteClosed || stream.answered || stream.admitting || c.backpressure.pausedSince !== undefined) return;
  const age = now - stream.startedAt;
  if (age < bodyIdleTimeoutMs) return;
  const slow = stream.received < (age / 1000) * minBodyBytesPerSecond;
  if (slow || now - stream.heardAt >= bodyIdleTimeoutMs) stream.exchange.tooSlow(stream);
}
