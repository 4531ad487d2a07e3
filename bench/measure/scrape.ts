/** The value of one series in Prometheus text; labels as written there, such as `quantile="1"`. */
export function seriesValue(text: string, name: string, label = ''): number | undefined {
  for (const line of text.split('\n')) {
    if (!line.startsWith(name) || !line.includes(label)) continue;
    const after = line[name.length];
    if (after !== '{' && after !== ' ') continue;
    return Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return undefined;
}

/** Prometheus text of a subject; empty when it does not answer. */
export async function scrape(port: number): Promise<string> {
  try {
    return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  } catch {
    return '';
  }
}
