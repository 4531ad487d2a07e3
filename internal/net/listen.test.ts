import { chmod, stat, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { testFolder } from '../testkit/folder.ts';
import { type Address, parseAddress } from './address.ts';
import { listen } from './listen.ts';

function server(): net.Server {
  const it = net.createServer((socket) => socket.on('error', () => {}).end('hello'));
  onTestFinished(() => void it.close());
  return it;
}

const at = (endpoint: string) => parseAddress(endpoint) as Address;

/** What a client reads from there. */
function read(where: net.NetConnectOpts): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect(where);
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
}

test('port 0 becomes the port that was chosen', async () => {
  const address = await listen(server(), at('localhost:0'));
  expect(address).toMatchObject({ kind: 'tcp', host: '127.0.0.1', port: expect.any(Number) });
  expect(await read({ host: '127.0.0.1', port: (address as { port: number }).port })).toBe('hello');
});

test('a port in use is told with the way to find who holds it', async () => {
  const held = (await listen(server(), at('127.0.0.1:0'))) as { port: number };
  await expect(listen(server(), at(`127.0.0.1:${held.port}`))).rejects.toThrow(
    `cannot listen on 127.0.0.1:${held.port}: another program holds port ${held.port}, perhaps another collector or agent. ` +
      `Find it with \`ss -ltnp 'sport = :${held.port}'\`, and stop it or choose another endpoint`,
  );
});

test('an address that is not ours, and a name nobody knows, are told in words', async () => {
  await expect(listen(server(), at('192.0.2.1:0'))).rejects.toThrow(/no address of this machine. Use 0.0.0.0/);
  await expect(listen(server(), at('no-such-host.invalid:0'))).rejects.toThrow(/cannot be resolved/);
});

test('a unix socket serves, and a file that a dead process left is replaced', async () => {
  const path = join(await testFolder(), 'otlp.sock');
  expect(await listen(server(), at(`unix://${path}`))).toEqual({ kind: 'unix', path });
  expect(await read({ path })).toBe('hello');

  const stale = join(await testFolder(), 'stale.sock');
  await leaveStaleSocket(stale);
  expect((await stat(stale)).isSocket()).toBe(true);
  await listen(server(), at(`unix://${stale}`));
  expect(await read({ path: stale })).toBe('hello');
});

/** A socket file that nobody listens on: bound by a process that was killed. */
async function leaveStaleSocket(path: string): Promise<void> {
  const { spawn } = await import('node:child_process');
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await new Promise((resolve) => spawn(process.execPath, ['-e', script]).once('exit', resolve));
}

test('a unix socket in use, a file in the way and a missing folder are told in words, and nothing is removed', async () => {
  const dir = await testFolder();
  const used = join(dir, 'used.sock');
  await listen(server(), at(`unix:${used}`));
  await expect(listen(server(), at(`unix:${used}`))).rejects.toThrow(/another program listens there/);
  expect(await read({ path: used })).toBe('hello');

  const file = join(dir, 'file');
  await writeFile(file, 'precious');
  await expect(listen(server(), at(`unix:${file}`))).rejects.toThrow(/a file that is no socket is in the way/);
  expect((await stat(file)).size).toBe(8);

  await expect(listen(server(), at(`unix:${dir}/missing/s`))).rejects.toThrow(
    /its folder does not exist|may not create/,
  );
});

test.skipIf(process.getuid?.() === 0)('a port or folder that this user may not use is told in words', async () => {
  await expect(listen(server(), at('127.0.0.1:1'))).rejects.toThrow(
    /Ports below 1024 need root or CAP_NET_BIND_SERVICE/,
  );
  const dir = await testFolder();
  await chmod(dir, 0o500);
  await expect(listen(server(), at(`unix:${dir}/s`))).rejects.toThrow(/may not create the socket/);
});
