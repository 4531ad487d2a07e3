import { type Permanent, permanent } from '../../internal/core/outcome.ts';
import type { AuthGate } from '../../internal/net/auth.ts';
import { requestContext } from '../../internal/net/context.ts';
import type { CallHead, GrpcAnswer, UnaryMethod } from '../../internal/net/h2/types.ts';
import { type ExportTarget, type Intake, malformed } from '../../internal/net/http/export.ts';
import { toGrpc } from '../../internal/net/status.ts';
import { isMalformed, readRequest } from '../../internal/otlp/check.ts';
import type { Signal } from '../../internal/otlp/payload.ts';

/** The unary `Export` of each signal, opentelemetry/proto/collector of opentelemetry-proto */
export const exportMethods: Readonly<Record<Signal, string>> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
};

export interface GrpcExportOptions {
  readonly includeMetadata: boolean;
  readonly auth?: AuthGate | undefined;
}

/** OTLP/gRPC, https://opentelemetry.io/docs/specs/otlp/#otlpgrpc, by the path of the method. */
export function exportServices(
  targets: readonly ExportTarget[],
  options: GrpcExportOptions,
): ReadonlyMap<string, UnaryMethod> {
  return new Map(
    targets.map((target) => [
      exportMethods[target.signal],
      target.intake ? new ExportMethod(target.signal, target.intake, options) : new MissingMethod(target),
    ]),
  );
}

class ExportMethod implements UnaryMethod {
  readonly #signal: Signal;
  readonly #intake: Intake;
  readonly #includeMetadata: boolean;
  readonly #auth: AuthGate | undefined;
  readonly admit?: UnaryMethod['admit'];

  constructor(signal: Signal, intake: Intake, options: GrpcExportOptions) {
    this.#signal = signal;
    this.#intake = intake;
    this.#includeMetadata = options.includeMetadata;
    this.#auth = options.auth;
    const { auth } = options;
    if (auth) this.admit = (call) => this.#admit(auth, call);
  }

  turnedAway(reason: string): void {
    this.#intake.turnedAway(reason);
  }

  async handle(message: Uint8Array, call: CallHead): Promise<GrpcAnswer> {
    const batch = readRequest(this.#signal, message);
    if (isMalformed(batch)) {
      const refusal = malformed(this.#signal, batch);
      this.#intake.malformed(refusal.reason);
      return toGrpc(refusal, this.#signal);
    }
    const metadata = this.#includeMetadata ? call.metadata() : undefined;
    const context = requestContext(call, metadata, this.#auth?.attributes(call));
    return toGrpc(await this.#intake.consume(batch, context), this.#signal);
  }

  #admit(auth: AuthGate, call: CallHead) {
    const refused = auth.check(call);
    const answer = (it: Permanent | undefined) => {
      if (it) this.#intake.turnedAway(it.reason);
      return it && toGrpc(it, this.#signal);
    };
    return refused instanceof Promise ? refused.then(answer) : answer(refused);
  }
}

/** A signal that no pipeline takes. */
class MissingMethod implements UnaryMethod {
  readonly #answer: GrpcAnswer;

  constructor(target: ExportTarget) {
    this.#answer = toGrpc(permanent('unimplemented', target.missing ?? ''), target.signal);
  }

  admit(): GrpcAnswer {
    return this.#answer;
  }

  async handle(): Promise<GrpcAnswer> {
    return this.#answer;
  }
}
