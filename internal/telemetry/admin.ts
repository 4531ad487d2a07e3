import type { IncomingHttpHeaders } from 'node:http';
import type { RequestHandler } from 'express';
import { explainRoute } from './admin_explain.ts';
import { qualityRoute } from './admin_quality.ts';
import { tapRoute } from './admin_tap.ts';
import type { TelemetryServerOptions } from './server.ts';

/** What an operator may ask of the running process. Answers are JSON; a refusal is `{ "error": "…" }`. */
export interface AdminRoute {
  readonly method: 'get' | 'post';
  /** As express reads it. */
  readonly path: string;
  readonly handle: RequestHandler;
}

/** Add a route here: each is served to this machine only. */
export function adminRoutes(options: TelemetryServerOptions): readonly AdminRoute[] {
  return [
    explainRoute(options.components),
    qualityRoute(options.components),
    ...(options.tap ? [tapRoute(options.tap)] : []),
  ];
}

/** Lets only programs and the page of this machine pass: what telemetry holds is nobody else's to read. */
export const fromThisMachine: RequestHandler = (request, response, next) => {
  const problem = foreign(request.socket.remoteAddress, request.headers);
  if (problem === undefined) next();
  else response.status(403).json({ error: problem });
};

const instead = 'ask from the machine (or inside the container) that the collector runs on, at localhost';

/** @returns why a request is not this machine's own; undefined where it is */
export function foreign(peer: string | undefined, headers: IncomingHttpHeaders): string | undefined {
  if (!isLoopback(peer)) return `only this machine may ask, not ${peer ?? 'an unknown address'}: ${instead}`;
  // A proxy on this machine makes everybody's requests look like its own.
  const relayed = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].find((name) => headers[name] !== undefined);
  if (relayed)
    return `only this machine may ask, and a request with the header ${relayed} comes through a proxy: ${instead}`;
  // A web page reaches loopback addresses by a name of its own whose address it changes.
  const { host = '', origin } = headers;
  if (!isLocalName(host)) return `expected a Host such as localhost:8888, got ${JSON.stringify(host)}: ${instead}`;
  const site = headers['sec-fetch-site'];
  const foreignSite = site !== undefined && site !== 'same-origin' && site !== 'none';
  if (foreignSite || (origin !== undefined && origin !== `http://${host}`)) {
    return `a page of another site (${JSON.stringify(origin ?? site)}) may not ask: open the collector's own page`;
  }
  return undefined;
}

function isLoopback(address = ''): boolean {
  return address === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/i.test(address);
}

function isLocalName(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i.test(host);
}
