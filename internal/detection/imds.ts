import { sleep } from '../core/clock.ts';
import { AskError, type Asking, ask, askText, refusal, textIn } from './ask.ts';
import type { Question } from './detector.ts';

const tokenHeader = 'x-aws-ec2-metadata-token';
/** Answers that say there are no tokens: then the service is asked without, as AWS's own clients do. */
const withoutTokens = [403, 404, 405];

/** The instance metadata service of AWS with its tokens, https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html */
export class Imds {
  readonly #question: Question;
  readonly #base: string;
  readonly #attempts: number;
  readonly #maxBackoffMs: number;
  #token: string | undefined;
  #asksForTokens = true;

  /** @param attempts of each request */
  constructor(question: Question, attempts = 1, maxBackoffMs = 0) {
    const { env, linkLocal } = question.surroundings;
    const inIpv6 = env.AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE?.toLowerCase() === 'ipv6';
    this.#base =
      env.AWS_EC2_METADATA_SERVICE_ENDPOINT?.replace(/\/+$/, '') || (inIpv6 ? 'http://[fd00:ec2::254]' : linkLocal);
    this.#question = question;
    this.#attempts = attempts;
    this.#maxBackoffMs = maxBackoffMs;
  }

  /** @param path below `/latest/` @throws AskError */
  async text(path: string): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(`${this.#base}/latest/${path}`);
      } catch (error) {
        // Where nobody takes the connection there is nothing to wait for.
        const isWorthIt = error instanceof AskError && error.isPassing && error.connected;
        if (!isWorthIt || attempt >= this.#attempts || this.#question.abort.aborted) throw error;
      }
      const { clock, abort } = this.#question;
      await sleep(clock, Math.min(this.#maxBackoffMs, 100 * 2 ** attempt), abort);
    }
  }

  async #once(url: string): Promise<string> {
    const { abort } = this.#question;
    this.#token ??= await this.#newToken();
    const asking: Asking = this.#token ? { headers: { [tokenHeader]: this.#token } } : {};
    const reply = await ask(url, abort, asking);
    if (reply.status === 200) return reply.text;
    // Expired: the next attempt fetches another one.
    if (reply.status === 401) this.#token = undefined;
    throw refusal(url, reply);
  }

  async #newToken(): Promise<string | undefined> {
    if (!this.#asksForTokens) return undefined;
    const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': '300' };
    try {
      return await askText(`${this.#base}/latest/api/token`, this.#question.abort, { method: 'PUT', headers });
    } catch (error) {
      if (!(error instanceof AskError)) throw error;
      // An answer to a token's request goes one hop far, so that in a container it may never come.
      const mayDoWithout = error.status === 0 ? error.connected : withoutTokens.includes(error.status);
      if (!mayDoWithout) throw error;
      if (error.status > 0) this.#asksForTokens = false;
      return undefined;
    }
  }

  /** The instance identity document. @throws AskError */
  async identity(): Promise<Record<string, string | undefined>> {
    const text = await this.text('dynamic/instance-identity/document');
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch {}
    if (!textIn(document, 'instanceId')) throw new AskError('the instance identity document is none', 200, true);
    return {
      'cloud.region': textIn(document, 'region'),
      'cloud.account.id': textIn(document, 'accountId'),
      'cloud.availability_zone': textIn(document, 'availabilityZone'),
      'host.id': textIn(document, 'instanceId'),
      'host.image.id': textIn(document, 'imageId'),
      'host.type': textIn(document, 'instanceType'),
    };
  }
}
