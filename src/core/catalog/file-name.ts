/** What the name of a repository file means: which files belong together, and the role of each. */
import type { FileRole } from './package.ts'

export interface SplitName {
  /** What the files of one package share: the fixid, or the base name of the metadata file. */
  readonly stem: string
  /** The rest, lower case, with its dot or underscore; empty when the name has none. */
  readonly suffix: string
}

/**
 * A fixid has dots and underscores of its own (`…_1.1.1`, `…-1.50_anyos`), so a name is never cut at its first dot: it
 * ends in one of these compound suffixes or in one plain extension that begins with a letter.
 */
const SUFFIX = /(?:\.tar\.gz|\.pd\.sdd|\.dd\.xml|_(?:index|inventory|location|signature)\.json|\.[a-z][a-z0-9]{0,9})$/i

const PAYLOAD_SUFFIXES: ReadonlySet<string> = new Set(
  '.uxz .zip .bin .exe .tgz .tar.gz .tar .lvt .rom .hpm .ima .img .iso .rpm .cap .fd'.split(' ')
)

const ROLES: Readonly<Record<string, FileRole>> = {
  '.xml': 'metadata',
  '_index.json': 'metadata',
  '_inventory.json': 'metadata',
  '_location.json': 'metadata',
  '_signature.json': 'metadata',
  '.json': 'metadata',
  '.txt': 'readme',
  '.html': 'readme',
  '.htm': 'readme',
  '.chg': 'change-history'
}

const PARTIAL_SUFFIXES: ReadonlySet<string> = new Set(
  '.crdownload .part .partial .download .tmp .opdownload'.split(' ')
)

/** Cuts the suffix off a file name. */
export function splitName(name: string): SplitName {
  const suffix = SUFFIX.exec(name)?.[0] ?? ''
  return { stem: name.slice(0, name.length - suffix.length), suffix: suffix.toLowerCase() }
}

/** What a file with this suffix is for within its package. */
export function roleOfSuffix(suffix: string): FileRole {
  return PAYLOAD_SUFFIXES.has(suffix) ? 'payload' : (ROLES[suffix] ?? 'other')
}

/** A browser or a copy program was not finished with this file. */
export function isPartialDownload(suffix: string): boolean {
  return PARTIAL_SUFFIXES.has(suffix)
}

/** Whether a name is the fixid with a suffix, or that of a download of such a file that was not finished. */
export function isNamedAfter(fixid: string, name: string): boolean {
  const { stem, suffix } = splitName(name)
  const stems = isPartialDownload(suffix) ? [stem, splitName(stem).stem] : [stem]
  return stems.some((candidate) => foldName(candidate) === foldName(fixid))
}

/**
 * The form in which names are compared. Metadata and files are often written in different cases, and some file systems
 * do not tell cases apart.
 */
export function foldName(name: string): string {
  return name.normalize('NFC').toLowerCase()
}
