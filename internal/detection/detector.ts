import { z } from 'zod';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/telemetry.ts';
import type { Plain } from '../otlp/view/value.ts';
import type { Surroundings } from './surroundings.ts';

/** Attribute names and values, in the order in which they were found. */
export type Attributes = ReadonlyMap<string, Plain>;

/** What a detector says of the place where this process runs. */
export interface Found {
  /** Empty where the process runs in another kind of place. */
  readonly attributes: Attributes;
  /** Of the semantic conventions that the attributes follow; '' where nobody says. */
  readonly schemaUrl: string;
  /** Why there are no attributes. */
  readonly reason?: string;
}

/** What a detector may ask of the world. */
export interface Question {
  readonly surroundings: Surroundings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Fires when the time is up. */
  readonly abort: AbortSignal;
  /** The attribute is switched on: what is dear to find is asked for only then. */
  wants(name: string): boolean;
}

/** A detector as the configuration knows it. */
export interface DetectorKind {
  readonly name: string;
  /** The attributes that it may set by names known beforehand, and which of them are on unless the configuration says otherwise. */
  readonly attributes: Readonly<Record<string, boolean>>;
  /** The fields of its section besides `resource_attributes`. */
  readonly fields: z.ZodRawShape;
  /** Attributes that are switched off may be in the answer. @throws Error that says what failed and what to do */
  detect(question: Question, config: never): Promise<Found>;
}

/** Checks the configuration that `detect` takes against the fields; does nothing at run time. */
export function detectorKind<const F extends z.ZodRawShape>(kind: {
  readonly name: string;
  readonly attributes: Readonly<Record<string, boolean>>;
  readonly fields: F;
  detect(question: Question, config: z.output<z.ZodObject<F>>): Promise<Found>;
}): DetectorKind {
  return kind;
}

/** That of the Go collector's detectors. */
export const schemaUrl = 'https://opentelemetry.io/schemas/1.40.0';

/** @param values by attribute name; what is empty or undefined is left out */
export function found(values: Readonly<Record<string, Plain>>): Found {
  const known = Object.entries(values).filter(([, value]) => value !== undefined && value !== '');
  return { attributes: new Map(known), schemaUrl };
}

/** The process does not run in such a place. */
export function elsewhere(reason: string): Found {
  return { attributes: new Map(), schemaUrl: '', reason };
}

/** For detectors that have no fields of their own. */
export const noFields = z.object({}).shape;
