/** What grpc-js's words usually mean, and what to do about it. */
const meanings: readonly (readonly [RegExp, string])[] = [
  [
    /wrong version number|packet length too long/i,
    'the backend speaks plain text: set tls.insecure: true, or begin the endpoint with http://',
  ],
  [
    /no application protocol|^Protocol error/i,
    'it does not speak HTTP/2. Is this an OTLP/HTTP port (4318)? Use the otlp_http exporter for it',
  ],
  [
    /^Failed to connect$/i,
    'it closed the connection before HTTP/2 began. Does it want TLS? Then remove tls.insecure: true',
  ],
  [/self-signed|unable to (verify|get)/i, 'name the authority that signed its certificate in tls.ca_file'],
];

/**
 * grpc-js wraps the error of a connection twice, with the balancer's name and a time of day: what is left says where,
 * what, and what to do. Other details of a status stay as they are.
 */
export function inWords(details: string, endpoint: string): string {
  const wrapped = /^.*No connection established\. Last error: (.*)$/s.exec(details)?.[1];
  if (wrapped === undefined) return details;
  const error = wrapped
    .replace(/\s*Resolution note:.*$/s, '')
    .replace(/\s*\(\d{4}-\d\d-\d\dT[\d:.]+Z\)/, '')
    .replace(/^Error: [0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]*):.*$/s, '$1')
    .replace(/^Error: /, '')
    .replace(/\.$/, '');
  const meaning = meanings.find(([pattern]) => pattern.test(error))?.[1];
  return `cannot reach ${endpoint}: ${error}${meaning ? `: ${meaning}` : ''}`;
}
