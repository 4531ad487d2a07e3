import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { rejection, type Sender } from './otlp_push_http.ts';

const exportMetrics = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';
const asIs = (bytes: Buffer) => bytes;

/** @param endpoint a URL: `http:` is plain text, `https:` TLS */
export function grpcSender(endpoint: string, headers: Readonly<Record<string, string>>): Sender {
  const url = new URL(endpoint);
  const secure = url.protocol === 'https:';
  const port = url.port || (secure ? '443' : '80');
  const client = new Client(`${url.hostname}:${port}`, secure ? credentials.createSsl() : credentials.createInsecure());
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return {
    send: (body, abort) =>
      new Promise((resolve, reject) => {
        const call = client.makeUnaryRequest(
          exportMetrics,
          asIs,
          asIs,
          Buffer.from(body),
          metadata,
          (error, answer) => {
            abort.removeEventListener('abort', cancel);
            if (abort.aborted) reject(abort.reason);
            else resolve(error ? `${error.code}: ${error.details}` : rejection(answer ?? Buffer.alloc(0)));
          },
        );
        const cancel = () => call.cancel();
        abort.addEventListener('abort', cancel, { once: true });
      }),
    close: () => client.close(),
  };
}
