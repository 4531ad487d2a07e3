/** The part of prom-client that writes the text format; its index takes twelve times as long to load. */
declare module 'prom-client/lib/registry.js' {
  export { Registry as default } from 'prom-client';
}
