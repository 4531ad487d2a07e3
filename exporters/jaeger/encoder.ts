import { Resource, Scope } from '../../internal/otlp/view/resource.ts';
import { Span } from '../../internal/otlp/view/span.ts';
import type { Piece, Place } from './plan.ts';
import { Translator } from './rules.ts';
import type { MessageSink, Written } from './sink.ts';

export interface Encoded extends Written {
  /** How many spans of the group the message holds. */
  readonly spans: number;
}

/** Writes spans of one process as messages of a limited size. */
export class Encoder {
  readonly #sink: MessageSink;
  readonly #translator: Translator;
  readonly #resource = new Resource();
  readonly #scope = new Scope();
  readonly #span = new Span();

  constructor(sink: MessageSink) {
    this.#sink = sink;
    this.#translator = new Translator(sink);
  }

  /**
   * One message with the first spans of the piece, as many as fit.
   * @param maxBytes of the message; a span that is larger by itself makes a message alone
   */
  message(piece: Piece, maxBytes: number): Encoded {
    const sink = this.#sink;
    const { from, to } = piece;
    const { resource, spans } = piece.group;
    sink.beginMessage(Math.min(maxBytes, sizeOf(resource) + bytesOf(piece, maxBytes)));
    this.#translator.process(this.#resource.reset(resource.buf, resource.start, resource.end));
    let at = from;
    let scope: Place | undefined;
    for (; at < to; at++) {
      const span = spans[at]!;
      // Better not begun than taken back: a message that grows beyond its slab is copied.
      if (at > from && sink.size + sizeOf(span) * growth > maxBytes) break;
      const { mark } = sink;
      if (span.scope !== scope) {
        scope = span.scope;
        this.#scope.reset(scope.buf, scope.start, scope.end);
      }
      this.#translator.span(this.#span.reset(span.buf, span.start, span.end), this.#scope);
      if (sink.size <= maxBytes || at === from) continue;
      sink.undoSpan(mark);
      break;
    }
    return { ...sink.endMessage(), spans: at - from };
  }
}

/** Jaeger takes somewhat more room than OTLP. */
const growth = 1.25;

function bytesOf({ group, from, to }: Piece, most: number): number {
  let bytes = 0;
  for (let at = from; at < to && bytes < most; at++) bytes += sizeOf(group.spans[at]!) * growth + 64;
  return Math.ceil(bytes);
}

function sizeOf({ start, end }: Place): number {
  return end - start;
}
