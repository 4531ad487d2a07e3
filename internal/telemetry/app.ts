import type { RequestListener } from 'node:http';
import express, { type ErrorRequestHandler } from 'express';
import { adminRoutes, fromThisMachine } from './admin.ts';
import { page } from './page.ts';
import type { TelemetryServerOptions } from './server.ts';
import { systemStatus } from './system_status.ts';

/** The page and its two files may load nothing from elsewhere, and no other site may show them. */
const pagePolicy =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; frame-ancestors 'none'";

export function telemetryApp(options: TelemetryServerOptions): RequestListener {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use((_, response, next) => {
    response.set({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    next();
  });
  app.get('/', (_, response) => {
    response.set('content-security-policy', pagePolicy).type('html').send(page);
  });
  app.get('/metrics', async (_, response) => {
    // Set by node's own call: express would move the charset.
    const text = await options.scrape();
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text);
  });
  app.get('/ledger', (_, response) => {
    // In lines: it is read in terminals too.
    response.type('json').send(`${JSON.stringify(options.ledger(), null, 2)}\n`);
  });
  app.get('/status.json', (_, response) => {
    response.json(systemStatus(options));
  });
  for (const { method, path, handle } of adminRoutes(options)) app[method](path, fromThisMachine, handle);
  app.use((request, response) => {
    response
      .status(404)
      .type('text')
      .send(`no ${request.path} here: there are /, /metrics, /ledger, /status.json, /explain/TRACE_ID and /tap\n`);
  });
  const failed: ErrorRequestHandler = (error, request, response, next) => {
    // Express's own word for a path that is not percent-encoded right, or a body that is too large.
    if (error.status < 500 && !response.headersSent) {
      response.status(error.status).type('text').send(`${error.message}\n`);
      return;
    }
    options.logger.error('own telemetry cannot be served', { path: request.path, error });
    if (response.headersSent) next(error);
    else response.status(500).type('text').send('the log of the collector says what failed\n');
  };
  app.use(failed);
  return app;
}
