/**
 * The page at `/`: one file, no framework, nothing loaded from elsewhere. It asks `/ledger` and `/status.json` every two
 * seconds and draws each pipeline as receivers → processors → exporters; a box asks `/explain/<trace id>`.
 * All text goes in as text, never as HTML.
 */
export const page = String.raw`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice</title>
<link rel="icon" href="data:,">
<style>
  :root {
    color-scheme: light dark;
    --bg: light-dark(#f6f7f9, #14171c); --card: light-dark(#fff, #1d2128); --line: light-dark(#d8dde5, #343b46);
    --text: light-dark(#1c2430, #e4e8ee); --soft: light-dark(#5b6675, #98a3b3); --track: light-dark(#e8ebf0, #2a303a);
    --ok: light-dark(#1a7f4b, #4cc38a); --warn: light-dark(#a15c00, #f0b357); --bad: light-dark(#c02b2b, #ff7b72);
    --accent: light-dark(#2a62c9, #7aa7ff);
  }
  * { box-sizing: border-box; }
  body { margin: 0; background: var(--bg); color: var(--text); font: 14px/1.45 system-ui, sans-serif; }
  header, main, footer { max-width: 1100px; margin: 0 auto; padding: 16px 20px; }
  header { display: flex; flex-wrap: wrap; gap: 8px 28px; align-items: center; padding-top: 24px; }
  h1 { font-size: 20px; margin: 0; } h2 { font-size: 15px; margin: 0; }
  .soft { color: var(--soft); } .ok { color: var(--ok); } .warn { color: var(--warn); } .bad { color: var(--bad); }
  .grow { flex: 1 1 auto; }
  .meter { min-width: 240px; }
  .bar { position: relative; height: 6px; border-radius: 3px; background: var(--track); margin-top: 4px; overflow: hidden; }
  .bar > i { position: absolute; inset: 0 auto 0 0; background: var(--accent); }
  .bar > b { position: absolute; top: 0; bottom: 0; width: 2px; background: var(--soft); }
  .bar.high > i { background: var(--bad); }
  section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; margin-bottom: 16px; }
  .head { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; margin-bottom: 12px; }
  .flow { display: flex; align-items: center; overflow-x: auto; }
  .stage { display: flex; flex-direction: column; gap: 8px; }
  .stage.out { flex: 1 1 auto; }
  .arrow { flex: 0 0 34px; color: var(--soft); text-align: center; font-size: 18px; }
  .box { border: 1px solid var(--line); border-left: 3px solid var(--soft); border-radius: 6px; padding: 7px 11px; min-width: 120px; background: var(--bg); }
  .box.ok { border-left-color: var(--ok); } .box.warn { border-left-color: var(--warn); } .box.bad { border-left-color: var(--bad); }
  .box, .box .name { color: var(--text); }
  .name { font-weight: 600; white-space: nowrap; }
  .numbers { display: flex; flex-wrap: wrap; gap: 0 18px; }
  .num { font-variant-numeric: tabular-nums; white-space: nowrap; }
  .num > span { color: var(--soft); margin-right: 5px; }
  .error { color: var(--bad); overflow-wrap: anywhere; max-width: 60ch; }
  #gone { display: none; background: var(--bad); color: var(--bg); text-align: center; padding: 6px; }
  .offline #gone { display: block; } .offline main { opacity: .55; }
  form { display: flex; flex-wrap: wrap; gap: 8px; margin-bottom: 12px; }
  input, button { font: inherit; color: inherit; background: var(--bg); border: 1px solid var(--line); border-radius: 6px; padding: 6px 10px; }
  input { flex: 1 1 34ch; font-family: ui-monospace, monospace; } button { cursor: pointer; border-color: var(--accent); }
  table { border-collapse: collapse; width: 100%; margin: 8px 0 4px; } th { text-align: left; color: var(--soft); font-weight: normal; }
  th, td { padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
  .answer { border-left: 3px solid var(--soft); padding-left: 12px; margin-top: 12px; overflow-x: auto; }
  .answer.ok { border-left-color: var(--ok); } .answer.warn { border-left-color: var(--warn); } .answer.bad { border-left-color: var(--bad); }
  .answer, .answer td { color: var(--text); } .answer td.ok { color: var(--ok); } .answer td.bad { color: var(--bad); } .answer td.soft { color: var(--soft); }
  .settled td { font-weight: 600; }
  footer { color: var(--soft); padding-top: 0; } a { color: var(--accent); }
  @media (max-width: 640px) { .flow { flex-direction: column; align-items: stretch; overflow: visible; } .arrow { flex: none; transform: rotate(90deg); } }
</style>
<div id="gone" role="alert">The collector does not answer. These are the last numbers.</div>
<header>
  <h1>Sluice</h1>
  <div id="state"></div>
  <div id="uptime" class="soft"></div>
  <div class="grow"></div>
  <div class="meter" id="memory"></div>
</header>
<main>
  <div id="pipelines"><p class="soft">Asking the collector&hellip;</p></div>
  <section>
    <div class="head"><h2>Why was a trace kept or lost?</h2></div>
    <form id="ask"><input id="trace" placeholder="trace id, 32 hex digits" aria-label="trace id" autocomplete="off" spellcheck="false" maxlength="100"><button>Explain</button></form>
    <div id="answer" role="status"></div>
  </section>
</main>
<footer>
  <span id="extensions"></span>
  <a href="/metrics">/metrics</a> &middot; <a href="/ledger">/ledger</a> &middot; <a href="/status.json">/status.json</a>
  <div>Every item ends in one place: received + taken twice = sent + filtered + refused + dropped + held</div>
</footer>
<script>
'use strict';
const byId = (id) => document.getElementById(id);
const grades = { ok: 'ok', starting: 'warn', stopping: 'warn', stopped: 'warn', recoverable_error: 'warn', permanent_error: 'bad', fatal_error: 'bad' };
let before = new Map();

function el(tag, cls, ...children) {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  node.append(...children.filter((child) => child !== undefined));
  return node;
}
const count = (n) => n.toLocaleString('en-US');
const words = (text) => text.replaceAll('_', ' ');
function bytes(n) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) { n /= 1024; unit += 1; }
  return (unit > 0 && n < 10 ? n.toFixed(1) : Math.round(n)) + ' ' + units[unit];
}
function duration(s) {
  const [d, h, m] = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60];
  return d ? d + 'd ' + h + 'h' : h ? h + 'h ' + m + 'm' : m ? m + 'm ' + Math.floor(s % 60) + 's' : Math.floor(s) + 's';
}
function bar(part, whole, peak) {
  const percent = (n) => Math.min(100, whole > 0 ? (100 * n) / whole : 0) + '%';
  const node = el('div', part > 0.9 * whole ? 'bar high' : 'bar', el('i'));
  node.firstChild.style.width = percent(part);
  if (peak > 0) { const mark = el('b'); mark.style.left = 'min(calc(100% - 2px), ' + percent(peak) + ')'; mark.title = 'peak'; node.append(mark); }
  return node;
}
function number(label, value, cls) {
  return el('div', 'num', el('span', '', label), el('b', cls, typeof value === 'number' ? count(value) : value));
}

/** The worst status of a component in a pipeline. */
function statusOf(statuses, kinds, id, pipeline) {
  const own = statuses.filter((s) => kinds.includes(s.kind) && s.id === id && (!pipeline || s.pipelines.includes(pipeline)));
  const rank = { ok: 0, warn: 1, bad: 2 };
  return own.sort((a, b) => rank[grades[b.status]] - rank[grades[a.status]])[0];
}
function box(id, status, ...more) {
  const grade = status ? grades[status.status] : '';
  const name = el('div', 'name', id);
  if (status && status.status !== 'ok') name.append(' ', el('span', grade, words(status.status)));
  const error = status && status.error ? el('div', 'error', status.error) : undefined;
  return el('div', 'box ' + grade, name, ...more, error);
}

function exporterBox(pipeline, id, branch, view, rate) {
  const status = statusOf(view.statuses, ['exporter', 'connector'], id, pipeline.id);
  const rows = [];
  if (branch) {
    const numbers = el('div', 'numbers', number('sent', branch.sent), number('rate', rate === undefined ? '\u2013' : count(rate) + '/s'), number('held', branch.held));
    for (const term of ['filtered', 'refused', 'surplus']) if (branch[term]) numbers.append(number(term === 'surplus' ? 'taken twice' : term, branch[term], term === 'refused' ? 'warn' : ''));
    for (const [reason, items] of Object.entries(branch.dropped)) if (items) numbers.append(number('dropped, ' + words(reason), items, 'bad'));
    if (branch.difference) numbers.append(number('unaccounted for', branch.difference, 'bad'));
    rows.push(numbers);
  }
  const queue = view.queues.find((q) => q.exporter === id && (!q.signal || q.signal === pipeline.signal));
  if (queue) rows.push(el('div', 'soft', 'queue ' + count(queue.size) + ' of ' + count(queue.capacity), bar(queue.size, queue.capacity)));
  return box(id, status, ...rows);
}

function draw(ledger, view) {
  const now = performance.now();
  const seen = new Map();
  const sections = view.pipelines.map((pipeline) => {
    const branches = ledger.branches.filter((b) => b.pipeline === pipeline.id);
    const flow = el('div', 'flow');
    const stage = (nodes, cls) => { if (nodes.length) { if (flow.childNodes.length) flow.append(el('div', 'arrow', '\u2192')); flow.append(el('div', 'stage ' + (cls || ''), ...nodes)); } };
    stage(pipeline.receivers.map((id) => box(id, statusOf(view.statuses, ['receiver', 'connector'], id, pipeline.id))));
    for (const id of pipeline.processors) stage([box(id, statusOf(view.statuses, ['processor'], id, pipeline.id))]);
    stage(pipeline.exporters.map((id) => {
      const branch = branches.find((b) => b.exporter === id);
      const key = pipeline.id + '\n' + id;
      const last = before.get(key);
      if (branch) seen.set(key, { sent: branch.sent, at: now });
      const rate = branch && last ? Math.round((1000 * (branch.sent - last.sent)) / (now - last.at)) : undefined;
      return exporterBox(pipeline, id, branch, view, rate);
    }), 'out');
    const received = branches.length ? Math.max(...branches.map((b) => b.received)) : 0;
    const unbalanced = branches.some((b) => b.difference);
    return el('section', '', el('div', 'head', el('h2', '', pipeline.id), number('received', received),
      branches.length ? el('span', unbalanced ? 'bad' : 'ok', unbalanced ? 'does not balance' : 'balanced') : undefined), flow);
  });
  before = seen;
  byId('pipelines').replaceChildren(...(sections.length ? sections : [el('p', 'soft', 'No pipelines.')]));

  const troubled = view.statuses.filter((s) => s.status !== 'ok');
  const worst = troubled.some((s) => grades[s.status] === 'bad') ? 'bad' : troubled.length ? 'warn' : 'ok';
  byId('state').replaceChildren(el('b', worst, troubled.length ? troubled.length + ' of ' + view.statuses.length + ' components: ' + [...new Set(troubled.map((s) => words(s.status)))].join(', ') : 'all components ok'));
  byId('uptime').textContent = view.uptime === undefined ? '' : 'up ' + duration(view.uptime);
  const extensions = view.statuses.filter((s) => s.kind === 'extension');
  byId('extensions').replaceChildren(...(extensions.length ? ['extensions: ', ...extensions.map((s) => el('span', grades[s.status], s.id + (s.status === 'ok' ? ' ' : ' (' + words(s.status) + ') '))), ' \u00b7 '] : []));
  const memory = view.memory;
  byId('memory').replaceChildren(...(memory ? [el('div', 'soft', 'memory held ' + bytes(memory.held) + ' of ' + bytes(memory.budget) + ', peak ' + bytes(memory.peak)), bar(memory.held, memory.budget, memory.peak)] : []));
}

async function refresh() {
  try {
    const [ledger, view] = await Promise.all(['/ledger', '/status.json'].map(async (path) => {
      const response = await fetch(path, { signal: AbortSignal.timeout(5000) });
      if (!response.ok) throw new Error(path + ': ' + response.status);
      return response.json();
    }));
    document.body.classList.remove('offline');
    draw(ledger, view);
  } catch {
    document.body.classList.add('offline');
  }
  setTimeout(refresh, 2000);
}

const decisions = { pending: ['not decided yet', 'warn'], sampled: ['kept', 'ok'], not_sampled: ['not kept', 'soft'], dropped: ['dropped', 'bad'] };
const triggers = {
  decision_wait: 'the decision wait was over', root_received: 'the root span had arrived', first_match: 'a policy matched, which sample_on_first_match makes the decision',
  eviction: 'the buffer was full', trace_too_large: 'the trace had become larger than a trace may be', shutdown: 'the collector stopped',
};
const time = (ms) => new Date(ms).toISOString();
function answer(e) {
  const [word, grade] = decisions[e.decision];
  const rows = [];
  if (e.firstSeenAt !== undefined) rows.push(number('first seen', time(e.firstSeenAt)));
  if (e.decidedAt !== undefined) rows.push(number('decided', time(e.decidedAt)));
  if (e.trigger) rows.push(number('because', triggers[e.trigger] || e.trigger));
  rows.push(number(e.decision === 'pending' ? 'spans so far' : 'spans when decided', e.spans), number('spans later', e.lateSpans, e.lateSpans ? 'warn' : ''));
  if (e.threshold !== undefined) rows.push(number('stamped', 'ot=th:' + e.threshold));
  const line = (tag, cells) => el('tr', '', ...cells.map((cell) => el(tag, '', cell)));
  const votes = e.votes.map((v) => {
    const row = line('td', [v.policy, v.type, words(v.vote), v.compared]);
    if (v.policy === e.policy) row.className = 'settled';
    row.cells[2].className = /^(inverted_)?sampled$/.test(v.vote) ? 'ok' : /dropped|error/.test(v.vote) ? 'bad' : 'soft';
    return row;
  });
  const title = el('div', 'name', e.component + ' (' + e.pipeline + '): ', el('span', grade, word), e.policy === undefined ? '' : ' by policy ' + e.policy);
  return el('div', 'answer ' + grade, title, el('div', 'numbers', ...rows), votes.length ? el('table', '', line('th', ['policy', 'type', 'vote', 'compared']), ...votes) : undefined);
}
async function ask() {
  const id = byId('trace').value.replace(/[\s-]/g, '');
  if (!id) return byId('answer').replaceChildren();
  try {
    const response = await fetch('/explain/' + encodeURIComponent(id), { signal: AbortSignal.timeout(5000) });
    const body = await response.json();
    byId('answer').replaceChildren(...(response.ok ? body.explanations.map(answer) : [el('div', 'error', body.error)]));
  } catch {
    byId('answer').replaceChildren(el('div', 'error', 'The collector does not answer.'));
  }
}
/** A link to /#TRACE_ID asks at once. */
function askLinked() {
  if (!/^#[0-9a-f]{32}$/i.test(location.hash)) return;
  byId('trace').value = location.hash.slice(1);
  ask();
}

function start() {
  byId('ask').addEventListener('submit', (event) => { event.preventDefault(); ask(); });
  addEventListener('hashchange', askLinked);
  askLinked();
  refresh();
}
start();
</script>
</html>
`;
