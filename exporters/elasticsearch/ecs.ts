import type { LogRecord } from '../../internal/otlp/view/log_record.ts';
import type { ResourceGroup, ScopeGroup } from '../../internal/otlp/view/resource.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import type { Attributes } from '../../internal/otlp/view/value.ts';
import type { FieldList } from './fields.ts';
import { addAny, addAttributes, addId, addStream, addText, addTime } from './plain.ts';
import type { Route } from './routing.ts';

/*
 * Documents of the mapping mode `ecs`: OpenTelemetry's names translated to the Elastic Common Schema where it has one,
 * all other attributes at the top, as objects. The names are those of the Go collector's exporter.
 */

type Conversion = string | { readonly to: string; readonly keep: true } | undefined;
const left = undefined;

const resourceNames: ReadonlyMap<string, Conversion> = new Map<string, Conversion>([
  ['service.instance.id', 'service.node.name'],
  ['deployment.environment', 'service.environment'],
  ['deployment.environment.name', 'service.environment'],
  // These become agent.name and agent.version, see `addAgent`.
  ['telemetry.sdk.name', left],
  ['telemetry.sdk.language', left],
  ['telemetry.sdk.version', left],
  ['telemetry.distro.name', left],
  ['telemetry.distro.version', left],
  ['cloud.platform', 'cloud.service.name'],
  ['container.image.tags', 'container.image.tag'],
  ['host.name', { to: 'host.hostname', keep: true }],
  ['host.arch', 'host.architecture'],
  ['process.parent_pid', 'process.parent.pid'],
  ['process.executable.name', 'process.title'],
  ['process.executable.path', 'process.executable'],
  ['process.command_line', 'process.args'],
  ['process.runtime.name', 'service.runtime.name'],
  ['process.runtime.version', 'service.runtime.version'],
  ['os.name', 'host.os.name'],
  ['os.type', 'host.os.platform'],
  ['os.description', 'host.os.full'],
  ['os.version', 'host.os.version'],
  ['client.address', 'client.ip'],
  ['source.address', 'source.ip'],
  ['k8s.deployment.name', 'kubernetes.deployment.name'],
  ['k8s.namespace.name', 'kubernetes.namespace'],
  ['k8s.node.name', 'kubernetes.node.name'],
  ['k8s.pod.name', 'kubernetes.pod.name'],
  ['k8s.pod.uid', 'kubernetes.pod.uid'],
  ['k8s.job.name', 'kubernetes.job.name'],
  ['k8s.cronjob.name', 'kubernetes.cronjob.name'],
  ['k8s.statefulset.name', 'kubernetes.statefulset.name'],
  ['k8s.replicaset.name', 'kubernetes.replicaset.name'],
  ['k8s.daemonset.name', 'kubernetes.daemonset.name'],
  ['k8s.container.name', 'kubernetes.container.name'],
  ['k8s.cluster.name', 'orchestrator.cluster.name'],
  ['faas.instance', 'faas.id'],
  ['faas.trigger', 'faas.trigger.type'],
]);

const logNames: ReadonlyMap<string, Conversion> = new Map<string, Conversion>([
  ['event.name', 'event.action'],
  ['exception.message', 'error.message'],
  ['exception.stacktrace', 'error.stacktrace'],
  ['exception.type', 'error.type'],
  ['exception.escaped', 'event.error.exception.handled'],
  ['http.response.body.size', 'http.response.encoded_body_size'],
]);

const spanNames: ReadonlyMap<string, Conversion> = new Map<string, Conversion>([
  ['messaging.destination.name', 'span.message.queue.name'],
  ['messaging.operation.name', 'span.action'],
  ['db.system', 'span.db.type'],
  ['db.namespace', 'span.db.instance'],
  ['db.query.text', 'span.db.statement'],
  ['http.response.body.size', 'http.response.encoded_body_size'],
]);

const kinds = ['', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];

/** Adds what all records of a scope share; its attributes after the resource's, so that they count. */
export function addEcsContext(fields: FieldList, group: ResourceGroup, scopeGroup: ScopeGroup): void {
  addResource(fields, group);
  addAttributes(fields, '', scopeGroup.scope.attributes);
}

export function addResource(fields: FieldList, { resource }: ResourceGroup): void {
  addConverted(fields, resource.attributes, resourceNames);
}

export function addEcsLog(fields: FieldList, record: LogRecord, group: ResourceGroup, route: Route): void {
  addConverted(fields, record.attributes, logNames);
  addStream(fields, '', route.stream);
  addAgent(fields, group.resource.attributes);
  addOsType(fields, group.resource.attributes);
  addTime(fields, '@timestamp', record, record.timeUnixNano === 0n ? 11 : 1);
  addId(fields, 'trace.id', record, 9);
  addId(fields, 'span.id', record, 10);
  if (record.severityNumber !== 0) fields.int('event.severity', record.severityNumber);
  addText(fields, 'log.level', record, 3);
  if (record.body.kind === 'string') addAny(fields, 'message', record.body);
}

export function addEcsSpan(fields: FieldList, span: Span, group: ResourceGroup, route: Route): void {
  const transaction = textOf(span.attributes, 'processor.event') === 'transaction';
  const names = transaction ? transactionNames : spanNames;
  addConverted(fields, span.attributes, names);
  addOsType(fields, group.resource.attributes);
  addStream(fields, '', route.stream);
  addTime(fields, '@timestamp', span, 7);
  addId(fields, 'trace.id', span, 1);
  addId(fields, 'span.id', span, 2);
  addText(fields, 'span.name', span, 5);
  addId(fields, 'parent.id', span, 4);
  const { code } = span.status;
  if (code === 1 || code === 2) fields.text('event.outcome', code === 1 ? 'success' : 'failure');
  addLinks(fields, span);
  fields.text('span.kind', kinds[span.kind] ?? '');
}

const transactionNames: ReadonlyMap<string, Conversion> = new Map([
  ...spanNames,
  ['messaging.destination.name', 'transaction.message.queue.name'],
]);

function addLinks(fields: FieldList, span: Span): void {
  if (!span.has(13)) return;
  fields.add('span.links', (out) => {
    let mark = '[';
    for (let list = span.links, link = list.next(); link; link = list.next()) {
      out.ascii(`${mark}{"trace":{"id":`);
      mark = ',';
      out.hex(link.traceId, 0, link.traceId.length);
      out.ascii('},"span":{"id":');
      out.hex(link.spanId, 0, link.spanId.length);
      out.ascii('}}');
    }
    out.ascii(']');
  });
}

function addConverted(fields: FieldList, attributes: Attributes, names: ReadonlyMap<string, Conversion>): void {
  let keeps: { to: string; key: string } | undefined;
  for (let pair = attributes.next(); pair; pair = attributes.next()) {
    const { key, value } = pair;
    if (!names.has(key)) addAny(fields, key, value);
    else {
      const conversion = names.get(key);
      if (typeof conversion === 'string') addAny(fields, conversion, value);
      else if (conversion) {
        addAny(fields, key, value);
        keeps = { to: conversion.to, key };
      }
    }
  }
  // Kept under its own name, and under the other unless somebody has said that.
  if (keeps && !has(attributes, keeps.to)) addNamed(fields, attributes, keeps.key, keeps.to);
}

function has(attributes: Attributes, key: string): boolean {
  return attributes.find(Buffer.from(key)) !== undefined;
}

function addNamed(fields: FieldList, attributes: Attributes, key: string, to: string): void {
  const pair = attributes.find(Buffer.from(key));
  if (pair) addAny(fields, to, pair.value);
}

function textOf(attributes: Attributes, key: string): string {
  return attributes.find(Buffer.from(key))?.value.stringValue ?? '';
}

function addAgent(fields: FieldList, resource: Attributes): void {
  const distro = textOf(resource, 'telemetry.distro.name');
  const language = textOf(resource, 'telemetry.sdk.language') || (distro === '' ? '' : 'unknown');
  const name = [textOf(resource, 'telemetry.sdk.name') || 'otlp', language, distro];
  fields.text('agent.name', name.filter((part) => part !== '').join('/'));
  const version = textOf(resource, 'telemetry.distro.version') || textOf(resource, 'telemetry.sdk.version');
  fields.text('agent.version', version);
}

const osTypes: Readonly<Record<string, string>> = {
  windows: 'windows',
  linux: 'linux',
  darwin: 'macos',
  aix: 'unix',
  hpux: 'unix',
  solaris: 'unix',
};

/** Only the values that https://www.elastic.co/docs/reference/ecs/ecs-os knows. */
function addOsType(fields: FieldList, resource: Attributes): void {
  const name = textOf(resource, 'os.name');
  const mobile = name === 'Android' ? 'android' : name === 'iOS' ? 'ios' : undefined;
  fields.text('host.os.type', mobile ?? osTypes[textOf(resource, 'os.type')] ?? '');
}
