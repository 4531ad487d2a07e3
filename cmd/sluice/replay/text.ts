import { printable } from '../printable.ts';
import { table } from '../table.ts';
import type { Difference, Example, FateChange } from './compare.ts';
import type { ExporterReport, Report } from './report.ts';
import type { PolicyCounts, SamplerCounts } from './verdicts.ts';

/** The report of one configuration for people. */
export function reportText(report: Report): string {
  return [
    ...report.samplers.map(samplerText),
    exportersText(report),
    servicesText(report),
    ledgerText(report),
    memoryText(report),
    refusedText(report),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** What was read, with what makes the figures doubtful. */
export function captureText({ capture }: Report): string {
  const { items, from, to } = capture;
  const parts = [
    `${count(items.traces)} spans of ${count(capture.traces)} traces, ${count(capture.errorTraces)} of them with an error`,
    ...(items.logs > 0 ? [`${count(items.logs)} log records`] : []),
    ...(items.metrics > 0 ? [`${count(items.metrics)} data points`] : []),
  ];
  const lines = [`Capture: ${parts.join('; ')}`];
  if (from !== undefined && to !== undefined) {
    lines.push(`         ${new Date(from).toISOString()} to ${new Date(to).toISOString()}, ${duration(to - from)}`);
  }
  const warn = (text: string) => lines.push(`         ${text}`);
  if (capture.passedOver > 0)
    warn(`${count(capture.passedOver)} records passed over: ${capture.reasons.map(printable).join('; ')}`);
  if (capture.outliers > 0) {
    warn(`${count(capture.outliers)} batches have an item an hour ahead of the others: try --arrival median`);
  }
  if (capture.behind > 0)
    warn(`${count(capture.behind)} batches are an hour older than one before them: they arrived at once`);
  if (capture.spansNotFollowed > 0) {
    warn(
      `${count(capture.spansNotFollowed)} spans belong to more traces than can be followed: only items and bytes count them`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function samplerText({ component, pipeline, policies, triggers, unknown }: SamplerCounts): string {
  const rows = policies.map((one: PolicyCounts) => [
    one.policy === undefined ? '(none)' : printable(one.policy),
    one.type ?? '',
    count(one.kept),
    count(one.leftOut),
    count(one.votesFor),
    count(one.votesAgainst),
  ]);
  const head = ['policy', 'type', 'kept', 'left out', 'votes for', 'votes against'];
  const due = Object.entries(triggers).map(([trigger, times]) => `${trigger} ${count(times)}`);
  const lines = [
    `Sampler ${component} (${pipeline}): traces by the policy that settled them, and votes\n`,
    table([head, ...rows], { indent: '  ', right: [2, 3, 4, 5] }),
    ...(due.length > 0 ? [`  Made due by: ${due.join(', ')}\n`] : []),
    ...(unknown > 0 ? [`  ${count(unknown)} traces it cannot tell of: they never reached it, or are forgotten\n`] : []),
  ];
  return lines.join('');
}

function exportersText({ exporters, capture }: Report): string {
  const head = ['exporter', 'signal', 'requests', 'items', 'bytes', 'traces kept', 'error traces missed'];
  const rows = exporters.map((one) => [
    one.exporter,
    one.signal,
    count(one.requests),
    count(one.items),
    bytes(one.bytes),
    one.traces === undefined ? '' : `${count(one.traces)} (${percent(one.traces, capture.traces)})`,
    one.errorTracesMissed === undefined ? '' : `${count(one.errorTracesMissed)} of ${count(capture.errorTraces)}`,
  ]);
  if (rows.length === 0) return 'Nothing reached any exporter.\n';
  const missed = exporters
    .filter((one) => one.errorTracesMissed)
    .map((one) => `  Missed by ${one.exporter}, for instance: ${one.missedExamples!.join(' ')}\n`);
  return `Exporters\n${table([head, ...rows], { indent: '  ', right: [2, 3, 4, 5, 6] })}${missed.join('')}`;
}

function servicesText({ services }: Report): string {
  const head = ['service', 'exporter', 'signal', 'items', 'kept', '', 'traces', 'kept', '', 'error traces missed'];
  const rows = services.flatMap(({ service, items, traces, exporters }) =>
    exporters.map((one) => {
      const entered = items[one.signal] ?? 0;
      return [
        printable(service),
        one.exporter,
        one.signal,
        count(entered),
        count(one.items),
        percent(one.items, entered),
        ...(one.traces === undefined
          ? ['', '', '', '']
          : [count(traces), count(one.traces), percent(one.traces, traces), count(one.errorTracesMissed!)]),
      ];
    }),
  );
  if (rows.length === 0) return '';
  return `Services\n${table([head, ...rows], { indent: '  ', right: [3, 4, 5, 6, 7, 8, 9] })}`;
}

function ledgerText({ ledger }: Report): string {
  const head = ['pipeline', 'exporter', 'received', 'sent', 'left out', 'refused', 'dropped', 'held'];
  const rows = ledger.branches.map((one) => [
    one.pipeline,
    one.exporter,
    count(one.received),
    count(one.sent),
    count(one.filtered),
    count(one.refused),
    Object.entries(one.dropped)
      .map(([reason, items]) => `${count(items)} ${reason}`)
      .join(', ') || '0',
    count(one.held),
  ]);
  const verdict = ledger.balanced ? '' : '  The ledger does not balance: please report it.\n';
  return `Ledger, in items\n${table([head, ...rows], { indent: '  ', right: [2, 3, 4, 5, 6, 7] })}${verdict}`;
}

function memoryText({ memory }: Report): string {
  const { peakBytes, budgetBytes, buffers } = memory;
  const lines = [`Memory: at most ${bytes(peakBytes)} held of a budget of ${bytes(budgetBytes)}\n`];
  for (const buffer of buffers) {
    lines.push(`        at most ${bytes(buffer.peakBytes)} in the trace buffer of ${buffer.component}\n`);
  }
  return lines.join('');
}

function refusedText({ refused: { forNow, forGood } }: Report): string {
  if (forNow + forGood === 0) return '';
  const now = `${count(forNow)} batches were refused for now, which a real sender would offer again`;
  return `${now}; ${count(forGood)} were refused for good\n`;
}

/** What the second configuration changes. */
export function differenceText(before: Report, after: Report, { fates }: Difference): string {
  return [exporterChanges(before, after), ...fates.map(fateText)].join('\n');
}

function exporterChanges(before: Report, after: Report): string {
  const key = (one: ExporterReport) => `${one.exporter} ${one.signal}`;
  const keys = [...new Set([...before.exporters, ...after.exporters].map(key))].sort();
  const rows = keys.map((each) => {
    const was = before.exporters.find((one) => key(one) === each);
    const is = after.exporters.find((one) => key(one) === each);
    const { exporter, signal } = (was ?? is)!;
    return [
      exporter,
      signal,
      change(was?.items, is?.items),
      change(was?.bytes, is?.bytes, bytes),
      signal === 'traces' ? change(was?.traces, is?.traces) : '',
      signal === 'traces' ? change(was?.errorTracesMissed, is?.errorTracesMissed) : '',
    ];
  });
  const head = ['exporter', 'signal', 'items', 'bytes', 'traces kept', 'error traces missed'];
  return `Exporters\n${table([head, ...rows], { indent: '  ' })}`;
}

function change(was: number | undefined, is: number | undefined, show: (value: number) => string = count): string {
  if (was === undefined || is === undefined)
    return `${was === undefined ? '-' : show(was)} -> ${is === undefined ? '-' : show(is)}`;
  const less = is < was;
  const by = was === 0 ? '' : `, ${less ? '-' : '+'}${percent(Math.abs(is - was), was)}`;
  return was === is ? show(is) : `${show(was)} -> ${show(is)} (${less ? '-' : '+'}${show(Math.abs(is - was))}${by})`;
}

function fateText(one: FateChange): string {
  const where = one.exporter === undefined ? 'any exporter' : one.exporter;
  const lines = [
    `Traces whose fate changes at ${where}: ${count(one.lost)} no longer kept (${count(one.lostWithError)} with an error), ${count(one.gained)} newly kept (${count(one.gainedWithError)} with an error)\n`,
  ];
  const rows = [
    ...one.lostExamples.map(exampleRow('no longer kept')),
    ...one.gainedExamples.map(exampleRow('newly kept')),
  ];
  if (rows.length > 0) {
    lines.push(table([['trace', '', 'service', 'error', 'before', 'after'], ...rows], { indent: '  ' }));
  }
  return lines.join('');
}

function exampleRow(fate: string) {
  return (one: Example) => [
    one.traceId,
    fate,
    printable(one.service),
    one.error ? 'yes' : 'no',
    printable(one.before),
    printable(one.after),
  ];
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '' : `${((100 * part) / whole).toFixed(1)}%`;
}

function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  return value < 2 ** 20 ? `${(value / 1024).toFixed(1)} KiB` : `${(value / 2 ** 20).toFixed(1)} MiB`;
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours}h${minutes}m${seconds % 60}s`;
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${ms / 1000}s`;
}
