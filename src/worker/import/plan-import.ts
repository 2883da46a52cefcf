/** Plans the changes of an import: which files are new, which exist already, and which replace others. */
import type { CatalogProblemCode } from '../../core/catalog/package.ts'
import type { ImportChange } from '../../core/import/import.ts'
import { quoteName } from '../../core/import/upload-name.ts'
import { listOf } from '../../core/problems/message.ts'
import { Problem } from '../../core/problems/problem.ts'
import type { RepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import type { ComparedPackage, ImportCatalog } from '../../store/imports/import-catalog.ts'
import { comparePackage, obsoletePaths } from './compare-package.ts'
import { changesInOrder, createStagedFiles, importConflict, type StagedFile } from './staged-files.ts'

export interface ImportPlan {
  readonly changes: readonly ImportChange[]
  /** The fixids of packages that get files. */
  readonly imported: readonly string[]
  /** The fixids of packages of the repository whose files are removed or changed. */
  readonly replaced: readonly string[]
  readonly unchangedCount: number
  /** Staged files that belong to no package. */
  readonly orphans: readonly string[]
}

export interface PlanOptions {
  /** The packages that were sent. */
  readonly sent: ImportCatalog
  /** The packages of the repository. */
  readonly catalog: ImportCatalog
  readonly repository: Pick<RepositoryDirectory, 'kindsOf'>
  readonly isReplacing: boolean
  /** Staged files that were not in an archive. */
  readonly plain: ReadonlySet<string>
}

const PAGE = 200
const MAX_NAMED = 20

/** A file with one of these problems refuses the import, also in an archive. */
const REFUSED: ReadonlySet<CatalogProblemCode> = new Set([
  'broken-metadata',
  'metadata-too-large',
  'unsafe-metadata',
  'duplicate-fixid',
  'unreadable'
])

/**
 * Allowed in an archive: the repository that it was exported from has the same problems, and reports them. Refused in
 * plain files.
 */
const REFUSED_ALONE: ReadonlySet<CatalogProblemCode> = new Set([
  'not-metadata',
  'unsafe-payload-path',
  'empty-payload',
  'size-mismatch',
  'digest-mismatch'
])

/** @throws Problem IMPORT_REFUSED, or IMPORT_CONFLICT with the first packages whose content differs */
export async function planImport(options: PlanOptions): Promise<ImportPlan> {
  const { sent, catalog, isReplacing } = options
  const orphans = await refuseProblems(options)
  const staged = createStagedFiles()
  const removed = new Set<string>()
  const conflicts: string[] = []
  const imported: string[] = []
  const replaced: string[] = []
  let unchangedCount = 0

  for (let page = await sent.page('', PAGE); page.length > 0; page = await sent.page(page.at(-1)?.fixid ?? '', PAGE)) {
    const existing = new Map((await catalog.packages(page.map(({ fixid }) => fixid))).map((item) => [item.fixid, item]))
    for (const item of page) {
      const known = existing.get(item.fixid)
      const { added, conflicting } = comparePackage(item, known)
      const occupied = await occupiedPaths(added, known, options)
      if (conflicting.length > 0) replaced.push(item.fixid)
      if ((conflicting.length > 0 || occupied.length > 0) && !isReplacing) {
        conflicts.push(`${item.fixid} (${[...conflicting, ...occupied][0]})`)
      }
      for (const file of added) staged.add(file)
      if (conflicting.length > 0 && known !== undefined)
        for (const obsolete of obsoletePaths(known, item, added)) removed.add(obsolete)
      if (added.length > 0) imported.push(item.fixid)
      else unchangedCount += 1
    }
  }
  if (conflicts.length > 0) {
    const names = listOf(conflicts.slice(0, MAX_NAMED), conflicts.length)
    throw importConflict(`The repository has these packages with other content: ${names}.`)
  }
  const shared = await catalog.sharedFiles([...removed])
  const deleted = [...removed].filter((file) => !shared.has(file) && !staged.byPath.has(file))
  return { changes: changesInOrder(staged.byPath, deleted), imported, replaced, unchangedCount, orphans }
}

/** @returns the files that belong to no package */
async function refuseProblems({ sent, plain }: PlanOptions): Promise<string[]> {
  const orphans: string[] = []
  for (const { code, path: file, text } of await sent.problems()) {
    if (REFUSED.has(code) || (plain.has(file) && REFUSED_ALONE.has(code))) {
      throw new Problem('IMPORT_REFUSED', `The file ${quoteName(file)} is not accepted. ${text}`)
    }
    if (['orphan-file', 'not-metadata', 'partial-download'].includes(code)) orphans.push(file)
  }
  return orphans
}

/**
 * Future paths that exist in the repository, but not as a file of this package in the catalog.
 * @throws Problem IMPORT_CONFLICT for a file of another package, and for a directory: these are never replaced
 */
async function occupiedPaths(
  added: readonly StagedFile[],
  known: ComparedPackage | undefined,
  { catalog, repository }: PlanOptions
): Promise<string[]> {
  const owned = await catalog.files(added.map((file) => file.path))
  const own = new Set(known?.files.map((file) => file.path))
  const unknown: string[] = []
  for (const { file, path: target } of added) {
    const digest = owned.get(target)
    if (digest === file.sha256 || own.has(target)) continue
    if (digest !== undefined)
      throw importConflict(`The file ${quoteName(target)} belongs to another package of the repository.`)
    unknown.push(target)
  }
  const found = repository.kindsOf(unknown)
  for (const [target, kind] of found) {
    if (kind === 'directory') throw importConflict(`The repository has a directory ${quoteName(target)}.`)
  }
  return [...found.keys()]
}
