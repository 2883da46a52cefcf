/** Puts a package together: what its metadata says, and the files that are there. */

import { checkRelativePath, UnsafePathError } from '../storage/relative-path.ts'
import { foldName, roleOfSuffix } from './file-name.ts'
import {
  type CatalogProblem,
  catalogProblem,
  type FileRole,
  type NamedPayload,
  type Package,
  type PackageDescription,
  type PackageFile,
  type PayloadState
} from './package.ts'

/** A file of the repository with its digests, before it is known what it is for. */
export interface KnownFile extends Omit<PackageFile, 'role'> {
  readonly suffix: string
}

export interface AssemblyInput {
  readonly description: PackageDescription
  readonly metadataFile: KnownFile
  /** The files beside the metadata whose names begin with the fixid or the metadata's own base name. */
  readonly siblings: readonly KnownFile[]
  /** The files that the metadata names, as far as they are there: those of `namedPaths`, by path. */
  readonly namedFiles: ReadonlyMap<string, KnownFile>
  /** The digests that a signature file beside the metadata promises. */
  readonly promises: readonly FilePromise[]
}

/**
 * What a file must be; its name may have a path as the metadata does, and without one it is of the only payload there
 * is.
 */
export interface FilePromise {
  readonly fileName: string
  readonly size?: number
  readonly sha256: string
}

export interface Assembly {
  readonly package: Package
  readonly problems: readonly CatalogProblem[]
}

/** The package, with its files in the order in which an archive holds them. */
export function assemblePackage(input: AssemblyInput): Assembly {
  const { description, metadataFile } = input
  const problems: CatalogProblem[] = []
  const files = new Map<string, PackageFile>()
  const add = (file: KnownFile, role: FileRole) => {
    const { path, size, crc32, sha256, modifiedAt } = file
    files.set(path, { path, role, size, crc32, sha256, modifiedAt })
  }

  for (const sibling of input.siblings) add(sibling, roleOfSuffix(sibling.suffix))
  for (const name of description.companions) {
    const file = findNamed(input, name)
    if (file !== undefined) add(file, roleOfSuffix(file.suffix))
  }
  let missingPayloads = 0
  for (const payload of description.payloads) {
    const file = findNamed(input, payload.name, problems)
    if (file === undefined) missingPayloads += 1
    else {
      add(file, 'payload')
      problems.push(...verifyPayload(file, withPromise(payload, input)))
    }
  }
  // A V3 package that is one .zip is its own payload; any other metadata file is metadata, whatever its name.
  const isWholePackage = metadataFile.suffix === '.zip'
  add(metadataFile, isWholePackage ? 'payload' : 'metadata')

  const payloads = [...files.values()].filter((file) => file.role === 'payload')
  for (const payload of payloads) if (payload.size === 0) problems.push(catalogProblem('empty-payload', payload.path))
  const isWhole = payloads.some((file) => file.size > 0) && missingPayloads === 0
  return {
    package: {
      ...description,
      payloadState: payloadState(description, isWhole),
      files: [...files.values()].sort(byPath)
    },
    problems
  }
}

function payloadState(description: PackageDescription, isWhole: boolean): PayloadState {
  if (isWhole) return 'present'
  const hasNone = description.kind === 'system-pack' && description.payloads.length === 0
  return hasNone ? 'none' : 'missing'
}

/** The paths from the root of all files that a description names; names that are not safe are left out. */
export function namedPaths(description: PackageDescription, metadataPath: string): string[] {
  const names = [...description.companions, ...description.payloads.map((payload) => payload.name)]
  return names.flatMap((name) => namedPath(name, metadataPath) ?? [])
}

function findNamed(input: AssemblyInput, name: string, problems?: CatalogProblem[]): KnownFile | undefined {
  const path = namedPath(name, input.metadataFile.path)
  if (path === undefined) {
    problems?.push(catalogProblem('unsafe-payload-path', input.metadataFile.path, JSON.stringify(name)))
    return undefined
  }
  // Metadata may write a name in another case than the file has it.
  return input.namedFiles.get(path) ?? input.siblings.find((file) => foldName(file.path) === foldName(path))
}

function namedPath(name: string, metadataPath: string): string | undefined {
  try {
    return metadataPath.slice(0, metadataPath.lastIndexOf('/') + 1) + checkRelativePath(name)
  } catch (error) {
    if (error instanceof UnsafePathError) return undefined
    throw error
  }
}

function withPromise(payload: NamedPayload, { promises, description }: AssemblyInput): NamedPayload {
  // A signature names its file by the path that the index gives it, by its last part alone, or not at all.
  const names = [payload.name, payload.name.slice(payload.name.lastIndexOf('/') + 1)]
  if (description.payloads.length === 1) names.push('')
  const promise = promises.find((candidate) => names.includes(candidate.fileName))
  return promise === undefined
    ? payload
    : { ...payload, ...(promise.size === undefined ? {} : { size: promise.size }), sha256: promise.sha256 }
}

function verifyPayload(file: KnownFile, payload: NamedPayload): CatalogProblem[] {
  if (file.size === 0) return []
  if (payload.size !== undefined && payload.size !== file.size) {
    return [catalogProblem('size-mismatch', file.path, `${payload.size} bytes are recorded, ${file.size} are there`)]
  }
  if (payload.sha256 !== undefined && payload.sha256 !== file.sha256) {
    return [catalogProblem('digest-mismatch', file.path, `${payload.sha256} is recorded, ${file.sha256} is there`)]
  }
  return []
}

function byPath(left: PackageFile, right: PackageFile): number {
  return left.path < right.path ? -1 : left.path > right.path ? 1 : 0
}
