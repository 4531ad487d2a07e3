import { proxyFor } from '../net/http/proxy.ts';
import { AskError, type Asking, ask, askJson, textIn } from './ask.ts';
import { type AwsCredentials, signedHeaders } from './aws_sign.ts';
import type { Question } from './detector.ts';
import type { Imds } from './imds.ts';

/** These services are further away than a metadata service. */
const silenceMs = 3000;
const containerCredentials = 'http://169.254.170.2';

/** An action of EC2's query API. @returns the XML of its answer @throws AskError that says what is missing */
export async function ec2Api(
  question: Question,
  imds: Imds,
  region: string,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const credentials = await credentialsOf(question, imds, region);
  const url = query(endpoint(question, 'ec2', region), { ...parameters, Version: '2016-11-15' });
  const headers = signedHeaders(url, credentials, { region, service: 'ec2', now: question.clock.now() });
  return xml(question, url, `ec2:${parameters.Action}`, headers);
}

/** Tags of an answer, by key. */
export function tagsIn(text: string): Map<string, string> {
  const pairs = text.matchAll(/<key>([^<]*)<\/key>\s*<value(?:\/>|>([^<]*)<\/value>)/g);
  return new Map(Array.from(pairs, ([, key, value]) => [unescaped(key!), unescaped(value ?? '')]));
}

/** The text of the first element of this name. */
export function elementIn(text: string, name: string): string | undefined {
  const content = new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
  return content === undefined ? undefined : unescaped(content);
}

async function credentialsOf(question: Question, imds: Imds, region: string): Promise<AwsCredentials> {
  const { env } = question.surroundings;
  if (env.AWS_ACCESS_KEY_ID && env.AWS_SECRET_ACCESS_KEY) {
    const [accessKeyId, secretAccessKey] = [env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY];
    return { accessKeyId, secretAccessKey, sessionToken: env.AWS_SESSION_TOKEN };
  }
  if (env.AWS_WEB_IDENTITY_TOKEN_FILE && env.AWS_ROLE_ARN) return ofWebIdentity(question, region);
  if (env.AWS_CONTAINER_CREDENTIALS_FULL_URI || env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI) {
    return ofContainer(question);
  }
  return ofInstance(imds);
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
async function ofWebIdentity(question: Question, region: string): Promise<AwsCredentials> {
  const { env, read } = question.surroundings;
  const token = (await read(env.AWS_WEB_IDENTITY_TOKEN_FILE!))?.trim();
  if (!token) throw new Error(`AWS_WEB_IDENTITY_TOKEN_FILE: cannot read ${env.AWS_WEB_IDENTITY_TOKEN_FILE}`);
  const url = query(endpoint(question, 'sts', region), {
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: env.AWS_ROLE_ARN!,
    RoleSessionName: env.AWS_ROLE_SESSION_NAME || 'sluice',
    WebIdentityToken: token,
  });
  const answer = await xml(question, url, 'sts:AssumeRoleWithWebIdentity', {});
  const of = (name: string) => elementIn(answer, name);
  return complete(of('AccessKeyId'), of('SecretAccessKey'), of('SessionToken'), url.origin);
}

/** https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html */
async function ofContainer({ surroundings: { env, read }, abort }: Question): Promise<AwsCredentials> {
  const { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: relative, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file } = env;
  const url = relative ? containerCredentials + relative : env.AWS_CONTAINER_CREDENTIALS_FULL_URI!;
  const authorization = file ? (await read(file))?.trim() : env.AWS_CONTAINER_AUTHORIZATION_TOKEN;
  const answer = await askJson(url, abort, authorization ? { headers: { authorization } } : {});
  return fromJson(answer, url);
}

async function ofInstance(imds: Imds): Promise<AwsCredentials> {
  const path = 'meta-data/iam/security-credentials/';
  let role: string;
  try {
    role = (await imds.text(path)).trim();
  } catch (error) {
    if (!(error instanceof AskError && error.status === 404)) throw error;
    throw new AskError('the instance has no role: attach one', 404, true);
  }
  const text = await imds.text(path + encodeURIComponent(role));
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {}
  return fromJson(answer, 'the metadata service');
}

function fromJson(answer: unknown, from: string): AwsCredentials {
  const of = (name: string) => textIn(answer, name);
  return complete(of('AccessKeyId'), of('SecretAccessKey'), of('Token'), from);
}

function complete(id: string | undefined, secret: string | undefined, token: string | undefined, from: string) {
  if (!id || !secret) throw new AskError(`${from} answered without credentials`, 200, true);
  return { accessKeyId: id, secretAccessKey: secret, sessionToken: token };
}

function endpoint({ surroundings: { env } }: Question, service: 'ec2' | 'sts', region: string): string {
  const given = env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] || env.AWS_ENDPOINT_URL;
  return given || `https://${service}.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

function query(base: string, parameters: Readonly<Record<string, string>>): URL {
  const url = new URL(base);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  // As it is signed: a space is %20 and no plus.
  url.search = url.searchParams.toString().replaceAll('+', '%20');
  return url;
}

async function xml(question: Question, url: URL, action: string, headers: Record<string, string>): Promise<string> {
  const proxyEnv = proxyFor(url, undefined, question.surroundings.env);
  const asking: Asking = { headers, silenceMs, ...(proxyEnv && { proxyEnv }) };
  const { status, text } = await ask(url.href, question.abort, asking);
  if (status === 200) return text;
  const code = elementIn(text, 'Code') ?? `status ${status}`;
  throw new AskError(`${action} was refused (${code}): allow it to the role of the collector`, status, true);
}

function unescaped(text: string): string {
  const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(lt|gt|amp|quot|apos));/gi, (all, decimal, hex, name) => {
    if (name) return entities[name.toLowerCase()]!;
    const code = decimal ? Number(decimal) : Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}
