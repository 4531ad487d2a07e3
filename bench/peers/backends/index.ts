export { BACKEND_NAMES, type BackendName, backend } from './backend.ts';
export { type Elasticsearch, startElasticsearch } from './elasticsearch.ts';
export { type Jaeger, startJaeger } from './jaeger.ts';
export { type Prometheus, promtoolPath, startPrometheus } from './prometheus.ts';
export { keepLogsOnFailure } from './server.ts';
