/**
 * Decides what an import changes in the repository: what is new, what is there already, and what is there with other
 * content.
 */
import path from 'node:path'
import type { CatalogProblemCode } from '../../core/catalog/package.ts'
import type { ImportChange } from '../../core/import/import.ts'
import { quoteName } from '../../core/import/upload-name.ts'
import { listOf } from '../../core/problems/message.ts'
import { Problem } from '../../core/problems/problem.ts'
import type { RepositoryDirectory } from '../../storage/disk/repository-directory.ts'
import type { ComparedFile, ComparedPackage, ImportCatalog } from '../../store/imports/import-catalog.ts'

export interface ImportPlan {
  readonly changes: readonly ImportChange[]
  /** The fixids of packages that get files. */
  readonly imported: readonly string[]
  /** The fixids of packages of the repository whose files go or change. */
  readonly replaced: readonly string[]
  readonly unchangedCount: number
  /** Staged files that belong to no package. */
  readonly orphans: readonly string[]
}

export interface PlanOptions {
  /** Of what was sent. */
  readonly sent: ImportCatalog
  /** Of the repository. */
  readonly catalog: ImportCatalog
  readonly repository: Pick<RepositoryDirectory, 'kindsOf'>
  readonly isReplacing: boolean
  /** Staged files that were sent as such, and not within an archive. */
  readonly plain: ReadonlySet<string>
}

const PAGE = 200
const MAX_NAMED = 20

/** Nothing can be made of such a file, wherever it was. */
const REFUSED: ReadonlySet<CatalogProblemCode> = new Set([
  'broken-metadata',
  'metadata-too-large',
  'unsafe-metadata',
  'duplicate-fixid',
  'unreadable'
])

/**
 * The packages of an archive may have these: the repository it was made of has them too, and says so. Of a package that
 * is sent by itself they are a mistake.
 */
const REFUSED_ALONE: ReadonlySet<CatalogProblemCode> = new Set([
  'not-metadata',
  'unsafe-payload-path',
  'empty-payload',
  'size-mismatch',
  'digest-mismatch'
])

/** @throws Problem IMPORT_REFUSED, or IMPORT_CONFLICT with the first packages that are there with other content */
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
    const here = new Map((await catalog.packages(page.map(({ fixid }) => fixid))).map((item) => [item.fixid, item]))
    for (const item of page) {
      const known = here.get(item.fixid)
      const { added, conflicting } = compare(item, known)
      const occupied = await occupiedPaths(added, known, options)
      if (conflicting.length > 0) replaced.push(item.fixid)
      if ((conflicting.length > 0 || occupied.length > 0) && !isReplacing) {
        conflicts.push(`${item.fixid} (${[...conflicting, ...occupied][0]})`)
      }
      for (const file of added) staged.add(file)
      if (conflicting.length > 0 && known !== undefined)
        for (const gone of obsolete(known, item, added)) removed.add(gone)
      if (added.length > 0) imported.push(item.fixid)
      else unchangedCount += 1
    }
  }
  if (conflicts.length > 0) {
    const names = listOf(conflicts.slice(0, MAX_NAMED), conflicts.length)
    throw conflict(`The repository has these packages with other content: ${names}.`)
  }
  const shared = await catalog.sharedFiles([...removed])
  const going = [...removed].filter((file) => !shared.has(file) && !staged.byPath.has(file))
  return { changes: inOrder(staged.byPath, going), imported, replaced, unchangedCount, orphans }
}

/** Where a staged file is to lie in the repository. */
interface StagedFile {
  readonly file: ComparedFile
  readonly path: string
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

interface Comparison {
  /** What the repository does not have yet. */
  readonly added: readonly StagedFile[]
  /** Files of the repository that are other ones than those which were sent. */
  readonly conflicting: readonly string[]
}

/** A package that is here already stays where it is. */
function compare(item: ComparedPackage, known: ComparedPackage | undefined): Comparison {
  const from = directoryOf(item.metadataPath)
  const to = known === undefined ? from : directoryOf(known.metadataPath)
  const byPath = new Map((known?.files ?? []).map((file) => [file.path, file]))
  const digests = new Set((known?.files ?? []).map(({ sha256, role }) => `${role} ${sha256}`))
  const added: StagedFile[] = []
  const conflicting: string[] = []
  for (const file of item.files) {
    const target = to + (file.path.startsWith(from) ? file.path.slice(from.length) : path.basename(file.path))
    const present = byPath.get(target)
    if (present?.sha256 === file.sha256) continue
    const isMetadata = file.path === item.metadataPath
    if (present !== undefined) conflicting.push(present.path)
    // The same under another name.
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

/** Of a package that is replaced, what does not come again. */
function obsolete(known: ComparedPackage, item: ComparedPackage, added: readonly StagedFile[]): string[] {
  const digests = new Set(item.files.map(({ sha256 }) => sha256))
  const coming = new Set(added.map((file) => file.path))
  return known.files.filter((file) => !coming.has(file.path) && !digests.has(file.sha256)).map((file) => file.path)
}

/**
 * Paths where something else lies that is not in the catalog as a file of this package.
 * @throws Problem IMPORT_CONFLICT for a file of another package, and for a directory: these are not replaced in any
 * case
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
      throw conflict(`The file ${quoteName(target)} belongs to another package of the repository.`)
    unknown.push(target)
  }
  const found = repository.kindsOf(unknown)
  for (const [target, kind] of found) {
    if (kind === 'directory') throw conflict(`The repository has a directory ${quoteName(target)}.`)
  }
  return [...found.keys()]
}

function conflict(text: string): Problem {
  return new Problem('IMPORT_CONFLICT', text)
}

/** The files that come, by their place in the repository. */
function createStagedFiles() {
  const byPath = new Map<string, StagedFile>()
  const bySource = new Map<string, string>()
  return {
    byPath,
    /**
     * @throws Problem IMPORT_REFUSED when two files would lie at one place, IMPORT_CONFLICT when one would lie at two
     */
    add(file: StagedFile): void {
      const other = byPath.get(file.path)
      if (other !== undefined && other.file.sha256 !== file.file.sha256) {
        throw new Problem('IMPORT_REFUSED', `The file ${quoteName(file.path)} is there twice, with different content.`)
      }
      const target = bySource.get(file.file.path)
      if (target !== undefined && target !== file.path) {
        throw conflict(`The packages of ${quoteName(file.file.path)} lie in different directories of the repository.`)
      }
      if (other !== undefined) return
      byPath.set(file.path, file)
      bySource.set(file.file.path, file.path)
    }
  }
}

/** What describes a package comes last: a package that shows is whole. */
function inOrder(staged: ReadonlyMap<string, StagedFile>, removed: readonly string[]): ImportChange[] {
  const files = [...staged.values()].sort((left, right) => (left.path < right.path ? -1 : 1))
  const isMetadata = ({ file }: StagedFile) => file.role === 'metadata'
  return [
    ...removed.map((gone) => ({ path: gone, staged: undefined })),
    ...[...files.filter((file) => !isMetadata(file)), ...files.filter(isMetadata)].map(({ file, path: target }) => ({
      path: target,
      staged: file.path
    }))
  ]
}
