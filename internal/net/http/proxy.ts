import type { ProxyEnv } from 'node:http';

/**
 * Which proxy a URL is asked through. As in Go: `proxy_url` counts for every host; without it the environment does
 * (either case of the names), but never for the machine itself.
 * @returns the form in which Node's agents take it; undefined where there is none
 */
export function proxyFor(
  url: URL,
  proxyUrl: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): ProxyEnv | undefined {
  if (proxyUrl) return { HTTP_PROXY: proxyUrl, HTTPS_PROXY: proxyUrl };
  if (isLoopback(url.hostname)) return undefined;
  const either = (name: string) => env[name] || env[name.toLowerCase()];
  const proxy = url.protocol === 'https:' ? either('HTTPS_PROXY') : either('HTTP_PROXY');
  if (!proxy) return undefined;
  const withScheme = proxy.includes('://') ? proxy : `http://${proxy}`;
  return { HTTP_PROXY: withScheme, HTTPS_PROXY: withScheme, NO_PROXY: either('NO_PROXY') };
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
