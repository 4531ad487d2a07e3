/** Frames that are about the connection, or about a stream's windows and life: all but DATA and header blocks. */
import type { Connection } from './connection.ts';
import * as f from './frames.ts';

export function controlFrame(c: Connection, type: number, flags: number, id: number, payload: Buffer): void {
  switch (type) {
    case f.WINDOW_UPDATE:
      windowUpdate(c, id, payload);
      break;
    case f.SETTINGS:
      settings(c, flags, id, payload);
      break;
    case f.PING:
      ping(c, flags, id, payload);
      break;
    case f.RST_STREAM:
      rstStream(c, id, payload);
      break;
    case f.PRIORITY:
      priority(c, id, payload);
      break;
    case f.GOAWAY:
      goAway(c, id, payload);
      break;
    case f.PUSH_PROMISE:
      c.fail(f.PROTOCOL_ERROR, 'PUSH_PROMISE from a client');
      break;
    default:
      c.noisy(); // RFC 9113 4.1: frames of unknown types are ignored
  }
}

/** RFC 9113 6.5. */
function settings(c: Connection, flags: number, id: number, payload: Buffer): void {
  if (id !== 0) {
    c.fail(f.PROTOCOL_ERROR, 'SETTINGS on a stream');
  } else if (flags & f.FLAG_ACK) {
    if (payload.length > 0) c.fail(f.FRAME_SIZE_ERROR, 'an acknowledgement with settings');
    c.settingsAcked = true;
  } else if (payload.length % 6 !== 0) {
    c.fail(f.FRAME_SIZE_ERROR, 'SETTINGS of an odd length');
  } else {
    c.noisy();
    for (let at = 0; at < payload.length && !c.deaf; at += 6) {
      setting(c, payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    }
    if (!c.deaf) c.sender.settingsAck();
  }
}

/** RFC 9113 6.5.2. The client's table size and list size bound what we send, which is far below both. */
function setting(c: Connection, id: number, value: number): void {
  if (id === f.SETTINGS_ENABLE_PUSH && value > 1) {
    c.fail(f.PROTOCOL_ERROR, `SETTINGS_ENABLE_PUSH ${value}`);
  } else if (id === f.SETTINGS_MAX_FRAME_SIZE) {
    if (value < f.DEFAULT_MAX_FRAME || value > 0xff_ffff) c.fail(f.PROTOCOL_ERROR, `SETTINGS_MAX_FRAME_SIZE ${value}`);
  } else if (id === f.SETTINGS_INITIAL_WINDOW_SIZE) {
    if (value > f.MAX_WINDOW) c.fail(f.FLOW_CONTROL_ERROR, `SETTINGS_INITIAL_WINDOW_SIZE ${value}`);
    else if (!c.sender.setInitialWindow(value, c.streams.values())) {
      c.fail(f.FLOW_CONTROL_ERROR, 'SETTINGS make the window of a stream overflow');
    }
  }
}

/** RFC 9113 6.7. */
function ping(c: Connection, flags: number, id: number, payload: Buffer): void {
  if (id !== 0) c.fail(f.PROTOCOL_ERROR, 'PING on a stream');
  else if (payload.length !== 8) c.fail(f.FRAME_SIZE_ERROR, 'PING of another length than 8');
  else if (flags & f.FLAG_ACK) c.departure.pingAcked(payload);
  else if (!c.lifetime.clientPing(c.now, c.streams.size)) c.fail(f.ENHANCE_YOUR_CALM, 'too_many_pings');
  else {
    c.noisy();
    c.sender.ping(payload, true);
  }
}

/** RFC 9113 6.9. */
function windowUpdate(c: Connection, id: number, payload: Buffer): void {
  if (payload.length !== 4) {
    c.fail(f.FRAME_SIZE_ERROR, 'WINDOW_UPDATE of another length than 4');
    return;
  }
  c.noisy();
  const increment = payload.readUInt32BE(0) & 0x7fff_ffff;
  const stream = c.streams.get(id);
  if (id === 0) {
    if (increment === 0) c.fail(f.PROTOCOL_ERROR, 'WINDOW_UPDATE of 0');
    else if (!c.sender.grow(increment)) c.fail(f.FLOW_CONTROL_ERROR, 'the window of the connection overflows');
  } else if (!stream) {
    if (c.isIdle(id)) c.fail(f.PROTOCOL_ERROR, 'WINDOW_UPDATE on an idle stream');
  } else if (increment === 0) {
    c.streamError(stream, f.PROTOCOL_ERROR);
  } else if (!c.sender.growStream(stream, increment)) {
    c.streamError(stream, f.FLOW_CONTROL_ERROR);
  }
}

/** RFC 9113 6.4. Each counts, whatever the stream's state: CVE-2023-44487. */
function rstStream(c: Connection, id: number, payload: Buffer): void {
  if (payload.length !== 4) {
    c.fail(f.FRAME_SIZE_ERROR, 'RST_STREAM of another length than 4');
  } else if (id === 0 || c.isIdle(id)) {
    c.fail(f.PROTOCOL_ERROR, 'RST_STREAM on an idle stream');
  } else {
    const stream = c.streams.get(id);
    if (stream) c.remove(stream, false, 'the client reset the call');
    c.countReset();
  }
}

/** RFC 9113 5.3.2: deprecated, checked and ignored. */
function priority(c: Connection, id: number, payload: Buffer): void {
  if (id === 0) c.fail(f.PROTOCOL_ERROR, 'PRIORITY on stream 0');
  else if (payload.length !== 5) c.fail(f.FRAME_SIZE_ERROR, 'PRIORITY of another length than 5');
  else if ((payload.readUInt32BE(0) & 0x7fff_ffff) === id) c.fail(f.PROTOCOL_ERROR, 'a stream that depends on itself');
  else c.noisy();
}

/** RFC 9113 6.8: the client will open no more streams; it closes when it has its answers. */
function goAway(c: Connection, id: number, payload: Buffer): void {
  if (id !== 0) c.fail(f.PROTOCOL_ERROR, 'GOAWAY on a stream');
  else if (payload.length < 8) c.fail(f.FRAME_SIZE_ERROR, 'GOAWAY without its fields');
  else c.noisy();
}
