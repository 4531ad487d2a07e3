import type { SubjectName } from '../measure/subject.ts';

/** What one run of one subject came to, by figure. */
export type Figures = Readonly<Record<string, number>>;

export interface FigureSpec {
  readonly key: string;
  readonly label: string;
  /** Digits after the point; 0 by default. */
  readonly digits?: number;
}

/** What is wanted of Sluice: an absolute bound, or a multiple of the Go collector's figure. */
export type Goal =
  | { readonly figure: string; readonly atLeastTimes: number }
  | { readonly figure: string; readonly atMostTimes: number }
  | { readonly figure: string; readonly atMost: number }
  | { readonly figure: string; readonly atLeast: number };

export interface RunSettings {
  readonly seconds: number;
  /** "source" or the path of the single executable. */
  readonly sluice: string;
  /** Folder for a CPU profile of Sluice. */
  readonly profile?: string;
  readonly log: (line: string) => void;
}

export interface Scenario {
  readonly name: string;
  /** What is sent, how; one line. */
  readonly summary: string;
  readonly figures: readonly FigureSpec[];
  readonly goals: readonly Goal[];
  readonly defaultSeconds: number;
  /** Default 3. */
  readonly runs?: number;
  /** Who can do this at all; default both. */
  readonly subjects?: readonly SubjectName[];
  /** Measures the harness itself: no subject takes part. */
  readonly alone?: boolean;
  /** One run, with a subject that is started and stopped for it. @throws Error when nothing valid was measured */
  measure(subject: SubjectName, settings: RunSettings): Promise<Figures>;
}

/** Zero in every sound run; shown so that a run that is not can be seen. */
export const BOOKS: readonly FigureSpec[] = [
  { key: 'lost', label: 'lost' },
  { key: 'duplicates', label: 'duplicates' },
  { key: 'foreign', label: 'altered or unknown' },
];

export const BOOK_GOALS: readonly Goal[] = BOOKS.map(({ key }) => ({ figure: key, atMost: 0 }));

export const MIB = 1024 * 1024;
