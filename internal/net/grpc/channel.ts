import { Channel, type ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';

/**
 * A channel that takes and gives messages as they stand on the wire: prefixed, and compressed by the caller.
 *
 * grpc-js frames in a filter of its own, which knows no zstd, gzips at the default level and copies each message
 * once more. There is no public way around it, so the filter is taken out here (docs/adr/0003-grpc-compression.md).
 * The shape it relies on is checked, and the version is pinned: a new grpc-js fails here and not on the wire.
 */
export function openFramedChannel(target: string, credentials: ChannelCredentials, options: ChannelOptions): Channel {
  const channel = new Channel(target, credentials, options);
  const filters = (channel as unknown as Internals).internalChannel?.filterStackFactory?.factories;
  if (!Array.isArray(filters) || filters.length !== 1) {
    channel.close();
    throw new Error('this version of @grpc/grpc-js has other internals than the one Sluice was built for: use 1.14.7');
  }
  filters[0] = { createFilter: () => asItStands };
  return channel;
}

/** The filters of grpc-js are asked in turn for each part of a call; this one changes none. */
const asItStands = {
  sendMetadata: (metadata: Promise<unknown>) => metadata,
  receiveMetadata: (metadata: unknown) => metadata,
  sendMessage: (message: Promise<unknown>) => message,
  receiveMessage: async (message: unknown) => message,
  receiveTrailers: (status: unknown) => status,
};

interface Internals {
  readonly internalChannel?: { readonly filterStackFactory?: { readonly factories?: unknown[] } };
}
