/** A text that configuration came from, and where its lines begin. */
export interface Source {
  /** As shown in issues: a file's path as given, `env:NAME`, `yaml`, `--set`. */
  readonly name: string;
  readonly text: string;
  /** False where a line number would tell nothing, as with `--set`. */
  readonly lines: boolean;
}

/** A spot in a source; line and column are worked out only when an issue is shown. */
export interface Place {
  readonly source: Source;
  /** In UTF-16 units. */
  readonly offset: number;
}

export type Path = readonly (string | number)[];

/** Something to tell the user about the configuration. */
export interface Issue {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  /** From 1; absent where the source has no lines. */
  readonly line?: number;
  readonly column?: number;
  /** `processors.batch.timeout`; empty for the whole. */
  readonly path: string;
  /** Tells what was wanted, what was found and, where it is not plain, what to do. */
  readonly message: string;
}

/** @returns `collector.yaml:14:7 processors.batch.timeout: expected a duration such as 200ms, got "abc"` */
export function formatIssue(issue: Issue): string {
  const position = issue.line === undefined ? issue.file : `${issue.file}:${issue.line}:${issue.column}`;
  return [position, issue.path && `${issue.path}:`, issue.message].filter((part) => part !== '').join(' ');
}

export function issueAt(place: Place, path: Path, message: string, severity: Issue['severity'] = 'error'): Issue {
  const { source, offset } = place;
  const file = source.name;
  if (!source.lines) return { severity, file, path: formatPath(path), message };
  const before = source.text.slice(0, offset);
  const line = before.split('\n').length;
  const column = offset - (before.lastIndexOf('\n') + 1) + 1;
  return { severity, file, line, column, path: formatPath(path), message };
}

export function warningAt(place: Place, path: Path, message: string): Issue {
  return issueAt(place, path, message, 'warning');
}

/** @returns `service.pipelines.traces/a.receivers[0]`, `resource["service.name"]` */
function formatPath(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w/-]+$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** Sorts by where issues stand, files in the order in which they were given. */
export function inOrder(issues: readonly Issue[]): Issue[] {
  const files = [...new Set(issues.map((issue) => issue.file))];
  return [...issues].sort(
    (a, b) =>
      files.indexOf(a.file) - files.indexOf(b.file) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0),
  );
}
