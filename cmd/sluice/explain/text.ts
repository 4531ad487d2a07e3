import type { Explanation, Vote } from '../../../internal/core/explain.ts';
import type { Explained } from '../../../internal/telemetry/admin_explain.ts';
import { printable } from '../printable.ts';
import { table } from '../table.ts';

const decisions: Readonly<Record<Explanation['decision'], string>> = {
  pending: 'not decided yet',
  sampled: 'kept',
  not_sampled: 'not kept',
  dropped: 'dropped',
};

const triggers: Readonly<Record<string, string>> = {
  decision_wait: 'the decision wait was over',
  root_received: 'the root span had arrived',
  first_match: 'a policy matched, which sample_on_first_match makes the decision',
  eviction: 'the buffer was full',
  trace_too_large: 'the trace had become larger than a trace may be',
  shutdown: 'the collector stopped',
};

/** The answer of `GET /explain/<trace id>` for people. */
export function explanationText({ traceId, explanations }: Explained): string {
  return [`Trace ${traceId}\n`, ...explanations.map(paragraph)].join('\n');
}

function paragraph(of: Explanation): string {
  const by = of.policy === undefined ? '' : ` by policy ${printable(of.policy)}`;
  const lines = [`${of.component} (${of.pipeline}): ${decisions[of.decision]}${by}`];
  const row = (name: string, text: string) => lines.push(`  ${name.padEnd(12)}${printable(text)}`);
  if (of.firstSeenAt !== undefined) row('first seen', iso(of.firstSeenAt));
  if (of.decidedAt !== undefined) row('decided', `${iso(of.decidedAt)}${after(of)}${because(of)}`);
  else if (of.trigger !== undefined) row('trigger', triggers[of.trigger] ?? of.trigger);
  row('spans', of.decision === 'pending' ? `${of.spans} so far` : `${of.spans} when decided, ${of.lateSpans} later`);
  if (of.threshold !== undefined) row('stamped', `ot=th:${of.threshold}`);
  return `${lines.join('\n')}\n${votes(of)}`;
}

function after({ firstSeenAt, decidedAt }: Explanation): string {
  if (firstSeenAt === undefined || decidedAt === undefined) return '';
  return `, ${((decidedAt - firstSeenAt) / 1000).toFixed(1)} s after the first span`;
}

function because({ trigger }: Explanation): string {
  return trigger === undefined ? '' : `, because ${triggers[trigger] ?? `of ${trigger}`}`;
}

function votes(of: Explanation): string {
  if (of.votes.length === 0) return '';
  const rows = of.votes.map((vote) => [
    printable(vote.policy),
    vote.type,
    voteText(vote),
    `${printable(vote.compared)}${settles(of, vote) ? '  <- decided' : ''}`,
  ]);
  return `\n${table([['policy', 'type', 'vote', 'compared'], ...rows], { indent: '  ' })}`;
}

function settles({ policy }: Explanation, vote: Vote): boolean {
  return vote.policy === policy;
}

function voteText({ vote }: Vote): string {
  return vote.replaceAll('_', ' ');
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
