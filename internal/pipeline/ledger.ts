import type { Account, LedgerBranch, LedgerSnapshot } from '../core/ledger.ts';
import type { Meter } from '../core/telemetry.ts';

/**
 * Where every item went. For each branch (a pipeline and one of its exporters, or a connector at its end):
 *
 *     received + surplus = sent + filtered + refused + dropped(reason) + held
 *
 * - received: items of every batch that arrived at the pipeline, tries again included.
 * - surplus: items that this branch took although the fan-out as a whole said no, so that they will come again.
 * - sent: the far end took them; at a connector: it took them.
 * - filtered: left out on purpose. A processor counts them only once the rest was accepted downstream.
 * - refused: the sender was told no, or no to a part (partial success). It still has them. And: a reload has led items that a
 *   processor held on to another set of branches, at which they are received again.
 * - dropped: we had said yes and could not keep the promise.
 * - held: we said yes and still have them, or have not answered yet.
 *
 * Each term but `held` only grows. A processor's terms hold for every branch of its pipeline, since a batch goes to all.
 * The equation is exact whenever no promise is about to settle: a test may assert it at any quiescent moment,
 * and a scrape, which runs between two events, always sees it in balance.
 */
export class Ledger {
  readonly #meter: Meter;
  readonly #rows = new Map<string, Row>();
  readonly #connectors = new Map<string, Book>();

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  /** Begins a pipeline, or continues one whose set of branches has changed: what is under way stays on the old page. */
  open(pipeline: string, branches: readonly string[]): Page {
    const page = new Page(branches);
    for (const exporter of branches) {
      const key = `${pipeline}\n${exporter}`;
      let row = this.#rows.get(key);
      if (!row) {
        row = new Row(pipeline, exporter, this.#meter);
        this.#rows.set(key, row);
      }
      row.add(page, page.branch(exporter));
    }
    return page;
  }

  /** A connector that says yes before it has passed on owes for the items in between. */
  connector(id: string, signal: string): Account {
    const key = `${id} (${signal})`;
    const book = this.#connectors.get(key) ?? new Book();
    this.#connectors.set(key, book);
    return book;
  }

  snapshot(): LedgerSnapshot {
    const branches = [...this.#rows.values()].map((row) => row.snapshot());
    const connectors = [...this.#connectors].flatMap(([connector, book]) => {
      const { held, filteredItems: filtered } = book;
      const dropped = Object.fromEntries(book.drops);
      return held || filtered || book.drops.size > 0 ? [{ connector, held, filtered, dropped }] : [];
    });
    return { balanced: branches.every((branch) => branch.balanced), branches, connectors };
  }
}

/** Plain numbers, because they change with each request. */
class Book implements Account {
  held = 0;
  sentItems = 0;
  filteredItems = 0;
  movedItems = 0;
  adoptedItems = 0;
  readonly drops = new Map<string, number>();
  readonly #reasonListeners: ((reason: string) => void)[] = [];

  /** Calls back at the first loss for a reason not seen before. */
  onReason(listener: (reason: string) => void): void {
    this.#reasonListeners.push(listener);
  }

  hold(items: number): void {
    this.held += items;
  }
  passed(items: number): void {
    this.held -= items;
  }
  sent(items: number, held: boolean): void {
    this.sentItems += items;
    if (held) this.held -= items;
  }
  dropped(items: number, reason: string, held: boolean): void {
    const before = this.drops.get(reason);
    this.drops.set(reason, (before ?? 0) + items);
    if (held) this.held -= items;
    if (before === undefined) for (const listener of this.#reasonListeners) listener(reason);
  }
  filtered(items: number, held = false): void {
    this.filteredItems += items;
    if (held) this.held -= items;
  }
  moved(items: number): void {
    this.movedItems += items;
    this.held -= items;
  }
  adopt(items: number): void {
    this.adoptedItems += items;
    this.held += items;
  }
}

/** What happened at the end of one branch. */
export class BranchBook {
  readonly account = new Book();
  surplus = 0;
  /** Items that this branch has done with while the fan-out still waits for others: they count as pending upstream. */
  settledEarly = 0;
}

/** One pipeline with one set of branches. */
export class Page {
  received = 0;
  refused = 0;
  /** Items of calls that have not been answered. */
  pending = 0;
  /** All processors of the pipeline. */
  readonly processors = new Book();
  readonly #branches: ReadonlyMap<string, BranchBook>;

  constructor(branches: readonly string[]) {
    this.#branches = new Map(branches.map((exporter) => [exporter, new BranchBook()]));
  }

  branch(exporter: string): BranchBook {
    const book = this.#branches.get(exporter);
    if (!book) throw new Error(`no branch ${exporter}`);
    return book;
  }
}

type Term = 'received' | 'surplus' | 'sent' | 'filtered' | 'refused';
const terms: readonly Term[] = ['received', 'surplus', 'sent', 'filtered', 'refused'];

/** One branch over the life of the process: its pages one after the other. */
class Row {
  readonly #pipeline: string;
  readonly #exporter: string;
  readonly #meter: Meter;
  readonly #pages: { readonly page: Page; readonly branch: BranchBook }[] = [];
  readonly #reasons = new Set<string>();

  constructor(pipeline: string, exporter: string, meter: Meter) {
    this.#pipeline = pipeline;
    this.#exporter = exporter;
    this.#meter = meter;
    for (const term of terms) this.#observe(term, '', () => this.#sum((page, branch) => value(term, page, branch)));
    meter.observe(
      {
        name: 'sluice_pipeline_items_held',
        help: 'Items accepted, or not answered yet, that have reached no end.',
        labels: { pipeline, exporter },
      },
      () => this.#sum(heldBy),
    );
  }

  add(page: Page, branch: BranchBook): void {
    this.#pages.push({ page, branch });
    for (const book of [page.processors, branch.account]) this.#watchReasons(book);
  }

  snapshot(): LedgerBranch {
    const of = (term: Term) => this.#sum((page, branch) => value(term, page, branch));
    const received = of('received');
    const surplus = of('surplus');
    const sent = of('sent');
    const filtered = of('filtered');
    const refused = of('refused');
    const dropped: Record<string, number> = {};
    let lost = 0;
    for (const reason of this.#reasons) lost += dropped[reason] = this.#dropped(reason);
    const held = this.#sum(heldBy);
    const difference = received + surplus - sent - filtered - refused - lost - held;
    return {
      pipeline: this.#pipeline,
      exporter: this.#exporter,
      received,
      surplus,
      sent,
      filtered,
      refused,
      dropped,
      held,
      balanced: difference === 0,
      difference,
    };
  }

  /** A series for each reason, from the first item on that was lost for it. */
  #watchReasons(book: Book): void {
    const add = (reason: string) => {
      if (this.#reasons.has(reason)) return;
      this.#reasons.add(reason);
      this.#observe('dropped', reason, () => this.#dropped(reason));
    };
    for (const reason of book.drops.keys()) add(reason);
    book.onReason(add);
  }

  #dropped(reason: string): number {
    return this.#sum(
      (page, branch) => (page.processors.drops.get(reason) ?? 0) + (branch.account.drops.get(reason) ?? 0),
    );
  }

  #observe(outcome: string, reason: string, read: () => number): void {
    this.#meter.observe(
      {
        name: 'sluice_pipeline_items_total',
        help: 'Items of each pipeline by what became of them: received + surplus = all other outcomes + held.',
        labels: { pipeline: this.#pipeline, exporter: this.#exporter, outcome, reason },
        monotonic: true,
      },
      read,
    );
  }

  #sum(of: (page: Page, branch: BranchBook) => number): number {
    let sum = 0;
    for (const { page, branch } of this.#pages) sum += of(page, branch);
    return sum;
  }
}

function value(term: Term, page: Page, branch: BranchBook): number {
  switch (term) {
    case 'received':
      return page.received + page.processors.adoptedItems;
    case 'refused':
      return page.refused + page.processors.movedItems;
    case 'surplus':
      return branch.surplus;
    case 'sent':
      return branch.account.sentItems;
    case 'filtered':
      return page.processors.filteredItems + branch.account.filteredItems;
  }
}

function heldBy(page: Page, branch: BranchBook): number {
  return page.pending + page.processors.held + branch.account.held - branch.settledEarly;
}
