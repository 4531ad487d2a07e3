import { afterEach, expect, test } from 'vitest';
import { settled } from '../testkit/clock.ts';
import { testSettings } from '../testkit/settings.ts';
import { AskError } from './ask.ts';
import type { ConfiguredDetector } from './config.ts';
import { Detection } from './detection.ts';
import { detectorKind, elsewhere, type Found, found, noFields, type Question } from './detector.ts';
import { surroundings } from './test/world.ts';

type Detect = (question: Question, time: number) => Found | Promise<Found>;

const open: Detection[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

const unanswered = () => {
  throw new AskError('GET http://cloud: no answer', 0, true);
};

/** A detector that says what the function says, at its nth time. */
function saying(name: string, detect: Detect, config: Partial<ConfiguredDetector['config']> = {}): ConfiguredDetector {
  let times = 0;
  const kind = detectorKind({
    name,
    attributes: { off: false },
    fields: noFields,
    detect: async (question) => detect(question, ++times),
  });
  return { kind, config: { resource_attributes: {}, ...config } };
}

function rig(detectors: ConfiguredDetector[], { timeoutMs = 5000, refreshMs = 0 } = {}) {
  const settings = testSettings({ id: 'resourcedetection', kind: 'processor' });
  const detection = new Detection(settings, surroundings({}), { detectors, timeoutMs, refreshMs });
  open.push(detection);
  const count = (detector: string, outcome: string) =>
    settings.meter.value('sluice_resource_detections_total', { processor: 'resourcedetection', detector, outcome });
  const facts = () => Object.fromEntries(detection.place.attributes);
  return { ...settings, detection, count, facts };
}

test('detectors are asked side by side, and of two the first in the list counts, however late it answers', async () => {
  let answer: (found: Found) => void = () => {};
  const late = new Promise<Found>((resolve) => (answer = resolve));
  const asked: string[] = [];
  const noted = (name: string, answer: Found | Promise<Found>) =>
    saying(name, () => {
      asked.push(name);
      return answer;
    });
  const { detection, facts } = rig([noted('slow', late), noted('fast', found({ a: 'fast', b: 'fast' }))]);
  const started = detection.start();
  await settled();
  expect(asked).toEqual(['slow', 'fast']);
  answer(found({ a: 'slow' }));
  await started;
  expect(facts()).toEqual({ a: 'slow', b: 'fast' });
});

test('attributes that are off are left out, whatever a detector says, and those nobody listed are in', async () => {
  const detect = () => found({ off: 'x', tag: 'y' });
  const { detection, facts } = rig([saying('a', detect)]);
  await detection.start();
  expect(facts()).toEqual({ tag: 'y' });
  const on = rig([saying('a', detect, { resource_attributes: { off: { enabled: true }, tag: { enabled: false } } })]);
  await on.detection.start();
  expect(on.facts()).toEqual({ off: 'x' });
});

test('the first schema URL counts, that of a place that nobody is in does not', async () => {
  const { detection } = rig([
    saying('none', () => elsewhere('no')),
    saying('first', () => ({ attributes: new Map(), schemaUrl: 'one' })),
    saying('second', () => ({ attributes: new Map(), schemaUrl: 'two' })),
  ]);
  await detection.start();
  expect(detection.place.schemaUrl).toBe('one');
});

test('a detector that never answers costs the timeout and its own attributes, and is told and counted', async () => {
  const hanging = saying('cloud', () => new Promise(() => {}));
  const { detection, clock, logger, facts, count } = rig([hanging, saying('env', () => found({ a: 'b' }))], {
    timeoutMs: 2000,
  });
  let isStarted = false;
  const started = detection.start().then(() => (isStarted = true));
  await clock.advance(1999);
  expect(isStarted).toBe(false);
  await clock.advance(1);
  await started;
  expect(facts()).toEqual({ a: 'b' });
  expect(logger.warnings()).toEqual([
    'the cloud detector failed: no answer within 2000 ms (timeout). Telemetry goes on without its attributes',
  ]);
  expect([count('cloud', 'failed'), count('env', 'found')]).toEqual([1, 1]);
});

test('a service that does not answer yet is asked again while there is time', async () => {
  const { detection, clock, facts, logger, count } = rig([
    saying('cloud', (_, time) => (time < 3 ? unanswered() : found({ a: 'b' }))),
  ]);
  const started = detection.start();
  await clock.advance(3000);
  await started;
  expect(facts()).toEqual({ a: 'b' });
  expect([logger.warnings(), count('cloud', 'found'), count('cloud', 'failed')]).toEqual([[], 1, 0]);
});

test('one that comes up after the start is found a minute later, and then left alone', async () => {
  const { detection, clock, facts, logger } = rig([
    saying('cloud', () => (clock.monotonic() < 60_000 ? unanswered() : found({ a: 'b' }))),
  ]);
  const started = detection.start();
  await clock.advance(5000);
  await started;
  expect([facts(), clock.timers]).toEqual([{}, 1]);
  await clock.advance(61_000);
  expect([facts(), clock.timers]).toEqual([{ a: 'b' }, 0]);
  expect(logger.lines.map(({ message }) => message)).toContain('the cloud detector answers again');
});

test('what no other try would change is not tried again', async () => {
  let asked = 0;
  const { detection, clock } = rig([
    saying('env', () => {
      asked++;
      throw new Error('OTEL_RESOURCE_ATTRIBUTES: broken');
    }),
  ]);
  await detection.start();
  expect([asked, clock.timers]).toEqual([1, 0]);
});

test('what one detector found stays while it fails, and the others go on', async () => {
  const flaky = saying('cloud', (_, time) => {
    if (time > 1) throw new Error('garbage');
    return found({ cloud: 1n });
  });
  const { detection, clock, facts, logger, count } = rig(
    [flaky, saying('env', (_, time) => found({ time: BigInt(time) }))],
    { refreshMs: 10_000 },
  );
  await detection.start();
  await clock.advance(20_000);
  expect(facts()).toEqual({ cloud: 1n, time: 3n });
  expect(logger.warnings()).toEqual(['the cloud detector failed: garbage. What it found before stays']);
  expect([count('cloud', 'found'), count('cloud', 'failed')]).toEqual([1, 2]);
});

test('a cloud whose service does not answer for once has not been left', async () => {
  const { detection, clock, facts, logger } = rig(
    [saying('ec2', (_, time) => (time === 2 ? elsewhere('connection refused') : found({ time: BigInt(time) })))],
    { refreshMs: 10_000 },
  );
  await detection.start();
  await clock.advance(10_000);
  expect(facts()).toEqual({ time: 1n });
  expect(logger.warnings().join()).toContain('connection refused. What it found before stays');
  await clock.advance(10_000);
  expect(facts()).toEqual({ time: 3n });
});

test('changes are told, and only those', async () => {
  let calls = 0;
  const { detection, clock } = rig([saying('a', (_, time) => found({ half: BigInt(time >> 1) }))], { refreshMs: 1000 });
  await detection.start();
  const end = detection.onChange(() => void calls++);
  await clock.advance(1000);
  expect(calls).toBe(1);
  await clock.advance(1000);
  expect(calls).toBe(1);
  end();
  await clock.advance(5000);
  expect(calls).toBe(1);
});

test('where metadata is needed, a start without it fails and says why, and leaves nothing behind', async () => {
  const needed = { fail_on_missing_metadata: true };
  const nowhere = rig([saying('ec2', () => elsewhere('was answered 404'), needed)]);
  await expect(nowhere.detection.start()).rejects.toThrow(
    'the ec2 detector found nothing, and fail_on_missing_metadata is set: was answered 404',
  );
  const broken = rig([saying('ec2', unanswered, needed)], { refreshMs: 1000 });
  const started = expect(broken.detection.start()).rejects.toThrow('no answer');
  await broken.clock.advance(5000);
  await started;
  expect([nowhere.clock.timers, broken.clock.timers]).toEqual([0, 0]);
  await rig([saying('ec2', () => found({ a: 'b' }), needed)]).detection.start();
});

test('a close ends what is under way', async () => {
  let abort: AbortSignal | undefined;
  const { detection, clock, logger } = rig(
    [
      saying('cloud', (question) => {
        abort = question.abort;
        return new Promise((_, reject) => {
          question.abort.addEventListener('abort', () => reject(question.abort.reason));
        });
      }),
    ],
    { refreshMs: 1000 },
  );
  const started = detection.start();
  await settled();
  detection.close();
  await started;
  expect([abort?.aborted, clock.timers, logger.warnings()]).toEqual([true, 0, []]);
});
