/** Makes packages of the files a scan has read: which metadata counts, and which files each package claims. */
import { createHash } from 'node:crypto'
import { type Assembly, assemblePackage, type KnownFile, namedPaths } from '../../core/catalog/assemble-package.ts'
import { foldName, isPartialDownload } from '../../core/catalog/file-name.ts'
import {
  type CatalogProblem,
  catalogProblem,
  duplicateFixid,
  type Package,
  type PackageDescription
} from '../../core/catalog/package.ts'
import { versionKey } from '../../core/catalog/version-key.ts'
import type { MetadataContents } from '../../metadata/metadata-file.ts'
import { type V3Inventory, type V3Signature, withInventory } from '../../metadata/v3-companions.ts'
import type { DraftPackage } from '../../store/scan/draft-rows.ts'
import type { IndexedFiles, ReadFile } from '../../store/scan/indexed-files.ts'
import type { ScanStore } from '../../store/scan/scan-store.ts'

const PAGE = 500

/** A package that metadata describes, before its files are looked for. */
interface Candidate {
  readonly described: ReadFile
  readonly description: PackageDescription
  /** Whether the metadata file is about this package, and not about a bundle that has it. */
  readonly isSubject: boolean
}

/**
 * Finds every package, and reports what is wrong on the way. Metadata is taken in three rounds: files that describe one
 * package, then indexes of bundles, whose components may have metadata of their own, then .zip files, which may belong
 * to a classic package as its payload.
 * @param betweenPages is awaited now and then; what it throws ends the search
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

/** What the packages of a page are made of is looked up for all of them at once. */
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
    const { package: item, problems: own } = assemble(candidate, siblings(candidate), namedFiles)
    const conflicting = known.get(item.fixid)
    // A component's own metadata counts more than what its bundle says of it.
    if (conflicting?.directory === directory && !candidate.isSubject) continue
    claims.push(file.path, ...item.files.map((claimed) => claimed.path))
    problems.push(...own)
    const hasPayload = item.payloadState === 'present'
    if (conflicting !== undefined) {
      const keepsEarlier = conflicting.hasPayload || !hasPayload
      const [loser, winner] = keepsEarlier
        ? [file.path, conflicting.metadataPath]
        : [conflicting.metadataPath, file.path]
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

/** What the metadata files beside an index add to it. */
interface SaidBySiblings {
  readonly inventory: V3Inventory
  readonly signatures: readonly V3Signature[]
}

function stemsOf({ described, description, isSubject }: Candidate): string[] {
  return [...new Set([foldName(description.fixid), ...(isSubject ? [described.stem] : [])])]
}

async function siblingsOf(
  index: IndexedFiles,
  candidates: readonly Candidate[]
): Promise<(candidate: Candidate) => ReadFile[]> {
  const keys = candidates.flatMap((candidate) =>
    stemsOf(candidate).map((stem) => ({ directory: candidate.described.directory, stem }))
  )
  const byKey = new Map<string, ReadFile[]>()
  for (const file of await index.filesWithStems(keys)) {
    const key = `${file.directory}/${file.stem}`
    byKey.set(key, [...(byKey.get(key) ?? []), file])
  }
  return (candidate) => {
    const { directory, file } = candidate.described
    const all = stemsOf(candidate).flatMap((stem) => byKey.get(`${directory}/${stem}`) ?? [])
    return all.filter((sibling) => sibling.file.path !== file.path)
  }
}

function assemble(
  candidate: Candidate,
  siblings: readonly ReadFile[],
  namedFiles: ReadonlyMap<string, KnownFile>
): Assembly {
  const { described, description, isSubject } = candidate
  const said: Partial<SaidBySiblings>[] = siblings.map(({ contents }) => JSON.parse(contents ?? '{}'))
  const inventory = said.find((contents) => contents.inventory !== undefined)?.inventory
  const assembly = assemblePackage({
    description: inventory === undefined ? description : withInventory(description, inventory),
    metadataFile: described.file,
    siblings: siblings.filter((sibling) => !isOtherPackage(sibling)).map((sibling) => sibling.file),
    namedFiles,
    promises: said.flatMap((contents) => contents.signatures ?? [])
  })
  return isSubject ? assembly : { ...assembly, package: withoutFile(assembly.package, described.file.path) }
}

/** Of two metadata files with one stem each describes a package of its own. */
function isOtherPackage(sibling: ReadFile): boolean {
  return sibling.file.suffix === '.xml' && sibling.contents !== null && 'packages' in JSON.parse(sibling.contents)
}

/** The index of a bundle is a file of the bundle, not of each component. */
function withoutFile(item: Package, path: string): Package {
  return { ...item, files: item.files.filter((file) => file.path !== path) }
}

function toDraftPackage(item: Package, described: ReadFile): DraftPackage {
  const systems = [...item.operatingSystems].sort().join(',')
  return {
    package: item,
    directory: described.directory,
    metadataPath: described.file.path,
    productLine: item.family === '' ? item.fixid : [item.kind, item.category, item.family, systems].join('|'),
    versionKey: versionKey(item.version),
    fingerprint: createHash('sha256')
      .update(JSON.stringify([described.file.path, item]))
      .digest('hex')
  }
}

/** What belongs to no package, unless its reading has said already what is wrong with it. */
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

async function* describedPages(index: IndexedFiles): AsyncGenerator<ReadFile[]> {
  for (let after = '', more = true; more; ) {
    const page = await index.describedPage(after, PAGE)
    yield page
    after = page.at(-1)?.file.path ?? ''
    more = page.length === PAGE
  }
}
