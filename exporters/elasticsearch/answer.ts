/** What the server says of one document. */
export interface DocumentError {
  readonly status: number;
  readonly type: string;
  /** The server's words; may quote the document. */
  readonly reason: string;
}

/** What became of the documents of a bulk request, in their order. */
export interface BulkAnswer {
  /** Undefined: all of them were taken. */
  readonly documents: readonly (DocumentError | 'taken' | 'failure_store')[] | undefined;
}

interface Item {
  readonly status?: number;
  readonly failure_store?: string;
  readonly error?: { readonly type?: string; readonly reason?: string };
}

/**
 * Reads the answer to a bulk request.
 * https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk
 *
 * @param count documents in the request
 * @returns undefined where this is no answer to it
 */
export function readBulkAnswer(text: string, count: number): BulkAnswer | undefined {
  // So begins nearly every answer there is, and parsing the rest would say the same for each document.
  if (text.startsWith('{"errors":false') && !text.includes('"failure_store"')) return { documents: undefined };
  let items: unknown;
  try {
    items = (JSON.parse(text) as { items?: unknown }).items;
  } catch {
    return undefined;
  }
  if (!Array.isArray(items) || items.length !== count) return undefined;
  return { documents: items.map((item) => judged(Object.values(item as Record<string, Item>)[0])) };
}

function judged(item: Item | undefined): DocumentError | 'taken' | 'failure_store' {
  const status = item?.status ?? 0;
  if (status >= 200 && status < 300) {
    return item?.failure_store === 'used' ? 'failure_store' : 'taken';
  }
  return { status, type: item?.error?.type ?? `http_${status}`, reason: item?.error?.reason ?? '' };
}

/** The error of an answer to a whole request. */
export function readError(text: string): { readonly type: string; readonly reason: string } {
  try {
    const { error } = JSON.parse(text) as { error?: { type?: string; reason?: string } | string };
    if (typeof error === 'string') return { type: '', reason: error };
    return { type: error?.type ?? '', reason: error?.reason ?? '' };
  } catch {
    return { type: '', reason: text.slice(0, 200) };
  }
}
