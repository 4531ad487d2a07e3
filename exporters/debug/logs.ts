import type { Payload } from '../../internal/otlp/payload.ts';
import type { LogRecord } from '../../internal/otlp/view/log_record.ts';
import { walkLogs } from '../../internal/otlp/view/walk.ts';
import { resourceHeading, scopeHeading } from './headings.ts';
import { brief, hex, named, pairs, plainText, scopeTitle, Text, time, typed } from './text.ts';

const levels = ['Trace', 'Debug', 'Info', 'Warn', 'Error', 'Fatal'];
const severities = ['Unspecified', ...levels.flatMap((level) => [level, `${level}2`, `${level}3`, `${level}4`])];

/** One line for each record, unless its body has more. */
export function normalLogs(batch: Payload): string {
  const text = new Text();
  const walk = walkLogs(batch);
  for (let r = 0; walk.nextResource(); r++) {
    const { resource } = walk;
    text.line(
      `ResourceLog #${r}${resource.schemaUrl && ` [${resource.schemaUrl}]`}${brief(resource.resource.attributes)}`,
    );
    for (let s = 0; walk.nextScope(); s++) {
      const { scope } = walk;
      text.line(`ScopeLog #${s}${scopeTitle(scope.scope, scope.schemaUrl)}${brief(scope.scope.attributes)}`);
      while (walk.nextRecord() && text.record()) {
        text.line(`${plainText(walk.record.body)} ${pairs(walk.record.attributes).join(' ')}`);
      }
    }
  }
  return text.toString();
}

/** Everything there is, on many lines. */
export function detailedLogs(batch: Payload): string {
  const text = new Text();
  const walk = walkLogs(batch);
  for (let r = 0; walk.nextResource(); r++) {
    resourceHeading(text, 'ResourceLog', r, walk.resource);
    for (let s = 0; walk.nextScope(); s++) {
      scopeHeading(text, 'ScopeLogs', s, walk.scope);
      for (let i = 0; walk.nextRecord() && text.record(); i++) writeRecord(text, i, walk.record);
    }
  }
  return text.toString();
}

function writeRecord(text: Text, index: number, record: LogRecord): void {
  text.line(`LogRecord #${index}`);
  text.line(`ObservedTimestamp: ${time(record.observedTimeUnixNano)}`);
  text.line(`Timestamp: ${time(record.timeUnixNano)}`);
  text.line(`SeverityText: ${record.severityText}`);
  text.line(`SeverityNumber: ${named(severities, record.severityNumber)}(${record.severityNumber})`);
  if (record.eventName) text.line(`EventName: ${record.eventName}`);
  text.line(`Body: ${typed(record.body)}`);
  text.attributes('Attributes', record.attributes);
  text.line(`Trace ID: ${hex(record.traceId)}`);
  text.line(`Span ID: ${hex(record.spanId)}`);
  text.line(`Flags: ${record.flags}`);
}
