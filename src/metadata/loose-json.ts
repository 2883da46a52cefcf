/** Reads JSON of undocumented shape: keys are case-insensitive, and absent members have empty values. */
import { decodeText } from './decode-text.ts'
import { MetadataError } from './metadata-error.ts'

export type LooseObject = Readonly<Record<string, unknown>>

/** @throws MetadataError `broken-metadata` when it is not a JSON object. */
export function parseLooseObject(bytes: Uint8Array): LooseObject {
  let value: unknown
  try {
    value = JSON.parse(decodeText(bytes).replace(/^\ufeff/, ''))
  } catch (cause) {
    if (cause instanceof MetadataError) throw cause
    throw new MetadataError('broken-metadata', (cause as Error).message, { cause })
  }
  if (!isObject(value)) throw new MetadataError('broken-metadata', 'it is not a JSON object')
  return value
}

export function member(object: LooseObject, name: string): unknown {
  if (Object.hasOwn(object, name)) return object[name]
  const key = Object.keys(object).find((candidate) => candidate.toLowerCase() === name.toLowerCase())
  return key === undefined ? undefined : object[key]
}

export function objectMember(object: LooseObject, name: string): LooseObject {
  const value = member(object, name)
  return isObject(value) ? value : {}
}

export function textMember(object: LooseObject, name: string): string {
  const value = member(object, name)
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value).trim()
    : ''
}

export function objectsMember(object: LooseObject, name: string): LooseObject[] {
  const value = member(object, name)
  return Array.isArray(value) ? value.filter(isObject) : []
}

/** The texts of an array, or a single text in its place. */
export function textsMember(object: LooseObject, name: string): string[] {
  const value = member(object, name)
  const items = Array.isArray(value) ? value : [value]
  return items
    .filter((item) => typeof item === 'string')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

/** Bundles have dots in the time, `2024-03-01T16.22.44Z`: only the date is kept. */
export function dateOf(text: string): string {
  return /^\d{4}-\d{2}-\d{2}/.exec(text)?.[0] ?? text
}

/** The texts that are not empty, each once. */
export function unique(texts: readonly string[]): string[] {
  return [...new Set(texts.filter((text) => text !== ''))]
}

function isObject(value: unknown): value is LooseObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
