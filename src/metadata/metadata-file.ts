/** Parses a metadata file of any kind; the entry point to this folder. */
import { type SplitName, splitName } from '../core/catalog/file-name.ts'
import type { CatalogProblemCode, PackageDescription } from '../core/catalog/package.ts'
import { MAX_CLASSIC_XML_BYTES, parseClassicXml } from './classic-xml.ts'
import { MetadataError } from './metadata-error.ts'
import {
  parseV3Inventory,
  parseV3Signature,
  type V3Inventory,
  type V3Signature,
  withInventory
} from './v3-companions.ts'
import { MAX_V3_JSON_BYTES, parseV3Index } from './v3-index.ts'

/** The content of one file. The file index keeps it as JSON, so that an unchanged file is not parsed again. */
export type MetadataContents =
  | { readonly packages: readonly PackageDescription[] }
  | { readonly inventory: V3Inventory }
  | { readonly signatures: readonly V3Signature[] }
  | { readonly problem: { readonly code: CatalogProblemCode; readonly reason: string } }

/** Increased when a parser extracts more than before: then every metadata file is parsed again. */
export const READER_VERSION = 2

/** The suffixes of metadata files. */
export const METADATA_SUFFIXES: readonly string[] = [
  '.xml',
  '_index.json',
  '_inventory.json',
  '_signature.json',
  '.zip'
]

/** Largest size of a metadata file with this suffix, in bytes; undefined for files that are not metadata. */
export function metadataSizeLimit(suffix: string): number | undefined {
  if (suffix === '.xml') return MAX_CLASSIC_XML_BYTES
  return /^_(index|inventory|signature)\.json$/.test(suffix) ? MAX_V3_JSON_BYTES : undefined
}

/**
 * Parses a metadata file. An error in the file is part of the result.
 * @returns undefined for a file that contributes nothing to the catalog
 */
export function parseMetadataFile(name: SplitName, bytes: Uint8Array): MetadataContents | undefined {
  try {
    if (name.suffix === '.xml') return { packages: [parseClassicXml(bytes, name.stem)] }
    if (name.suffix === '_index.json') return { packages: parseV3Index(bytes, name.stem) }
    if (name.suffix === '_inventory.json') return { inventory: parseV3Inventory(bytes) }
    return name.suffix === '_signature.json' ? { signatures: parseV3Signature(bytes) } : undefined
  } catch (error) {
    if (error instanceof MetadataError) return { problem: { code: error.code, reason: error.message } }
    throw error
  }
}

/**
 * Parses a file of any name.
 * @param read returns the whole content; it is not called for files that are too large or not metadata
 */
export function parseIfMetadata(name: SplitName, size: number, read: () => Uint8Array): MetadataContents | undefined {
  const limit = metadataSizeLimit(name.suffix)
  if (limit === undefined) return undefined
  if (size > limit)
    return { problem: { code: 'metadata-too-large', reason: `${size} bytes, at most ${limit} are read` } }
  return parseMetadataFile(name, read())
}

/** The content of metadata members in a .zip, by name. */
export type ZipMembers = ReadonlyMap<string, Uint8Array>

/** Whether the member of a .zip with this name is metadata of a V3 package. */
export function isV3Member(name: string): boolean {
  return !name.includes('/') && /(^|_)(index|inventory)\.json$/i.test(name)
}

/**
 * Parses the metadata of a V3 package that is one .zip: the whole file is its payload.
 * @param baseName name of the .zip without its extension: the fixid, unless the index contains another one
 * @returns undefined for a .zip that is not a V3 package
 */
export function parseV3Zip(members: ZipMembers, baseName: string): MetadataContents | undefined {
  const index = findMember(members, '_index.json') ?? findIndex(members)
  if (index === undefined) return undefined
  try {
    const described = parseV3Index(index, baseName)
    // A renamed .zip looks like a bundle of one component: the fixid of its index differs from its name.
    const [component, ...others] = described.filter(({ kind }) => kind === 'update')
    const subject = others.length === 0 ? (component ?? described[0]) : described[0]
    if (subject === undefined) return undefined
    const inventory = findMember(members, '_inventory.json')
    const description = inventory === undefined ? subject : withInventory(subject, parseV3Inventory(inventory))
    return { packages: [{ ...description, kind: 'update', form: 'v3', members: [], payloads: [], companions: [] }] }
  } catch (error) {
    if (error instanceof MetadataError) return { problem: { code: error.code, reason: error.message } }
    throw error
  }
}

function findIndex(members: ZipMembers): Uint8Array | undefined {
  for (const [name, bytes] of members) if (name.toLowerCase() === 'index.json') return bytes
  return undefined
}

function findMember(members: ZipMembers, suffix: string): Uint8Array | undefined {
  for (const [name, bytes] of members) if (splitName(name).suffix === suffix) return bytes
  return undefined
}
