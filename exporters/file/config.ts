import { z } from 'zod';
import { ignored, object, section, unsupported } from '../../internal/config/fields.ts';
import { retryOnFailure, sendingQueue } from '../../internal/exporterhelper/index.ts';

const mebibyte = 1024 * 1024;

/** Upstream: exporter/fileexporter of opentelemetry-collector-contrib. */
export const schema = object({
  path: z.string().min(1, 'expected the path of a file').describe('File to write to.'),
  format: z.enum(['json', 'proto']).default('json').describe('OTLP/JSON, or OTLP protobuf with its length in front.'),
  append: z.boolean().default(false).describe('Keep what the file holds at the start; otherwise it begins empty.'),
  compression: z
    .enum(['', 'none', 'zstd', 'gzip'])
    .default('none')
    .describe('`zstd`: each record compressed, with its length in front, as upstream. `gzip`: a file that zcat reads.'),
  compression_params: section(
    object({
      level: z.int().min(-1).max(22).optional().describe('1 to 22 for zstd, 1 to 9 for gzip; 0 or -1: the fastest.'),
    }),
  ),
  rotation: section(
    object({
      max_megabytes: z.int().min(0).default(100).describe('Size at which a new file begins; 0 means 100.'),
      max_days: z.int().min(0).default(0).describe('Age in days at which backups are removed; 0 keeps them.'),
      max_backups: z.int().min(0).default(100).describe('Backups that are kept; 0 keeps all.'),
      localtime: z.boolean().default(false).describe('Local time in the names of backups instead of UTC.'),
    }),
  ).describe('Off unless present.'),
  create_directory: z.boolean().default(false).describe('Make the parent folder if it is missing.'),
  directory_permissions: z
    .string()
    .regex(/^0?[0-7]{3}$/, 'expected an octal mode such as "0755"')
    .optional()
    .describe('Mode of a folder made by create_directory.'),
  flush_interval: ignored('each record is in the file as soon as it is sent; nothing is held back'),
  group_by: unsupported('writing to one file per resource attribute is not there yet'),
  encoding: unsupported('encoding extensions are not there yet; use format: json or proto'),
  retry_on_failure: retryOnFailure(),
  sending_queue: section(sendingQueue()).describe('Off unless present.'),
}).superRefine((config, ctx) => {
  const wrong = (path: string, message: string) => ctx.addIssue({ code: 'custom', path: [path], message });
  if (config.append && config.rotation) {
    wrong('append', 'has no meaning beside rotation, which always keeps what is in the file: remove one of the two');
  }
  if (config.compression === 'gzip' && (config.compression_params?.level ?? 0) > 9) {
    wrong('compression_params', 'expected a level of at most 9 for gzip');
  }
  if (config.directory_permissions && !config.create_directory) {
    wrong('directory_permissions', 'needs create_directory: true');
  }
});

export type FileConfig = z.output<typeof schema>;

/** 0 is the default of upstream's rotation. */
export function maxBytes(megabytes: number): number {
  return (megabytes || 100) * mebibyte;
}
