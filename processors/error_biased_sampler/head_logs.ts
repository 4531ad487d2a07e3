import type { Payload } from '../../internal/otlp/payload.ts';
import { type Patch, rewriteLogs, Tools, type Visitor } from '../../internal/otlp/rewrite.ts';
import type { LogRecord } from '../../internal/otlp/view/log_record.ts';
import { type Walk, walkLogs } from '../../internal/otlp/view/walk.ts';
import type { Class } from '../../internal/sampling/budget.ts';
import { SamplingAttributes, thresholdField, traceIdOf } from '../../internal/sampling/consistent_log.ts';
import { type Errors, NO_ERROR } from './errors.ts';
import { classOf, type Model } from './model.ts';
import type { Carried, Kind } from './pass.ts';

const EVENT_NAME = 12;
const WARN = 13;
const ERROR = 17;

/** A log record's operation is its event name, its status the severity: below WARN, WARN, ERROR. It takes no time. */
export class LogKind implements Kind<LogRecord> {
  readonly #model: Model;
  readonly #options = { tools: new Tools() };
  readonly #errors: Errors;

  constructor(model: Model, errors: Errors) {
    this.#model = model;
    this.#errors = errors;
  }

  walk(batch: Payload): Walk<LogRecord> {
    return walkLogs(batch);
  }

  rewrite(batch: Payload, visitor: Visitor<LogRecord>): Payload {
    return rewriteLogs(batch, visitor, this.#options);
  }

  judge(record: LogRecord, service: number, now: number): Class {
    const from = record.valueStart(EVENT_NAME);
    const operation = this.#model.operationOf(service, record.buf, from, record.valueEnd(EVENT_NAME), now);
    const severity = record.severityNumber;
    const rare = this.#model.isRare(operation, severity >= ERROR ? 2 : severity >= WARN ? 1 : 0, now);
    return classOf(this.#errors.ofLog(record) !== NO_ERROR, false, rare);
  }

  traceIdAt(record: LogRecord): number {
    return traceIdOf(record);
  }

  carried(record: LogRecord): Carried | undefined {
    return SamplingAttributes.in(record.attributes) ? SamplingAttributes.read(record) : undefined;
  }

  stamp(record: LogRecord, patch: Patch, threshold: bigint): void {
    if (!SamplingAttributes.in(record.attributes)) {
      patch.append(thresholdField(threshold));
      return;
    }
    const attributes = SamplingAttributes.read(record);
    if (attributes?.threshold === undefined || attributes.threshold < threshold) attributes?.raiseThreshold(threshold);
    attributes?.write(patch);
  }
}
