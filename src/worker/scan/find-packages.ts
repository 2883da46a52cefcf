/** Finds the packages in the files that a scan has read: which metadata counts, and which files each package claims. */
import { namedPaths } from '../../core/catalog/assemble-package.ts'
import { isPartialDownload } from '../../core/catalog/file-name.ts'
import { type CatalogProblem, catalogProblem, duplicateFixid } from '../../core/catalog/package.ts'
import type { MetadataContents } from '../../metadata/metadata-file.ts'
import type { DraftPackage } from '../../store/scan/draft-rows.ts'
import type { IndexedFiles, ReadFile } from '../../store/scan/indexed-files.ts'
import type { ScanStore } from '../../store/scan/scan-store.ts'
import { assembleCandidate, type Candidate, siblingsOf, toDraftPackage } from './assemble-candidate.ts'

const PAGE = 500

/**
 * Finds every package, and reports the problems that it detects. It processes metadata in three rounds: files that
 * describe one package, then indexes of bundles, whose components may have metadata of their own, then .zip files,
 * which may be the payload of a classic package.
 * @param betweenPages is awaited after each page; an error that it throws ends the search
 */
export async function findPackages(store: ScanStore, betweenPages: () => Promise<void>): Promise<void> {
  for (const isOfRound of [isOwnMetadata, isBundle, isZip]) {
    for await (const page of describedPages(store.fileIndex)) {
      const read = page.map((described) => ({ described, contents: JSON.parse(described.contents ?? '{}') }))
      await takePage(
        store,
        read.filter(({ described, contents }) => isOfRound(described, contents))
      )
      await betweenPages()
    }
  }
  await reportUnclaimed(store)
}

interface ReadMetadata {
  readonly described: ReadFile
  readonly contents: MetadataContents
}

function isZip(described: ReadFile): boolean {
  return described.file.suffix === '.zip'
}

function isBundle(described: ReadFile, contents: MetadataContents): boolean {
  return !isZip(described) && 'packages' in contents && contents.packages.length > 1
}

function isOwnMetadata(described: ReadFile, contents: MetadataContents): boolean {
  return !isZip(described) && !isBundle(described, contents)
}

async function takePage(store: ScanStore, page: readonly ReadMetadata[]): Promise<void> {
  const zips = page.filter(({ described }) => isZip(described)).map(({ described }) => described.file.path)
  const claimed = new Set(await store.draft.claimedOf(zips))
  const problems: CatalogProblem[] = []
  const candidates: Candidate[] = []
  for (const { described, contents } of page) {
    if (claimed.has(described.file.path)) continue
    if ('problem' in contents) {
      problems.push(catalogProblem(contents.problem.code, described.file.path, contents.problem.reason))
    }
    if (!('packages' in contents)) continue
    contents.packages.forEach((description, index) => {
      candidates.push({ described, description, isSubject: index === 0 })
    })
  }
  await store.draft.addProblems(problems)
  await takeCandidates(store, candidates)
}

/** Queries the files of all packages of a page at once. */
async function takeCandidates(store: ScanStore, candidates: readonly Candidate[]): Promise<void> {
  if (candidates.length === 0) return
  const siblings = await siblingsOf(store.fileIndex, candidates)
  const paths = candidates.flatMap(({ description, described }) => namedPaths(description, described.file.path))
  const namedFiles = new Map((await store.fileIndex.filesAt(paths)).map((file) => [file.path, file]))
  const earlier = await store.draft.earlierPackages(candidates.map(({ description }) => description.fixid))
  const known = new Map(earlier.map((item) => [item.fixid, item]))
  const found = new Map<string, DraftPackage>()
  const problems: CatalogProblem[] = []
  const claims: string[] = []

  for (const candidate of candidates) {
    const { directory, file } = candidate.described
    const { package: item, problems: own } = assembleCandidate(candidate, siblings(candidate), namedFiles)
    const duplicate = known.get(item.fixid)
    // A component's own metadata takes precedence over the index of its bundle.
    if (duplicate?.directory === directory && !candidate.isSubject) continue
    claims.push(file.path, ...item.files.map((claimed) => claimed.path))
    problems.push(...own)
    const hasPayload = item.payloadState === 'present'
    if (duplicate !== undefined) {
      const keepsEarlier = duplicate.hasPayload || !hasPayload
      const [loser, winner] = keepsEarlier ? [file.path, duplicate.metadataPath] : [duplicate.metadataPath, file.path]
      problems.push(duplicateFixid(loser, item.fixid, winner))
      if (keepsEarlier) continue
    }
    known.set(item.fixid, { fixid: item.fixid, directory, metadataPath: file.path, hasPayload })
    found.set(item.fixid, toDraftPackage(item, candidate.described))
  }
  await store.draft.claim(claims)
  await store.draft.addProblems(problems)
  await store.draft.putPackages([...found.values()])
}

/** Reports files that belong to no package, except those whose metadata has a problem of its own. */
async function reportUnclaimed({ fileIndex, draft }: ScanStore): Promise<void> {
  for (let after = '', more = true; more; ) {
    const page = await fileIndex.unclaimedPage(after, PAGE)
    const problems: CatalogProblem[] = page
      .filter((file) => file.contents === null || !('problem' in JSON.parse(file.contents)))
      .map((file) => catalogProblem(isPartialDownload(file.suffix) ? 'partial-download' : 'orphan-file', file.path))
    await draft.addProblems(problems)
    after = page.at(-1)?.path ?? ''
    more = page.length === PAGE
  }
}

async function* describedPages(fileIndex: IndexedFiles): AsyncGenerator<ReadFile[]> {
  for (let after = '', more = true; more; ) {
    const page = await fileIndex.describedPage(after, PAGE)
    yield page
    after = page.at(-1)?.file.path ?? ''
    more = page.length === PAGE
  }
}
