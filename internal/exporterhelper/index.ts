export type { Located, Loss } from './isolate.ts';
export {
  checkOverflow,
  overflowFields,
  type QueueConfig,
  type RetryConfig,
  retryOnFailure,
  sendingQueue,
  timeout,
} from './schema.ts';
export { exporter, type SendContext, type Sender, type StackConfig } from './stack.ts';
