/** What a file of metadata says, whichever kind it is: the one door to this folder. */
import { type SplitName, splitName } from '../core/catalog/file-name.ts'
import type { CatalogProblemCode, PackageDescription } from '../core/catalog/package.ts'
import { MAX_CLASSIC_XML_BYTES, parseClassicXml } from './classic-xml.ts'
import { MetadataError } from './metadata-error.ts'
import {
  MAX_V3_JSON_BYTES,
  parseV3Index,
  parseV3Inventory,
  parseV3Signature,
  type V3Inventory,
  type V3Signature,
  withInventory
} from './v3-json.ts'

/** What one file says. It is kept as JSON beside the file's digests, so that an unchanged file is not read again. */
export type MetadataContents =
  | { readonly packages: readonly PackageDescription[] }
  | { readonly inventory: V3Inventory }
  | { readonly signatures: readonly V3Signature[] }
  | { readonly problem: { readonly code: CatalogProblemCode; readonly reason: string } }

/** One more when a reader understands more than before: then every metadata file is read again. */
export const READER_VERSION = 2

/** Files with other suffixes are never read as metadata. */
export const METADATA_SUFFIXES: readonly string[] = [
  '.xml',
  '_index.json',
  '_inventory.json',
  '_signature.json',
  '.zip'
]

/** Bytes a file with this suffix may have to be read as metadata; undefined for files that are not metadata. */
export function metadataSizeLimit(suffix: string): number | undefined {
  if (suffix === '.xml') return MAX_CLASSIC_XML_BYTES
  return /^_(index|inventory|signature)\.json$/.test(suffix) ? MAX_V3_JSON_BYTES : undefined
}

/**
 * Reads a metadata file that stands in the repository on its own. What is wrong with it is part of the answer.
 * @returns undefined for a file that says nothing the catalog needs
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
 * The same for a file of any name.
 * @param read gives the whole content; it is not asked for where that is too large, or of no interest
 */
export function parseIfMetadata(name: SplitName, size: number, read: () => Uint8Array): MetadataContents | undefined {
  const limit = metadataSizeLimit(name.suffix)
  if (limit === undefined) return undefined
  if (size > limit)
    return { problem: { code: 'metadata-too-large', reason: `${size} bytes, at most ${limit} are read` } }
  return parseMetadataFile(name, read())
}

/** Reads the members of a .zip that its name or content shows to be metadata. */
export type ZipMembers = ReadonlyMap<string, Uint8Array>

/** Whether a member of a .zip, by its name there, is metadata of a V3 package. */
export function isV3Member(name: string): boolean {
  return !name.includes('/') && /(^|_)(index|inventory)\.json$/i.test(name)
}

/**
 * A V3 package that is one .zip: the whole file is its payload.
 * @param baseName name of the .zip without its extension: the fixid, when the index does not say another
 * @returns undefined for a .zip that is not a V3 package
 */
export function parseV3Zip(members: ZipMembers, baseName: string): MetadataContents | undefined {
  const index = findMember(members, '_index.json') ?? findIndex(members)
  if (index === undefined) return undefined
  try {
    const described = parseV3Index(index, baseName)
    // A renamed .zip looks like a bundle of one: its index has another fixid than its name says.
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
