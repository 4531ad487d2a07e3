import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readLocation } from './providers.ts';

const from = { env: { CONFIG: 'a: 1' }, cwd: '/' };

async function served(answer: RequestListener, use: (url: string) => Promise<void>) {
  const server: Server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
}

test('a variable and inline YAML are sources', async () => {
  expect(await readLocation('env:CONFIG', from)).toEqual({ name: 'env:CONFIG', text: 'a: 1', lines: true });
  expect(await readLocation('yaml:a::b: 2s', from)).toEqual({ name: 'yaml', text: 'a::b: 2s', lines: true });
});

test('a file is read from the disk by its path or file:, relative to the working folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'config-'));
  try {
    await writeFile(join(folder, 'c.yaml'), '\uFEFFa: 1');
    await writeFile(join(folder, 'latin1.yaml'), Buffer.from([0x61, 0xe4]));
    for (const location of ['c.yaml', 'file:c.yaml', join(folder, 'c.yaml'), `file:${join(folder, 'c.yaml')}`]) {
      expect(await readLocation(location, { env: {}, cwd: folder })).toMatchObject({ text: 'a: 1' });
    }
    expect(await readLocation('latin1.yaml', { env: {}, cwd: folder })).toEqual({
      unreadable: `expected a readable file at ${folder}/latin1.yaml: it is not UTF-8 text`,
    });
    expect(await readLocation('.', { env: {}, cwd: folder })).toEqual({
      unreadable: `expected a readable file at ${folder}: it is a folder`,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a URL is read, and its query and password are not part of the name', () =>
  served(
    (request, response) => response.end(`path: ${request.url}`),
    async (url) => {
      expect(await readLocation(`${url}/c.yaml?token=abc`, from)).toEqual({
        name: `${url}/c.yaml`,
        text: 'path: /c.yaml?token=abc',
        lines: true,
      });
    },
  ));

test('a URL that answers with an error, too much or not at all is told', async () => {
  await served(
    (_request, response) => response.writeHead(404).end('none'),
    async (url) =>
      expect(await readLocation(`${url}/c`, from)).toEqual({
        unreadable: `expected HTTP status 200 from ${url}/c, got 404`,
      }),
  );
  await served(
    (_request, response) => response.end(Buffer.alloc(5 * 1024 * 1024, 0x61)),
    async (url) =>
      expect(await readLocation(`${url}/c`, from)).toEqual({
        unreadable: `expected at most 4194304 bytes from ${url}/c`,
      }),
  );
  let closed = '';
  await served(
    (_request, response) => response.end(),
    async (url) => void (closed = url),
  );
  expect(await readLocation(closed, from)).toMatchObject({ unreadable: expect.stringContaining('ECONNREFUSED') });
});
