import type { UnaryMethod } from './types.ts';

/**
 * The gRPC health service, https://github.com/grpc/grpc-proto/blob/master/grpc/health/v1/health.proto
 *
 *     message HealthCheckRequest { string service = 1; }
 *     message HealthCheckResponse { ServingStatus status = 1; }  // UNKNOWN 0, SERVING 1, NOT_SERVING 2
 *
 * `Watch` streams and is left unimplemented: clients then take the server as healthy, as the protocol says.
 */
export function healthMethods(serving: (service: string) => boolean | undefined): [string, UnaryMethod][] {
  const answers = { true: Buffer.from([0x08, 1]), false: Buffer.from([0x08, 2]) };
  const check: UnaryMethod = {
    async handle(message) {
      const service = readService(message);
      if (service === undefined) return { code: 3, reason: 'not a grpc.health.v1.HealthCheckRequest' };
      const state = serving(service);
      if (state === undefined) return { code: 5, reason: `unknown service ${JSON.stringify(service)}` };
      return { code: 0, message: state ? answers.true : answers.false };
    },
  };
  return [['/grpc.health.v1.Health/Check', check]];
}

/** @returns undefined when these are not the message's bytes; a name of 127 bytes and more is nobody's */
function readService(message: Uint8Array): string | undefined {
  if (message.length === 0) return '';
  if (message[0] !== 0x0a || message[1] !== message.length - 2 || message[1] > 127) return undefined;
  return Buffer.from(message.subarray(2)).toString('utf8');
}
