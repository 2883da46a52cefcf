/** Compares a package that was sent with the package of the same fixid in the repository. */
import path from 'node:path'
import type { ComparedPackage } from '../../store/imports/import-catalog.ts'
import type { StagedFile } from './staged-files.ts'

export interface Comparison {
  /** Files that the repository does not have yet. */
  readonly added: readonly StagedFile[]
  /** Paths of the repository that have other content than the sent files. */
  readonly conflicting: readonly string[]
}

/** The files of a known package keep their directory. @param known the package of this fixid in the repository */
export function comparePackage(item: ComparedPackage, known: ComparedPackage | undefined): Comparison {
  const from = directoryOf(item.metadataPath)
  const to = known === undefined ? from : directoryOf(known.metadataPath)
  const byPath = new Map((known?.files ?? []).map((file) => [file.path, file]))
  const digests = new Set((known?.files ?? []).map(({ sha256, role }) => `${role} ${sha256}`))
  const added: StagedFile[] = []
  const conflicting: string[] = []
  for (const file of item.files) {
    const target = to + (file.path.startsWith(from) ? file.path.slice(from.length) : path.basename(file.path))
    const existing = byPath.get(target)
    if (existing?.sha256 === file.sha256) continue
    const isMetadata = file.path === item.metadataPath
    if (existing !== undefined) conflicting.push(existing.path)
    // The same file has another name in the repository.
    else if (digests.has(`${file.role} ${file.sha256}`)) continue
    else if (isMetadata && known !== undefined) conflicting.push(known.metadataPath)
    added.push({ file, path: target })
  }
  return { added, conflicting }
}

/** With `/` at its end; empty for the root. */
function directoryOf(file: string): string {
  return file.slice(0, file.lastIndexOf('/') + 1)
}

/** The files of a replaced package that the new one does not have. */
export function obsoletePaths(known: ComparedPackage, item: ComparedPackage, added: readonly StagedFile[]): string[] {
  const digests = new Set(item.files.map(({ sha256 }) => sha256))
  const addedPaths = new Set(added.map((file) => file.path))
  return known.files.filter((file) => !addedPaths.has(file.path) && !digests.has(file.sha256)).map((file) => file.path)
}
