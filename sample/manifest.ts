/**
 * Lists what was generated, so that tests and benchmarks can compare without reading the tree:
 * `<directory>.corpus.json`, which is next to the tree and not part of it.
 */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { resolve } from 'node:path'
import { finished } from 'node:stream/promises'

export type DefectKind =
  | 'orphan-payload'
  | 'wrong-size'
  | 'duplicate-fixid'
  | 'payload-traversal'
  | 'payload-absolute'
  | 'payload-backslash'
  | 'truncated-xml'
  | 'doctype-bomb'
  | 'empty-payload'
  | 'long-name'
  | 'symlink-outside'
  | 'partial-download'
  | 'missing-member'

export type FileRole = 'payload' | 'metadata' | 'readme' | 'change-history' | 'other'

/** A regular file of the tree. */
export interface FileRecord {
  /** Relative to the repository, with `/`. */
  readonly path: string
  readonly role: FileRole
  readonly size: number
  /** Lower-case hex. */
  readonly sha256: string
}

/** A package as a server must catalog it. */
export interface PackageRecord {
  readonly fixid: string
  readonly form: 'classic' | 'v3' | 'v3-bundle'
  readonly kind: 'update' | 'system-pack'
  readonly category: string
  readonly version: string
  readonly build: string
  /** `YYYY-MM-DD` */
  readonly releaseDate: string
  readonly machineTypes: readonly string[]
  /** False when the payload of the package is missing. */
  readonly downloaded: boolean
  readonly requisites: readonly string[]
  readonly supersedes: readonly string[]
  /** Fixids of the members of a system pack or a bundle, including missing ones. */
  readonly members: readonly string[]
  /** Only for components of a bundle: its fixid. Components may share payload files. */
  readonly bundle?: string
  readonly defect?: DefectKind
  readonly files: readonly FileRecord[]
}

/** An intentional defect of the tree. */
export interface DefectRecord {
  readonly kind: DefectKind
  /** The defective file; for `symlink-outside` it is no regular file, and in no list of files. */
  readonly path: string
  /** The fixid in the metadata, or the one that the file would belong to. */
  readonly fixid: string
  /** The files that were written only for this defect and belong to no listed package. */
  readonly files: readonly FileRecord[]
}

export interface Manifest {
  readonly seed: number
  readonly targetBytes: number
  /** Regular files, each counted once. */
  readonly files: number
  readonly bytes: number
  readonly packages: readonly PackageRecord[]
  readonly defects: readonly DefectRecord[]
}

/** The path of a repository's manifest. */
export function manifestPath(directory: string): string {
  return `${resolve(directory)}.corpus.json`
}

/** Writes the manifest with one record on each line. */
export async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  const stream = createWriteStream(path)
  const done = finished(stream)
  // The error is thrown where the promise is awaited; this handler prevents an unhandled rejection before.
  done.catch(() => {})
  for (const line of manifestLines(manifest)) {
    if (!stream.write(`${line}\n`)) await Promise.race([once(stream, 'drain'), done])
  }
  stream.end()
  await done
}

function* manifestLines({ packages, defects, ...totals }: Manifest): Iterable<string> {
  yield JSON.stringify(totals).replace(/\}$/, ',')
  yield '"packages":['
  yield* recordLines(packages)
  yield '],"defects":['
  yield* recordLines(defects)
  yield ']}'
}

function* recordLines(records: readonly unknown[]): Iterable<string> {
  for (const [index, record] of records.entries()) {
    yield `${JSON.stringify(record)}${index < records.length - 1 ? ',' : ''}`
  }
}
