import { expect, test, vi } from 'vitest';
import { AskError, ask, askJson, askText } from './ask.ts';
import { flood, garbage, hang, redirect } from './test/service.ts';
import { servers } from './test/world.ts';

const serving = servers();
const never = new AbortController().signal;

async function failure(asked: Promise<unknown>): Promise<AskError> {
  const error = await asked.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(AskError);
  return error as AskError;
}

test('ten gigabytes are not read', async () => {
  const { url } = await serving(() => flood);
  const error = await failure(askText(url, never));
  expect(error.message).toContain('the answer has more than 1048576 bytes');
  expect([error.isPassing, error.isElsewhere]).toEqual([false, false]);
});

test('silence ends the question', async () => {
  const { url, asked } = await serving(() => hang);
  const error = await failure(ask(url, never));
  expect(error.message).toContain('no answer within 1000 ms');
  expect([error.isPassing, error.isElsewhere, error.connected, asked.length]).toEqual([true, true, true, 1]);
});

test('a question that is given up says why', async () => {
  const { url } = await serving(() => hang);
  const abort = new AbortController();
  const asked = failure(ask(url, abort.signal));
  abort.abort(new Error('the collector stops'));
  expect((await asked).message).toContain('the collector stops');
});

test('an answer that trickles ends with the time that there is', async () => {
  const abort = new AbortController();
  const { url } = await serving(() => (_request, response) => {
    response.write('{');
    const drip = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(drip));
    setImmediate(() => abort.abort(new Error('no answer within 2000 ms (timeout)')));
  });
  expect((await failure(ask(url, abort.signal))).message).toContain('no answer within 2000 ms (timeout)');
});

test('where nobody listens, nobody took the connection', async () => {
  const { url, close } = await serving(() => 'x');
  await close();
  const error = await failure(ask(url, never));
  expect([error.connected, error.isElsewhere]).toEqual([false, true]);
  expect(error.message).toContain('ECONNREFUSED');
});

test('a redirect is not followed', async () => {
  const other = await serving(() => ({ secret: 1 }));
  const { url } = await serving(() => redirect(other.url));
  const error = await failure(askJson(url, never));
  expect([error.status, other.asked]).toEqual([302, []]);
});

test.each([garbage, '[]', '"text"', 'null', '', '<html>'])('%j is no JSON object', async (text) => {
  const { url } = await serving(() => text);
  const error = await failure(askJson(`${url}/path?token=secret`, never));
  expect(error.message).toMatch(/^http:.*\/path answered with something that is no JSON object$/);
  expect([error.isPassing, error.isElsewhere]).toEqual([false, false]);
});

test.each([
  [500, true, false],
  [503, true, false],
  [429, true, false],
  [404, false, true],
  [401, false, true],
])(
  'of %d it is known whether to try again, and whether it is another place',
  async (status, isPassing, isElsewhere) => {
    const { url } = await serving(() => status);
    const error = await failure(askText(url, never));
    expect([error.isPassing, error.isElsewhere]).toEqual([isPassing, isElsewhere]);
  },
);

test('the proxy of the environment is not used', async () => {
  const proxy = await serving(() => 'proxy');
  for (const name of ['HTTP_PROXY', 'http_proxy']) vi.stubEnv(name, proxy.url);
  vi.stubEnv('NODE_USE_ENV_PROXY', '1');
  const { url } = await serving(() => 'service');
  expect(await askText(url, never)).toBe('service');
  expect(proxy.asked).toEqual([]);
  vi.unstubAllEnvs();
});
